"""In which arithmetic a run computes on which device, and what torch keeps for the whole process."""

import contextlib

import pytest
import torch

from archkit.bench.recipe import override
from archkit.bench.train.device import arithmetic, backends, takes_turns, timed
from archkit.bench.train.engine import train
from archkit.bench.train.events import Step
from archkit.spec import parse

GPU, CPU = torch.device("cuda", 0), torch.device("cpu")
VOLTA, AMPERE, HOPPER = (7, 0), (8, 0), (9, 0)


@pytest.mark.parametrize(
    ("precision", "capability", "expected"),
    [
        ("float32", HOPPER, "float32"),
        ("tf32", HOPPER, "tf32"),
        ("tf32", AMPERE, "tf32"),
        ("tf32", VOLTA, "float32"),
        ("bfloat16", VOLTA, "bfloat16"),  # asked for by name: emulated
        ("auto", HOPPER, "bfloat16"),
        ("auto", VOLTA, "float32"),
    ],
)
def test_what_a_precision_comes_to_on_a_gpu(monkeypatch, precision, capability, expected):
    """Of the device that is meant, which need not be the current one."""
    capabilities = {GPU: capability}
    monkeypatch.setattr(torch.cuda, "get_device_capability", capabilities.__getitem__)
    assert arithmetic(precision, GPU) == expected


@pytest.mark.parametrize(("precision", "expected"), [("float32", "float32"), ("tf32", "float32")])
def test_what_it_comes_to_on_a_cpu(precision, expected):
    assert arithmetic(precision, CPU) == expected


@pytest.mark.parametrize(
    ("capabilities", "expected"),
    [
        ({"cpu_name": "Intel Xeon", "avx512_bf16": True, "amx_bf16": True}, "bfloat16"),
        (
            {"cpu_name": "Intel Xeon", "avx512_bf16": True, "amx_bf16": False},
            "float32",
        ),  # measured to be slower
        ({"cpu_name": "AMD Zen 4", "avx512_bf16": True, "amx_bf16": False}, "bfloat16"),
        ({"cpu_name": "AMD Zen 3", "avx512_bf16": False, "amx_bf16": False}, "float32"),
        ({}, "float32"),
    ],
)
def test_a_cpu_computes_in_bfloat16_if_it_is_faster(monkeypatch, capabilities, expected):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities, raising=False)
    assert arithmetic("auto", CPU) == expected


def flags():
    cudnn, products = torch.backends.cudnn, torch.backends.cuda.matmul
    return cudnn.benchmark, cudnn.allow_tf32, products.allow_tf32


@pytest.mark.parametrize(
    ("precision", "rounded"), [("float32", False), ("tf32", True), ("bfloat16", False), ("auto", False)]
)
def test_float32_is_rounded_where_tf32_is_asked_for(tiny, brief, precision, rounded):
    """While it trains; afterwards all is as it was, which for torch's default is neither of the two."""
    before, seen = flags(), set()
    recipe = override(brief, [("precision", precision)])
    train(
        parse("[1]x[8] input=3x8x8 classes=3"),
        tiny,
        recipe,
        seed=0,
        device=CPU,
        watch=lambda event: seen.add(flags()) if isinstance(event, Step) else None,
    )
    assert seen == {(True, rounded, rounded)}
    assert flags() == before


class Clock:
    """Stands in for a GPU: a call is done 7 ms after the one before, and the host waits only when told."""

    def __init__(self, monkeypatch):
        self.now, self.waits = 0.0, 0
        clock = self

        class Event:
            def __init__(self, *, enable_timing):
                assert enable_timing

            def record(self):
                self.at = clock.now

            def elapsed_time(self, other):
                assert clock.waited_at >= other.at
                return other.at - self.at

        monkeypatch.setattr(torch.cuda, "Event", Event)
        monkeypatch.setattr(torch.cuda, "synchronize", self.wait)
        monkeypatch.setattr(torch.cuda, "device", lambda _device: contextlib.nullcontext())

    def wait(self, *_device):
        self.waits += 1
        self.waited_at = self.now

    def step(self):
        self.now += 7.0


def test_steps_on_a_gpu_are_timed_without_waiting_for_each(monkeypatch):
    clock = Clock(monkeypatch)
    samples = timed(clock.step, GPU, 20)
    assert samples == pytest.approx([0.007] * 20)
    assert clock.waits == 4  # before and after the first two, and before and after the twenty
    slow = Clock(monkeypatch)
    assert timed(lambda: [slow.step() for _ in range(300)], GPU, 20) == pytest.approx([2.1] * 2)


def test_a_gpu_is_shared_in_turns_without_mps(monkeypatch, tmp_path):
    monkeypatch.setenv("CUDA_MPS_PIPE_DIRECTORY", str(tmp_path / "mps"))
    assert takes_turns(GPU)
    assert not takes_turns(CPU)
    (tmp_path / "mps").mkdir()
    assert not takes_turns(GPU)


def test_an_error_leaves_them_as_they_were():
    before = flags()
    with pytest.raises(ZeroDivisionError), backends("tf32"):
        1 / 0  # noqa: B018 - for its error
    assert flags() == before
