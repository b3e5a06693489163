"""Whether what the measurements need works on this device, in a minute: a line for each, and what failed.

    python benchmarks/gpu_check.py [--device cuda] [--out FILE.json]

On a small network and the embedded images: the steps of each recipe and technique take no look at the device
(torch raises where the host would wait for it), what is compiled or recorded trains as what is not, a trainer
goes on where it was, a run leaves its files, two runs train at once, and the profiler sees the kernels. One
that fails does not keep the next from being tried.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import torch
from machine import machine
from training import where_time_goes

from archkit.bench import load_data, load_recipe, override
from archkit.bench.data.dataset import DataSet
from archkit.bench.sweep.place import adapt
from archkit.bench.sweep.run import Run
from archkit.bench.sweep.run_spec import run_spec
from archkit.bench.sweep.run_suite import run_suite
from archkit.bench.train.compiling import compiled_afresh
from archkit.bench.train.device import backends, environment, pick_device, synchronize
from archkit.bench.train.device_data import DeviceData
from archkit.bench.train.room import least_held
from archkit.bench.train.trainer import Trainer
from archkit.count.figure import as_bytes
from archkit.spec import ArchSpec, parse

HERE = Path(__file__).resolve().parent
OURS = {HERE, HERE.parent / "archkit" / "bench"}  # folders of which a line is named where something failed
SPEC = "[1,1]x[16,32]"
NEAR = 0.02  # of a loss: bfloat16 has three digits
Check = Callable[[], str]


@contextmanager
def unwatched(device: torch.device) -> Iterator[None]:
    """In the block it is an error to wait for the device."""
    if device.type != "cuda":
        yield
        return
    torch.cuda.set_sync_debug_mode("error")
    try:
        yield
    finally:
        torch.cuda.set_sync_debug_mode("default")


class Checks:
    """What is checked, by name."""

    def __init__(self, data: DataSet, device: torch.device) -> None:
        self._data, self._device = data, device
        self._spec: ArchSpec = adapt(parse(SPEC), data)
        self._index = torch.arange(64, device=device)

    def all(self) -> dict[str, Check]:
        steps = {
            f"steps of {recipe} in {precision} wait for nothing": partial(self.steps, recipe, precision)
            for recipe, precision in (
                ("fast", "float32"),
                ("fast", "bfloat16"),
                ("paper-best", "tf32"),
                ("strong", "bfloat16"),
            )
        }
        return {
            **steps,
            "steps of every technique wait for nothing": self.techniques,
            "a trainer goes on where it was": self.goes_on,
            "the profiler sees kernels": self.kernels,
            "a step holds no less than is said": self.memory,
            "compile=default": lambda: self.compiled("default"),
            "compile=reduce-overhead": lambda: self.compiled("reduce-overhead"),
            "a whole run, CUDA graphs recorded": self.whole_run,
            "two runs at once": self.at_once,
        }

    def trainer(self, recipe: str, **changes: Any) -> Trainer:
        made = override(load_recipe(recipe), [("batch_size", 64), ("epochs", 2), *changes.items()])
        on_device = DeviceData.of(self._data, made, self._device)
        trainer = Trainer(self._spec, on_device, made, seed=0, device=self._device)
        trainer.model.train()
        return trainer

    def steps(self, recipe: str, precision: str) -> str:
        trainer = self.trainer(recipe, precision=precision)
        with backends(trainer.recipe.precision):
            trainer.step(self._index)  # what torch sets up once, it may wait for
            with unwatched(self._device):
                several = trainer.feed.ready([self._index] * 3, 0)
                losses = [trainer.step(index, pixels)[0] for index, pixels in several]
            return f"loss {finite(torch.stack(losses)[-1]):.3f}"

    def techniques(self) -> str:
        changes = {
            "ema": 0.9,
            "stochastic_depth": 0.2,
            "initialise.whitening": True,
            "initialise.dirac": True,
            "resolution.start": 0.5,
            "optimizer.name": "muon" if hasattr(torch.optim, "Muon") else "sgd",
            "optimizer.lr": 0.02,
            "optimizer.lookahead": 2,
            "augment.alternate": True,
            "augment.randaugment": 2,
            "augment.ricap": 0.3,
        }
        losses = []
        for policy in ({}, {"augment.randaugment": 0, "augment.autoaugment": "cifar10"}):
            trainer = self.trainer("fast", **{**changes, **policy})
            trainer.step(self._index)
            with unwatched(self._device):
                losses += [trainer.step(self._index)[0] for _ in range(3)]
        return f"loss {finite(torch.stack(losses)[-1]):.3f}"

    def goes_on(self) -> str:
        trainer = self.trainer("strong")
        before = trainer.state()
        first = finite(trainer.step(self._index)[0])
        trainer.restore(before)
        again = finite(trainer.step(self._index)[0])
        return near(first, again, 1e-3)

    def kernels(self) -> str:
        trainer = self.trainer("fast")

        def steps(count: int) -> None:
            for _ in range(count):
                trainer.step(self._index)
            synchronize(self._device)

        steps(1)
        name, share = where_time_goes(steps, 3, device=self._device)[0]
        if not share:
            raise ValueError("no time was seen")
        return f"{share:.0%} {name[:40]}"

    def memory(self) -> str:
        trainer = self.trainer("fast", precision="float32")
        least = least_held(self._spec, trainer.recipe, batch=len(self._index), gpu=True)
        if self._device.type != "cuda":
            return f"at least {as_bytes(least)}; only a GPU says what it holds"
        trainer.step(self._index)
        torch.cuda.reset_peak_memory_stats(self._device)
        trainer.step(self._index)
        held = torch.cuda.max_memory_allocated(self._device)
        said = f"{as_bytes(held)}, {held / least:.2f} times {as_bytes(least)}"
        if held < least:
            raise ValueError(said)
        return said

    def compiled(self, mode: str) -> str:
        losses = []
        for each in ("none", mode):
            trainer = self.trainer("fast", compile=each)
            before = trainer.state()
            with compiled_afresh(trainer.recipe.compile):
                trainer.warm_up()
                trainer.restore(before)
                trainer.step(self._index)
                with unwatched(self._device):
                    loss = trainer.step(self._index)[0]
                losses.append(finite(loss))
        return near(*losses, NEAR)

    def whole_run(self) -> str:
        recipe = override(load_recipe("demo"), [("epochs", 2), ("compile", "reduce-overhead")])
        with tempfile.TemporaryDirectory() as folder:
            run = run_spec(self._spec, self._data, recipe, device=self._device, out=Path(folder) / "run")
        result = run.result
        return f"{result.test.correct} of {result.test.total}, {result.compile_seconds:.0f} s of compiling"

    def at_once(self) -> str:
        recipe = override(load_recipe("fast"), [("epochs", 1), ("batch_size", 64)])
        runs = [Run(label=SPEC, spec=self._spec, recipe=recipe, seed=seed) for seed in range(2)]
        with tempfile.TemporaryDirectory() as root:
            ended = list(
                run_suite(
                    runs,
                    self._data,
                    device=self._device,
                    root=Path(root),
                    jobs=2,
                    watch=lambda *_: nullcontext(lambda _event: None),
                )
            )
        for one in ended:
            if one.error is not None:
                raise one.error
        return f"{len(ended)} ended"


def finite(loss: torch.Tensor) -> float:
    value = loss.item()
    if not torch.isfinite(loss):
        raise ValueError(f"a loss of {value}")
    return value


def near(one: float, other: float, share: float) -> str:
    said = f"losses {one:.4f} and {other:.4f}"
    if abs(one - other) > share * abs(one):
        raise ValueError(f"{said}, which differ")
    return said


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--device", default="auto")
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    device = pick_device(args.device)
    name = environment(device, "auto").device
    print(f"{name}, torch {torch.__version__}", flush=True)
    found: list[dict[str, Any]] = []
    for what, check in Checks(load_data("shapes").subset(train=640, test=200), device).all().items():
        started = time.perf_counter()
        try:
            said, failed = check(), False
        except Exception as error:  # noqa: BLE001 - the next one may do
            frames = traceback.extract_tb(error.__traceback__)
            last = next((at for at in reversed(frames) if OURS & set(Path(at.filename).parents)), frames[0])
            where = f"{Path(last.filename).name}:{last.lineno}"
            said, failed = f"{type(error).__name__} in {where}: {str(error)[:600]}", True
        seconds = time.perf_counter() - started
        print(f"  {'FAILED' if failed else 'ok':6} {what}: {said} ({seconds:.1f} s)", flush=True)
        found.append({"what": what, "failed": failed, "said": said, "seconds": seconds})
    if args.out is not None:
        record = {"device": name, "machine": machine("torch"), "checks": found}
        args.out.parent.mkdir(parents=True, exist_ok=True)
        args.out.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    return 1 if any(one["failed"] for one in found) else 0


if __name__ == "__main__":
    sys.exit(main())
