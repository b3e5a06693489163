"""Every counter asked, about archkit's modules and about torchvision's and timm's own: difference 0.

What a tool should report is predicted from the text alone; a tolerance is nowhere.
"""

from __future__ import annotations

from functools import partial

import pytest
from hypothesis import given, settings
from torch import nn

from archkit.count.tools import Tool, predict
from archkit.nn.counters import ask, ask_apart, version
from archkit.nn.crosscheck import APART, ASKED, crosscheck
from archkit.plan import layout
from archkit.spec import ArchSpec, parse
from archkit.spec.zoo import names
from tests.strategies import share, specs

PLAIN = "[2,1,1,1]x[64,128,256,512]"

# calflops takes a process of its own, which is too slow for every case; it has tests of its own.
HERE = tuple(tool for tool in ASKED if tool not in APART and version(tool) is not None)
has_calflops = pytest.mark.skipif(version(Tool.calflops) is None, reason="calflops is not installed")

SMALL = [name for name in names() if "input=" not in str(parse(name))]
# The others' names, such as resnet110, are in the long run: a trace takes a time in proportion to the depth.
QUICK = ["resnet10", "resnet12", "resnet14-4", "resnet14-5", "paper-resnet18", "resnet20", "resnet20-b"]
QUICK += ["resnet32", "preact-resnet18", "preact-resnet50", "wrn-16-4", "wrn-22-8", "wrn-40-1"]

TORCHVISION = ["resnet18", "resnet34", "resnet50", "resnext50_32x4d", "wide_resnet50_2"]
TORCHVISION_DEEP = ["resnet101", "resnet152", "resnext101_32x8d", "resnext101_64x4d", "wide_resnet101_2"]
# One of timm's for each thing that it alone has: in the normal run, at 64x64.
TIMM_OF_EACH_KIND = [
    "ecaresnet26t",
    "resnet26t",
    "resnet50_gn",
    "resnet50c",
    "resnet34d",
    "resnetblur50d",
    "resnetaa34d",
    "resnetrs50",
    "seresnet18",
    "seresnext26d_32x4d",
    "test_resnet",
]
PRUNED = "pruned conv by conv: each has a width of its own, which no list by stage says"
NOT_COVERED = {"ecaresnet50d_pruned": PRUNED, "ecaresnet101d_pruned": PRUNED}
# A module of the original that is written in another way than archkit's, and the terms of the
# prediction that this tool therefore does not report about it; the rest agrees to the digit.
WRITTEN_DIFFERENTLY: dict[tuple[str, Tool, str], tuple[str, ...]] = {
    # timm.layers.GroupNorm is a child of nn.GroupNorm, and ptflops goes by the exact type.
    ("resnet50_gn", Tool.ptflops, "macs"): ("group norm, 2 an element",),
}


def assert_agrees(spec: ArchSpec, tools: tuple[Tool, ...] = HERE) -> None:
    for check in crosscheck(spec, tools=tools):
        assert check.failure is None, check
        assert check.comparisons
        assert [c.difference for c in check.comparisons] == [0] * len(check.comparisons), (spec, check)


def assert_original_agrees(name: str, make: partial[nn.Module], spec: ArchSpec) -> None:
    for tool in HERE:
        reported = ask(tool, make, spec.input)
        for prediction in predict(layout(spec), tool):
            terms = dict(prediction.terms)
            for absent in WRITTEN_DIFFERENTLY.get((name, tool, prediction.quantity), ()):
                assert terms.pop(absent)
            assert reported[prediction.quantity] == sum(terms.values()), (name, tool, prediction)


def torchvision_module(name: str) -> partial[nn.Module]:
    from torchvision import models

    return partial(models.get_model, name, weights=None)


def timm_module(name: str) -> partial[nn.Module]:
    import timm

    return partial(timm.create_model, name)


def timm_names() -> list[str]:
    import timm

    return sorted(timm.list_models(module="resnet"))


def test_the_tools_of_the_dev_environment_are_there() -> None:
    """Otherwise the tests below would pass by asking nobody."""
    # ultralytics-thop stands in thop's place, so that one of the two is there.
    optional = {Tool.thop, Tool.ultralytics_thop, Tool.torchprofile}
    assert set(HERE) - optional == set(ASKED) - APART - optional
    assert len({Tool.thop, Tool.ultralytics_thop} & set(HERE)) == 1


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=() if name in QUICK else pytest.mark.long) for name in SMALL],
)
def test_named_networks_of_cifar_size(name: str) -> None:
    assert_agrees(parse(name))


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=() if name in ("resnet18", "resnext50_32x4d") else pytest.mark.long)
        for name in TORCHVISION
    ],
)
def test_torchvisions_resnets_at_64(name: str) -> None:
    spec = parse(f"{name} input=3x64x64")
    assert_agrees(spec)
    assert_original_agrees(name, torchvision_module(name), spec)


@pytest.mark.parametrize(
    "text",
    [
        "tf_mixnet_s",
        "resnetv2_50x1_bit",
        "[1,1]x[8,16] weight_std=yes bias=yes stem=deep:8 stem_pool=conv",
        "convnext_zepto_rms_ols",
        "convnextv2_atto",
        "test_convnext",
        "[1,1]x[8,16] norm=rms block=preact attn=se",
    ],
)
def test_norms_and_convs_of_other_kinds(text: str) -> None:
    assert_agrees(parse(f"{text} input=3x64x64"))


@pytest.mark.long
@pytest.mark.parametrize("name", TORCHVISION + TORCHVISION_DEEP)
def test_torchvisions_resnets(name: str) -> None:
    spec = parse(name)
    assert spec.input == (3, 224, 224)
    assert_agrees(spec)
    assert_original_agrees(name, torchvision_module(name), spec)


@pytest.mark.parametrize("name", TIMM_OF_EACH_KIND)
def test_one_of_timms_resnets_of_each_kind(name: str) -> None:
    spec = parse(f"{name} input=3x64x64")
    assert_agrees(spec)
    assert_original_agrees(name, timm_module(name), spec)


@pytest.mark.long
@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.skip(reason=NOT_COVERED[name]) if name in NOT_COVERED else ())
        for name in timm_names()
    ],
)
def test_timms_resnets(name: str) -> None:
    spec = parse(name)
    assert spec.input == (3, 224, 224)
    assert_agrees(spec)
    assert_original_agrees(name, timm_module(name), spec)


def test_the_names_of_timms_module_that_the_zoo_covers(capsys: pytest.CaptureFixture[str]) -> None:
    covered = [name for name in timm_names() if name in names()]
    with capsys.disabled():
        print(f"\ntimm's resnet module: {len(covered)} of {len(timm_names())} names are covered; not:")  # noqa: T201
        for name, reason in NOT_COVERED.items():
            print(f"  {name}: {reason}")  # noqa: T201
        for (name, tool, quantity), terms in WRITTEN_DIFFERENTLY.items():
            print(f"  written differently: {name} for {tool} {quantity}: without {', '.join(terms)}")  # noqa: T201
    assert set(timm_names()) - set(covered) == set(NOT_COVERED)


@given(specs(max_stages=3, max_blocks=2, widths=(4, 24), max_size=40))
@settings(max_examples=share(0.2))
def test_any_network(spec: ArchSpec) -> None:
    assert_agrees(spec)


@pytest.mark.long
@given(specs(widths=(1, 64), max_size=64))
@settings(max_examples=400)
def test_any_network_at_length(spec: ArchSpec) -> None:
    assert_agrees(spec)


@has_calflops
def test_any_network_for_calflops() -> None:
    networks: list[ArchSpec] = []

    @given(specs(max_stages=3, max_blocks=2, widths=(4, 24), max_size=40))
    @settings(max_examples=share(0.5))
    def collect(spec: ArchSpec) -> None:
        networks.append(spec)

    collect()
    for spec, reported in zip(networks, ask_apart(Tool.calflops, networks), strict=True):
        predicted = {p.quantity: p.total for p in predict(layout(spec), Tool.calflops)}
        assert reported == predicted, spec


@has_calflops
def test_calflops_on_named_networks() -> None:
    assert_agrees(parse(PLAIN), (Tool.calflops,))
    networks = [parse(name) for name in ("resnet18", "resnet50")]
    reported = ask_apart(Tool.calflops, networks)
    assert [one["flops"] for one in reported] == [3_636_250_112, 8_211_108_352]
    assert [one["macs"] for one in reported] == [1_814_073_344, 4_089_184_256]
