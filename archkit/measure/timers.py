"""Timing a module where it will run: torch on the CPU or a GPU, onnxruntime or TensorFlow Lite on the CPU."""

from __future__ import annotations

import io
import os
import platform
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from statistics import median
from typing import Any, Final, NamedTuple, TypeAlias

import numpy as np
import torch
from torch import nn

from archkit import __version__
from archkit.count.tflm import file_bytes, lower_chain
from archkit.errors import RunError
from archkit.export.tflite import interpreter_of
from archkit.export.tflite_quantise import unquantised
from archkit.export.tflite_weights import constants
from archkit.plan import Node, Shape
from archkit.processor import cpu_name

__all__ = ["PLACES", "Measured", "Ready", "median_ms", "prepared", "state", "torch_threads"]

PLACES: Final = ("torch-cpu", "onnxruntime", "torch-cuda", "tflite")
"""Where a module can be timed."""

Ready: TypeAlias = Callable[[int], float]
"""Runs so many times, one behind another, and gives the seconds that they took together."""

_SAMPLE: Final = 0.002  # seconds that one sample takes at least: a clock is read once for all of its runs
_FINE: Final = 1e-6  # seconds; the clock of a thread ticks far more slowly on Windows
_LEAST: Final = 5  # samples, however long they take
_MOST: Final = 200  # samples, however short they are


class Measured(NamedTuple):
    """What is timed.

    module: whose layers have the names that they have in the nodes.
    nodes: the same as a plan has it.
    entered: C x H x W of the images or maps that enter.
    """

    module: nn.Module
    nodes: tuple[Node, ...]
    entered: Shape


def prepared(of: Measured, place: str, *, batch: int, threads: int) -> Ready:
    """A module made ready to run on images or maps, B x C x H x W, in float32.

    Raises:
        RunError: there is no such place here, or it takes one image at a time.
        ExportError: TensorFlow Lite lacks an operator.
    """
    module, shape = of.module.eval(), (batch, *of.entered)
    if place == "tflite":
        if batch != 1:
            raise RunError(f"--on tflite runs one image at a time, not {batch}")
        return _tflite(of, threads)
    if place == "onnxruntime":
        return _onnxruntime(module, shape, threads)
    if place == "torch-cuda" and not torch.cuda.is_available():
        raise RunError("torch sees no GPU here; --on torch-cpu measures on the CPU")
    device = torch.device("cuda" if place == "torch-cuda" else "cpu")
    module, x = module.to(device), torch.randn(shape, device=device)
    clock = _clock(threads)

    def run(times: int) -> float:
        with torch.inference_mode():
            if device.type == "cuda":
                return _on_gpu(module, x, times)
            start = clock()
            for _ in range(times):
                module(x)
            return clock() - start

    return run


def _clock(threads: int) -> Callable[[], float]:
    """A clock in seconds; of one thread, one that stands still while other programs run."""
    fine = time.get_clock_info("thread_time").resolution < _FINE
    return time.thread_time if threads == 1 and fine else time.perf_counter


def _on_gpu(module: nn.Module, x: torch.Tensor, times: int) -> float:
    event: Any = torch.cuda.Event  # torch gives it no types
    start, end = event(enable_timing=True), event(enable_timing=True)
    start.record()
    for _ in range(times):
        module(x)
    end.record()
    torch.cuda.synchronize()
    return float(start.elapsed_time(end)) / 1000


def _onnxruntime(module: nn.Module, shape: tuple[int, ...], threads: int) -> Ready:
    import onnx  # noqa: F401 - torch's exporter needs it, and says so less clearly
    import onnxruntime

    x = torch.randn(shape)
    file: Any = io.BytesIO()  # which it takes, whatever its types say
    with warnings.catch_warnings():
        # The exporter that torch would rather have used takes seconds for each block.
        warnings.simplefilter("ignore")
        torch.onnx.export(module, (x,), file, dynamo=False)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "1" if threads > 1 else "0")
    session = onnxruntime.InferenceSession(
        file.getvalue(), sess_options=options, providers=["CPUExecutionProvider"]
    )
    feed: dict[str, Any] = {session.get_inputs()[0].name: x.numpy()}

    clock = _clock(threads)

    def run(times: int) -> float:
        start = clock()
        for _ in range(times):
            session.run(None, feed)
        return clock() - start

    return run


def _tflite(of: Measured, threads: int) -> Ready:
    """The file in float32 that `archkit export` would write, under TensorFlow Lite with its usual kernels."""
    graph = lower_chain(of.nodes, of.entered)
    content = file_bytes(graph, "float32", unquantised(graph, constants(of.module, graph)))
    interpreter = interpreter_of(content, threads=threads)
    (entry,) = interpreter.get_input_details()
    random = np.random.default_rng(0)
    interpreter.set_tensor(entry["index"], random.standard_normal(entry["shape"]).astype(np.float32))
    clock = _clock(threads)

    def run(times: int) -> float:
        start = clock()
        for _ in range(times):
            interpreter.invoke()
        return clock() - start

    return run


def median_ms(run: Ready, seconds: float) -> tuple[float, int]:
    """Milliseconds of one run, and how many samples their median is of.

    The first runs warm up what is measured. A sample is as many runs as take 2 ms, and samples are taken
    for about so many seconds.
    """
    run(1)
    once = max(run(2) / 2, 1e-7)
    times = max(1, round(_SAMPLE / once))
    samples = min(max(_LEAST, int(seconds / (once * times))), _MOST)
    return median(run(times) / times for _ in range(samples)) * 1000, samples


@contextmanager
def torch_threads(threads: int) -> Iterator[None]:
    """Lets torch have so many threads on the CPU."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def state(place: str) -> dict[str, Any]:
    """What a measurement depends on besides the network: the device, programs and load of the machine."""
    device = torch.cuda.get_device_name() if place == "torch-cuda" else cpu_name()
    found: dict[str, Any] = {
        "on": place,
        "device": device,
        "machine": platform.machine(),
        "system": platform.system(),
        "cores": os.cpu_count(),
        # Other programs that run beside a measurement change it.
        "load": [round(one, 2) for one in os.getloadavg()] if hasattr(os, "getloadavg") else None,
        "archkit": __version__,
        "torch": torch.__version__,
    }
    if place == "onnxruntime":
        import onnxruntime

        found["onnxruntime"] = onnxruntime.__version__
    if place == "tflite":
        found["ai-edge-litert"] = version("ai-edge-litert")
    return found
