"""What `archkit count --memory` prints."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from archkit.cli.render import exact, json_line, new_table, show

if TYPE_CHECKING:
    from archkit.spec import ArchSpec

__all__ = ["Target", "Values", "show_on_target"]


class Target(StrEnum):
    """What a network runs on."""

    tflm = "tflm"
    torch = "torch"
    cuda = "cuda"


class Values(StrEnum):
    """What the values of a network are stored as."""

    float32 = "float32"
    int8 = "int8"
    int16x8 = "int16x8"


_ROWS = (
    ("weights", "weights", "parameters x 4"),
    ("buffers", "buffers", "batch norm's mean, variance, count"),
    ("gradients", "gradients", "parameters x 4"),
    ("optimizer_states", "optimizer", "parameters x 4 x states"),
    ("activations", "activations", "what autograd keeps, x batch"),
)


def show_on_target(
    specs: list[ArchSpec],
    target: Target | None,
    *,
    batch: int | None,
    optimizer: str | None,
    values: Values | None,
    as_json: bool,
) -> None:
    """Show what each network takes on a target, or as a plan has it; what is None has its default."""
    batch = 1 if batch is None else batch
    optimizer = optimizer or "momentum"
    match target:
        case Target.tflm:
            _show_device(specs, values=values or Values.int8, as_json=as_json)
        case Target.torch:
            _show_eager(specs, batch=batch, as_json=as_json)
        case Target.cuda:
            _show_training(specs, batch=batch, optimizer=optimizer, as_json=as_json)
        case None:
            _show_memory(specs, batch=batch, optimizer=optimizer, as_json=as_json)


def _show_memory(specs: list[ArchSpec], *, batch: int, optimizer: str, as_json: bool) -> None:
    """Show the memory of each network in float32, for training and for inference."""
    from dataclasses import asdict

    from archkit.count.memory import memory

    for spec in specs:
        found = memory(spec, batch=batch, optimizer=optimizer)
        if as_json:
            totals = {"training": found.training, "inference": found.inference}
            json_line({"spec": str(spec), **asdict(found), **totals})
            continue
        table = new_table("memory", "bytes", "formula", right=("bytes",), title=str(spec))
        for field, name, formula in _ROWS:
            more = "; blur's filters" if field == "buffers" and spec.aa.startswith("blur") else ""
            table.add_row(name, exact(getattr(found, field)), formula + more)
        table.add_row("training", exact(found.training), "all of them", style="bold", end_section=True)
        table.add_row("inference peak", exact(found.inference_peak), "values alive at once, x batch x 4")
        table.add_row("inference", exact(found.inference), "with weights and buffers", style="bold")
        show(table, f"float32, a batch of {exact(batch)}, optimizer {optimizer}.")


def _show_device(specs: list[ArchSpec], *, values: str, as_json: bool) -> None:
    """Show what each network takes under TensorFlow Lite Micro."""
    from dataclasses import asdict

    from archkit.count.tflm import device_memory

    for spec in specs:
        found = device_memory(spec, values=values)
        if as_json:
            json_line({"spec": str(spec), "target": "tflm", **asdict(found), "arena": found.arena})
            continue
        table = new_table("memory", "bytes", "what it is", right=("bytes",), title=str(spec))
        table.add_row("head", exact(found.head), "maps alive at once, as they are laid out")
        table.add_row("tail", exact(found.tail), "structures, with pointers of 64 bits")
        what = "both, rounded up to 16"
        if found.preparing > found.head:
            table.add_row("preparing", exact(found.preparing), "enough until the head lies there")
            what = "tail and preparing, rounded up to 16"
        table.add_row("arena", exact(found.arena), what, style="bold", end_section=True)
        table.add_row("flash", exact(found.flash), "the file, with its weights", style="bold")
        kind = "float32" if values == "float32" else f"quantised to {values}"
        show(table, f"TensorFlow Lite Micro, {kind}, one image at a time; its code is not counted.")


def _show_eager(specs: list[ArchSpec], *, batch: int, as_json: bool) -> None:
    """Show what a forward pass of each network holds in eager torch."""
    from dataclasses import asdict

    from archkit.count.eager import eager_memory

    for spec in specs:
        found = eager_memory(spec, batch=batch)
        if as_json:
            json_line({"spec": str(spec), "target": "torch", **asdict(found), "inference": found.total})
            continue
        table = new_table("memory", "bytes", "what it is", right=("bytes",), title=str(spec))
        table.add_row("weights", exact(found.weights), "parameters x 4")
        table.add_row("buffers", exact(found.buffers), "of norms, and blur's filters")
        what = f"images and maps; planned, they take {exact(found.planned)}"
        table.add_row("peak", exact(found.peak), what)
        table.add_row("inference", exact(found.total), "all of them", style="bold")
        show(table, f"Eager torch, float32, without gradients, a batch of {exact(batch)}.")


def _show_training(specs: list[ArchSpec], *, batch: int, optimizer: str, as_json: bool) -> None:
    """Show what a step of training takes of torch's caching allocator on a GPU."""
    from dataclasses import asdict

    from archkit.count.training import CUBLAS_WORKSPACE, training_peak

    for spec in specs:
        found = training_peak(spec, batch=batch, optimizer=optimizer)
        least, most = found.allocated
        if as_json:
            sums = {"allocated": found.allocated, "cublas": CUBLAS_WORKSPACE}
            json_line({"spec": str(spec), "target": "cuda", **asdict(found), **sums})
            continue
        table = new_table("memory", "bytes", "what it is", right=("bytes",), title=str(spec))
        table.add_row("weights", exact(found.weights), "each tensor a multiple of 512")
        table.add_row("buffers", exact(found.buffers), "of norms, and blur's filters")
        table.add_row("optimizer", exact(found.optimizer_states), "its states")
        what = "images, maps, what autograd keeps, gradients"
        table.add_row("step", exact(found.step[0]), what)
        table.add_row("update", exact(found.update[0]), "gradients, and copies to work in")
        what = "with the greater of these two"
        table.add_row("allocated", exact(least), what, style="bold", end_section=True)
        what = "what blocks may have left over, and layouts"
        table.add_row("at most", f"{exact(most - least)} more", what)
        table.add_row("cuBLAS", f"at most {exact(CUBLAS_WORKSPACE[1])} more", "its workspaces")
        table.add_row("reserved", exact(found.reserved), "in segments, without workspaces")
        show(
            table,
            f"A GPU, float32, a batch of {exact(batch)}, optimizer {optimizer}; cuDNN's workspaces apart.",
        )
