"""Asking other counters about a module.

Each tool gets a module of its own, since most leave hooks and attributes behind, and nothing that it
prints is shown. `python -m archkit.nn.counters TOOL SPEC...` asks a tool in a process of its own: calflops,
DeepSpeed and ptflops replace functions of torch while they count, and after an error the first two leave some
replaced.
"""

from __future__ import annotations

import base64
import hashlib
import importlib.metadata
import importlib.util
import io
import json
import logging
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeAlias

import torch
from torch import nn

from archkit.count.tools import Tool
from archkit.errors import ToolError, first_line
from archkit.nn.network import build
from archkit.spec import ArchSpec, parse

__all__ = ["ask", "ask_apart", "version"]

Make: TypeAlias = Callable[[], nn.Module]
Shape: TypeAlias = tuple[int, int, int]

_TIMEOUT: Final = 600.0  # seconds for one process of `ask_apart`

_DISTRIBUTION: Final = {Tool.ptflops_aten: "ptflops"}
"""The package that a tool comes with, where that has another name."""

_THOPS: Final = (Tool.thop, Tool.ultralytics_thop)
"""Both are imported as `thop`: the one that was installed last has written over the other."""

# These see modules or dispatched operators, so they count without computing any numbers. The others must
# run on the CPU: a jit trace fails on the meta device, where torch itself also calls functions that ptflops
# replaces.
_ON_META: Final = frozenset({Tool.ptflops_aten, Tool.torchinfo, Tool.torch, *_THOPS})


def version(tool: Tool) -> str | None:
    """The installed version of a tool, or None where it is not installed.

    Of the two that are imported as `thop` one alone can be there: whose files they are.
    """
    try:
        found = importlib.metadata.distribution(_DISTRIBUTION.get(tool, tool.value))
    except importlib.metadata.PackageNotFoundError:
        return None
    return found.version if tool not in _THOPS or _is_imported(found, "thop") else None


def _is_imported(distribution: importlib.metadata.Distribution, package: str) -> bool:
    """Whether the files of a package that would be imported are those of a distribution.

    Its record holds a hash of each of its files. Where there are none, as in an editable install, it is
    believed.
    """
    found = importlib.util.find_spec(package)
    where = Path(found.origin).parent if found is not None and found.origin is not None else None
    recorded = [
        (file, file.hash)
        for file in distribution.files or ()
        if file.hash and file.parts[0] == package and file.suffix == ".py"
    ]
    if where is None or not recorded:
        return where is not None
    paths = [(where.joinpath(*file.parts[1:]), kind) for file, kind in recorded]
    return all(path.is_file() and _digest(path, kind) == kind.value for path, kind in paths)


def _digest(path: Path, kind: importlib.metadata.FileHash) -> str:
    digest = hashlib.new(kind.mode, path.read_bytes()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def ask(tool: Tool, make: Make, shape: Shape, *, device: str | None = None) -> dict[str, int]:
    """What a tool reports about a module in eval mode, for one image: `{quantity: figure}`.

    >>> from archkit.spec import parse
    >>> spec = parse("[2,1,1,1]x[64,128,256,512]")
    >>> ask(Tool.torch, lambda: build(spec), spec.input)
    {'flops': 657860608, 'params': 4977226, 'trainable params': 4977226}

    Args:
        tool: any but pycls and Keras, which take no modules of torch.
        make: makes a new module each time, on torch's default device.
        shape: C, H, W of the image.
        device: where the module lies, `"meta"` or `"cpu"`. Unless it is given, `meta` for the tools that
            report the same figure there, since that is faster, and `cpu` for the others.

    Raises:
        ToolError: the tool failed, is not installed, or reports a figure that is no integer.
    """
    if tool not in _ASK:
        raise ToolError(f"{tool} counts networks that it builds itself, and takes no modules")
    where = device or ("meta" if tool in _ON_META else "cpu")

    def fresh() -> nn.Module:
        with torch.device("meta"):
            module = make()
        return (module if where == "meta" else _zeroed(module)).eval()

    with _held_back() as noise:
        try:
            found = _ASK[tool](fresh, torch.zeros(1, *shape, device=where))
        except Exception as error:  # another package may raise anything; there is no figure then
            cause = _first_cause(error)
            raise ToolError(f"{tool}: {type(cause).__name__}: {cause}") from error
    for quantity, figure in found.items():
        if figure is None or figure != int(figure):
            # ptflops prints what went wrong and returns None.
            said = noise.getvalue().strip().splitlines()[-1:]
            raise ToolError(f"{tool}: reports {figure} {quantity}, and said: {''.join(said) or 'nothing'}")
    return {quantity: int(figure) for quantity, figure in found.items()}


def ask_apart(tool: Tool, specs: Sequence[ArchSpec]) -> list[dict[str, int]]:
    """Asks a tool about the modules that `build` makes of specs, in a process of its own.

    Raises:
        ToolError: as `ask` does, or where the process ended in another way or gave no answer.
    """
    command = [sys.executable, "-m", "archkit.nn.counters", tool.value, *map(str, specs)]
    try:
        done = subprocess.run(  # noqa: S603 - this interpreter and this module
            command, capture_output=True, text=True, check=False, timeout=_TIMEOUT
        )
    except subprocess.TimeoutExpired:
        raise ToolError(f"{tool}: no answer after {_TIMEOUT:.0f} s") from None
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:]
        raise ToolError(last[0] if last else f"{tool}: its process ended with {done.returncode}")
    answers: list[dict[str, int]] = json.loads(done.stdout.splitlines()[-1])
    return answers


def _first_cause(error: BaseException) -> BaseException:
    """The error that the first of a chain of errors was raised from."""
    while error.__cause__ is not None:
        error = error.__cause__
    return error


def _zeroed(module: nn.Module) -> nn.Module:
    """The module on the CPU, with all its numbers 0.

    It takes no time to draw them, and no stale memory slows a conv down.
    """
    module = module.to_empty(device="cpu")
    with torch.no_grad():
        for tensor in (*module.parameters(), *module.buffers()):
            tensor.zero_()
    return module


@contextmanager
def _held_back() -> Iterator[io.StringIO]:
    """Collects what is printed, and keeps warnings and log messages back."""
    noise = io.StringIO()
    disabled = logging.root.manager.disable
    with redirect_stdout(noise), redirect_stderr(noise), warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        logging.disable(logging.CRITICAL)
        try:
            yield noise
        finally:
            logging.disable(disabled)


def _fvcore(fresh: Make, images: torch.Tensor) -> dict[str, Any]:
    from fvcore.nn import ActivationCountAnalysis, FlopCountAnalysis

    return {
        "flops": FlopCountAnalysis(fresh(), images).total(),
        "activations": ActivationCountAnalysis(fresh(), images).total(),
    }


def _ptflops(fresh: Make, images: torch.Tensor, *, backend: str = "pytorch") -> dict[str, Any]:
    from ptflops import get_model_complexity_info

    macs, params = get_model_complexity_info(
        fresh(),
        tuple(images.shape[1:]),
        print_per_layer_stat=False,
        as_strings=False,
        backend=backend,
    )
    return {"macs": macs, "params": params}


def _ptflops_aten(fresh: Make, images: torch.Tensor) -> dict[str, Any]:
    return _ptflops(fresh, images, backend="aten")


def _torchinfo(fresh: Make, images: torch.Tensor) -> dict[str, Any]:
    from torchinfo import summary

    found = summary(fresh(), input_data=images, verbose=0)
    return {
        "mult-adds": found.total_mult_adds,
        "params": found.total_params,
        "trainable params": found.trainable_params,
    }


def _torch(fresh: Make, images: torch.Tensor) -> dict[str, Any]:
    from torch.utils.flop_counter import FlopCounterMode

    module = fresh()
    with FlopCounterMode(display=False) as counter:
        module(images)
    return {
        "flops": counter.get_total_flops(),
        "params": sum(p.numel() for p in module.parameters()),
        "trainable params": sum(p.numel() for p in module.parameters() if p.requires_grad),
    }


def _thop(fresh: Make, images: torch.Tensor) -> dict[str, Any]:
    from thop import profile

    macs, params = profile(fresh(), inputs=(images,), verbose=False)
    return {"macs": macs, "params": params}


def _torchprofile(fresh: Make, images: torch.Tensor) -> dict[str, Any]:
    from torchprofile import profile_macs

    return {"macs": profile_macs(fresh(), images)}


def _deepspeed(fresh: Make, images: torch.Tensor) -> dict[str, Any]:
    from deepspeed.profiling.flops_profiler import get_model_profile

    flops, macs, params = get_model_profile(
        fresh(), input_shape=tuple(images.shape), print_profile=False, warm_up=0, as_string=False
    )
    return {"macs": macs, "flops": flops, "params": params}


def _calflops(fresh: Make, images: torch.Tensor) -> dict[str, Any]:
    from calflops import calculate_flops

    flops, macs, params = calculate_flops(
        fresh(), input_shape=tuple(images.shape), print_results=False, output_as_string=False
    )
    return {"macs": macs, "flops": flops, "params": params}


_ASK: Final = {
    Tool.fvcore: _fvcore,
    Tool.ptflops: _ptflops,
    Tool.ptflops_aten: _ptflops_aten,
    Tool.torchinfo: _torchinfo,
    Tool.torch: _torch,
    Tool.thop: _thop,
    Tool.ultralytics_thop: _thop,
    Tool.torchprofile: _torchprofile,
    Tool.deepspeed: _deepspeed,
    Tool.calflops: _calflops,
}


def _main(tool: str, *texts: str) -> int:
    try:
        answers = [ask(Tool(tool), partial(build, spec), spec.input) for spec in map(parse, texts)]
    except ToolError as error:
        sys.stderr.write(first_line(error) + "\n")
        return 1
    sys.stdout.write(json.dumps(answers) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(_main(*sys.argv[1:]))
