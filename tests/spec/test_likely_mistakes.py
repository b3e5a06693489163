"""What people type who have used other tools: read, or answered with what was meant."""

from __future__ import annotations

import pytest

from archkit.errors import SpecError
from archkit.spec import ArchSpec, parse, parse_space


@pytest.mark.parametrize(
    ("text", "hint", "span"),
    [
        ("[1]x[16] input=32x32x3", "did you mean 3x32x32?", "32x32x3"),
        ("resnet50 input=224x160x3", "did you mean 3x224x160?", "224x160x3"),
        ("[1]x[16] input=96x96x1", "did you mean 1x96x96?", "96x96x1"),
        ("resnet50 resnet18", "several networks are several texts, each in its own quotes", ""),
        ("resnet50 resnet18 classes=10", "several networks are several texts", "classes"),
        ("64-128", "a range is written 64..128", "-"),
        ("[2]x[64 - 128]", "a range is written 64..128", "-"),
        ("[2]x[-64]", "numbers are 0 or more", "-"),
        ("[1,1]*[16,32]", "as in [2,1,1,1]x[64,128,256,512]", "*"),
        ("resnet50 input=3,224,224", "sizes are joined by x, as in input=3x224x224", ","),
        ("[1]x[16] classes=3,4", "options are separated by blanks", ","),
        ("[1]x[16] bias=True", "did you mean bias=yes?", "True"),
        ("[1]x[16] bias=false", "did you mean bias=no?", "false"),
        ("torchvision.models.resnet50", "did you mean resnet50?", "torchvision.models.resnet50"),
        ("cifar-resnet20", "did you mean resnet20?", "cifar-resnet20"),
        ("resnet50.a1_in1k", "did you mean resnet50?", "resnet50.a1_in1k"),
    ],
)
def test_a_likely_mistake_gets_a_hint(text: str, hint: str, span: str) -> None:
    for read in (parse, parse_space):
        with pytest.raises(SpecError) as caught:
            read(text)
        assert hint in str(caught.value).splitlines()[0]
    with pytest.raises(SpecError) as caught:
        parse(text)
    assert caught.value.span is not None
    assert text[slice(*caught.value.span)] == span


def test_a_capital_x_is_read() -> None:
    assert parse("[2,1]X[16,32] input=1X28X28") == parse("[2,1]x[16,32] input=1x28x28")


def test_small_maps_are_no_channels() -> None:
    """Few channels come first: nothing is read into these."""
    for text in ("1x1x1", "3x3x3", "3x32x1", "4x64x3", "5x5x3", "3x224x224"):
        assert parse(f"[1]x[16] input={text}").input == tuple(map(int, text.split("x")))


def test_python_is_told_the_same() -> None:
    with pytest.raises(SpecError, match="channels last"):
        ArchSpec.make([1], [16], input=(32, 32, 3))
