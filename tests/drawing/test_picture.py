"""The picture says what the counter says, its bars are to scale, and nothing lies on anything else."""

from __future__ import annotations

import subprocess
import sys
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archkit.blocks import Family, Pen, family_for_now
from archkit.count import count
from archkit.count.memory import kept_for_backward
from archkit.drawing import draw
from archkit.errors import OutputError, SpecError
from archkit.plan import layout
from archkit.spec import ArchSpec, parse, zoo
from tests.drawing.reading import assert_nothing_overlaps, classes, of_class, read, rect_box, texts
from tests.strategies import share, specs

# One of each family, and what is peculiar: no stem, hidden layers in the head, gates, grouped convs.
NETWORKS = [
    "resnet10",
    "resnet50d attn=se",
    "preact-resnet110",
    "[3,1]x[16,32] block=preact-bottleneck attn=eca aa=blur shortcut=avg",
    "mobilenetv3_large_100",
    "efficientnetv2_s",
    "mobilenetv1_100",
    "convnext_tiny",
    "regnety_004",
    "vgg16_bn",
    "[22,1]x[16,32] shortcut=pad",
    "[1]x[1]",
]
METRICS = ("params", "macs", "memory")


def figure(text: str) -> int:
    return int(text.removesuffix(" B").replace(",", ""))


@pytest.mark.parametrize("text", NETWORKS)
def test_each_part_has_the_figures_of_the_counter(text: str) -> None:
    root = read(draw(text).svg)
    account = count(text)
    parts = [part for part in account.parts if part.layers]
    shown = of_class(root, "part")
    assert [texts(one, "title") for one in shown] == [[p.name.replace("stage", "stage ")] for p in parts]
    for one, part in zip(shown, parts, strict=True):
        figures = [figure(found) for found in texts(one, "figure")]
        assert figures[:2] == [part.params, part.macs]
    kept = [figure(texts(one, "figure")[2]) for one in shown]
    assert sum(kept) == kept_for_backward(layout(text), batch=1)
    totals = [figure(found) for found in texts(root, "total")]
    assert totals == [account.params, account.macs, sum(kept)]
    assert [end.split()[0] for end in texts(root, "shape")[1:]] == [
        "x".join(map(str, p.layers[-1].layer.out_shape)) for p in parts
    ]


def test_resnet10_keeps_three_quarters_of_its_parameters_where_a_sixth_of_its_work_is() -> None:
    """By hand: two 3x3 convs and a 1x1 with a bias each, and three batch norms, on maps of 4x4."""
    *_, stage4, _head = of_class(read(draw("resnet10").svg), "part")
    weights = 9 * 256 * 512 + 9 * 512 * 512 + 256 * 512
    params, macs = weights + 3 * 512 + 3 * 2 * 512, weights * 4 * 4
    assert [figure(found) for found in texts(stage4, "figure")[:2]] == [params, macs]
    assert texts(stage4, "share")[:2] == ["74%", "18%"]
    assert round(100 * params / 4_980_234) == 74  # the paper's total
    assert round(100 * macs / 328_930_304) == 18


@pytest.mark.parametrize("names", [("resnet10",), ("resnet10", "[9,9,8,8]x[32,32,80,160]", "resnet12")])
def test_bars_are_to_one_scale(names: tuple[str, ...]) -> None:
    """A full track is the greatest total; every bar is as long as its figure says."""
    root = read(draw(*names).svg)
    accounts = [count(name) for name in names]
    memory = [kept_for_backward(layout(name), batch=1) for name in names]
    most = (max(a.params for a in accounts), max(a.macs for a in accounts), max(memory))
    for part in of_class(root, "part"):
        tracks = [rect_box(mark) for mark in of_class(part, "track")]
        for metric, whole, track in zip(METRICS, most, tracks, strict=True):
            # A text has the metric's class too.
            (bar,) = (rect_box(m) for m in of_class(part, metric) if m.tag.endswith("rect"))
            (said,) = (figure(m.text) for m in of_class(part, metric) if "figure" in classes(m))
            long = (track.right - track.left) * said / whole
            assert bar.right - bar.left == pytest.approx(max(0.5, long), abs=0.02)
            assert bar.left == track.left


def test_widths_are_to_scale() -> None:
    """resnet10's layers, stage by stage, against the widest, and the 10 classes."""
    bars = [rect_box(mark) for mark in of_class(read(draw("resnet10").svg), "bar")]
    wide = [box.right - box.left for box in bars]
    channels = [64, 64, 64, 128, 128, 256, 256, 512, 512, 512, 10]
    unit = max(wide) / 512
    assert wide == [pytest.approx(c * unit, abs=0.02) for c in channels]


def test_a_head_wider_than_any_stage_is_cut_off_and_says_so() -> None:
    root = read(draw("vgg16_bn").svg)
    *_, head = of_class(root, "part")
    wide = [round(box.right - box.left, 1) for box in map(rect_box, of_class(head, "bar"))]
    assert wide[1] == wide[2] == wide[3]  # 4096, 4096 and 1000, beside stages of 512
    assert any("cut off" in (mark.text or "") for mark in root.iter())


@pytest.mark.parametrize(
    ("text", "said", "mark"),
    [
        ("[1,1]x[16,32]", "+ 1x1, 32 /2", "projection"),
        ("[1,1]x[16,32] shortcut=conv3", "+ 3x3, 32 /2", "projection"),
        ("[1,1]x[16,32] shortcut=pad", "+ zeros /2", None),
        ("[1,1]x[16,16] block=plain", "no shortcut", None),
        ("[1,1]x[16,16] block=basic stride=[1,1]", "+ identity", None),
        ("[1,1]x[16,32] block=mbconv", "no shortcut", None),
    ],
)
def test_shortcuts_are_told_apart(text: str, said: str, mark: str | None) -> None:
    stage2 = of_class(read(draw(text).svg), "part")[-2]
    assert said in [one.text for one in stage2.iter()]
    for kind in ("projection", "pooling"):
        assert bool(of_class(stage2, kind)) == (mark == kind)


@pytest.mark.parametrize(
    ("text", "runs"),
    [
        ("[50,50,50]x[16,32,64] shortcut=pad", ["x 50", "x 49", "x 49"]),
        ("resnet101", ["x 2", "x 3", "x 22", "x 2"]),
        ("[1]x[16]", []),
        ("[100000]x[1]", ["x 100,000"]),
        ("[2,3]x[16,32]", ["x 2", "x 2"]),
    ],
)
def test_equal_blocks_are_one(text: str, runs: list[str]) -> None:
    root = read(draw(text).svg)
    assert texts(root, "times") == runs
    assert_nothing_overlaps(draw(text).svg)


def test_blocks_that_are_one_are_equal_and_no_others_are() -> None:
    """Against every block of the whole plan."""
    for text in NETWORKS:
        plan = layout(text)
        parts = of_class(read(draw(text).svg), "part")
        stages = [part for part in parts if texts(part, "title")[0].startswith("stage")]
        for stage, part in zip(plan.stages, stages, strict=True):
            shapes = [[(layer.kind, layer.in_shape, layer.out_shape) for layer in b] for b in stage.blocks]
            runs = 1 + sum(one != other for one, other in pairwise(shapes))
            assert len(of_class(part, "block")) == runs


def test_rows_and_columns_of_a_kernel_are_said() -> None:
    root = read(draw("ds-cnn").svg)
    stem, _, head = of_class(root, "part")
    assert "10x4, 64 /2" in [mark.text for mark in stem.iter()]
    assert any((mark.text or "").startswith("24x5 mean") for mark in head.iter())


def test_dilations_are_said() -> None:
    """With an output stride of 16 the last stage keeps its map, and its 3x3 convs are dilated (DeepLab)."""
    svg = draw("resnet50 output_stride=16").svg
    *_, stage4, _head = of_class(read(svg), "part")
    said = [mark.text for mark in stage4.iter() if mark.text]
    assert "3x3 d2, 512" in said
    assert not any("/2" in one for one in said)
    assert "d2: dilation 2" in [mark.text for mark in read(svg).iter()]
    assert_nothing_overlaps(svg)


@given(st.lists(specs(max_stages=5, max_blocks=5, widths=(1, 4096)), min_size=1, max_size=3))
@settings(max_examples=share(0.6))
def test_any_networks_are_drawn_without_an_overlap(networks: list[ArchSpec]) -> None:
    assert_nothing_overlaps(draw(*networks).svg)


@pytest.mark.parametrize("some", range(8))
def test_every_named_network_is_drawn(some: int) -> None:
    for entry in list(zoo.entries())[some::8]:
        assert_nothing_overlaps(draw(entry.name).svg)


def test_the_largest_figures_have_room() -> None:
    assert_nothing_overlaps(draw("[100000,100000]x[65536,65536] input=3x4096x4096", "[1]x[1]").svg)


def test_names_stand_over_the_networks() -> None:
    root = read(draw("resnet10", "[1]x[8]", names=("the <paper's> & ours", "small " * 30)).svg)
    assert texts(root, "name")[0] == "the <paper's> & ours"
    assert texts(root, "spec") == ["[2,1,1,1]x[64,128,256,512] bias=yes", "[1]x[8]"]
    assert_nothing_overlaps(draw("resnet10", "[1]x[8]", names=("x" * 300, "small " * 30)).svg)


def test_a_narrow_picture_has_the_networks_below_each_other() -> None:
    four = ["resnet10", "resnet12", "resnet14-4", "resnet14-5"]
    wide, narrow = draw(*four), draw(*four, width=390)
    one = float(read(draw("resnet10").svg).get("width"))
    assert float(read(narrow.svg).get("width")) == pytest.approx(one, abs=60)
    assert float(read(wide.svg).get("width")) > 3 * one
    assert texts(read(narrow.svg), "figure") == texts(read(wide.svg), "figure")
    assert_nothing_overlaps(narrow.svg)
    five = read(draw(*four, "resnet20").svg)
    assert float(five.get("width")) == pytest.approx(float(read(wide.svg).get("width")), abs=60)


def test_it_is_described_in_words() -> None:
    root = read(draw("resnet10").svg)
    assert root.get("role") == "img"
    title, description = root[0], root[1]
    assert title.text == "resnet10"
    for said in (
        "4,980,234 parameters",
        "stage 4, 1 block, then 512x4x4",
        "3,674,624 parameters",
        "10 classes",
    ):
        assert said in description.text


def test_the_bytes_are_the_same_in_every_process() -> None:
    code = "import sys; from archkit.drawing import draw; sys.stdout.write(draw('resnet10', 'resnet50').svg)"
    done = [
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, check=True, env={"PYTHONHASHSEED": seed}
        ).stdout
        for seed in ("1", "2")
    ]
    assert done[0] == done[1] == draw("resnet10", "resnet50").svg.encode()


def test_what_is_no_network_is_refused() -> None:
    with pytest.raises(SpecError):
        draw("[1]x[")
    with pytest.raises(OutputError, match="1 to 24 networks, not 0"):
        draw()
    with pytest.raises(OutputError, match="1 names for 2 networks"):
        draw("resnet10", "resnet12", names=["a"])


def test_a_spec_is_drawn_like_its_text() -> None:
    assert draw(parse("[2,1]x[8,16]")).svg == draw("[2,1]x[8,16]").svg


def _nested(pen: Pen, at: Any, c: Any, stride: int, _first: bool) -> None:
    """A residual in a residual, a shortcut that pools, and a second residual behind them."""

    def body(pen: Pen) -> None:
        pen.conv("conv1", 3, c, stride=stride)
        pen.residual(lambda pen: pen.conv("conv2", at.kernel, pen.c))

    def shortcut(pen: Pen) -> None:
        pen.pool("pool", "avg_pool", stride, stride)

    pen.residual(body, shortcut, always=stride != 1)
    pen.residual(lambda pen: pen.conv("conv3", 3, pen.c, groups=pen.c))


def test_a_family_that_is_added_is_drawn() -> None:
    with family_for_now(Family(name="nested", draw=_nested, options=("stride", "kernel"), source="to test")):
        svg = draw("[2,1]x[16,16] block=nested stride=[1,2]").svg
    root = read(svg)
    assert_nothing_overlaps(svg)
    stage2 = of_class(root, "part")[2]
    said = [mark.text for mark in stage2.iter() if mark.text and mark.text.startswith("+")]
    assert said == ["+ identity", "+ 2x2 mean /2", "+ identity"]
    assert len(of_class(stage2, "pooling")) == 1
    # The shortcut around another has a lane of its own, further to the left.
    lanes = [
        float(mark.get("points").split()[1].split(",")[0])
        for mark in stage2.iter()
        if mark.tag.endswith("polyline") and len(mark.get("points").split()) == 4
    ]
    inner, outer, after = lanes
    assert outer < inner == after
