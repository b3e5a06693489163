"""The small drawing, and drawings with gaps."""

from __future__ import annotations

import re
from xml.etree.ElementTree import Element

import pytest

from archkit.budget import Budget, sample
from archkit.count import count
from archkit.drawing.small import small, with_gaps
from archkit.drawing.view import view
from archkit.spec import parse_space, zoo
from tests.drawing.reading import read


def marks(svg: str, kind: str) -> list[Element]:
    return [one for one in read(svg).iter() if kind in one.get("class", "").split()]


@pytest.mark.parametrize("name", ["resnet10", "resnet50", "mobilenetv2_100", "convnext_tiny", "vgg16"])
def test_the_shares_are_those_of_the_counter(name):
    svg, account = small(view(name)), count(name)
    parts = [part for part in account.parts if part.layers]
    for metric in ("params", "macs"):
        bars = [float(one.get("width")) for one in marks(svg, metric) if one.tag.endswith("rect")]
        assert len(bars) == len(parts)
        for bar, part in zip(bars, parts, strict=True):
            assert bar == pytest.approx(36 * getattr(part, metric) / getattr(account, metric), abs=0.006)


def test_every_named_network_has_one():
    for one in list(zoo.entries())[::25]:
        read(small(view(one.name)))


def test_drawings_with_gaps_are_the_drawings():
    space = parse_space("[1..9]*3..4x[16..320:16] order=nondecreasing")
    drawings = [small(view(one.spec)) for one in sample(space, Budget.read({"max_params": "5M"}), 30)] + [
        small(view("resnet50"))
    ]
    gaps = with_gaps(drawings)
    for drawing, (which, *numbers) in zip(drawings, gaps.numbers, strict=True):
        text = gaps.texts[which]
        assert len(text) == len(numbers) + 1
        filled = "".join(part + str(number) for part, number in zip(text, [*numbers, ""], strict=True))
        assert filled == drawing
        assert all(isinstance(n, int | float) or re.fullmatch(r"(&lt;)?\d+(\.\d+)?", n) for n in numbers)
    # Drawings of one family and as many stages share a text.
    assert len(gaps.texts) <= 5
