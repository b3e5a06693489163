"""In which arithmetic a run computes on which device, and what torch keeps for the whole process."""

import pytest
import torch

from archkit.bench.recipe import override
from archkit.bench.train.device import arithmetic, backends
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


def test_an_error_leaves_them_as_they_were():
    before = flags()
    with pytest.raises(ZeroDivisionError), backends("tf32"):
        1 / 0  # noqa: B018 - for its error
    assert flags() == before
