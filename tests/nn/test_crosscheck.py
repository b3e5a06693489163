"""Every counter asked, about archkit's modules and about torchvision's and timm's own: difference 0.

What a tool should report is predicted from the text alone; a tolerance is nowhere.
"""

from __future__ import annotations

import base64
import hashlib
import importlib
import json
import sys
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
import typer
from hypothesis import given, settings
from torch import nn
from torch.nn import functional as F  # noqa: N812 - torch's own customary name

from archkit.cli.check import show_check
from archkit.count.tools import Tool, predict
from archkit.errors import ToolError
from archkit.nn import build, counters
from archkit.nn.counters import ask, ask_apart, version
from archkit.nn.crosscheck import APART, ASKED, crosscheck
from archkit.plan import layout
from archkit.spec import ArchSpec, parse
from archkit.spec.zoo import names
from tests.conftest import Cli
from tests.strategies import specs

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


@pytest.mark.parametrize("name", TORCHVISION)
def test_torchvisions_resnets_at_64(name: str) -> None:
    spec = parse(f"{name} input=3x64x64")
    assert_agrees(spec)
    assert_original_agrees(name, torchvision_module(name), spec)


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
@settings(max_examples=25)
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
    @settings(max_examples=50)
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


@pytest.mark.parametrize("text", [PLAIN, "[1,2]x[8,16] attn=se aa=blur bias=yes stem=deep input=3x48x40"])
@pytest.mark.parametrize("tool", [Tool.ptflops_aten, Tool.torchinfo, Tool.torch, Tool.thop])
def test_without_numbers_the_tools_report_the_same(tool: Tool, text: str) -> None:
    spec = parse(text)
    on_cpu = ask(tool, partial(build, spec), spec.input, device="cpu")
    assert ask(tool, partial(build, spec), spec.input, device="meta") == on_cpu


@pytest.mark.parametrize("tool", sorted(APART))
def test_tools_that_are_asked_in_a_process_of_their_own(tool: Tool) -> None:
    if version(tool) is None:
        pytest.skip(f"{tool} is not installed")
    networks = [
        parse(text) for text in (PLAIN, "[1,2]x[8,16] attn=se aa=blur bias=yes stem=deep norm=group:4")
    ]
    for spec, reported in zip(networks, ask_apart(tool, networks), strict=True):
        assert reported == {p.quantity: p.total for p in predict(layout(spec), tool)}, spec


def installed(folder: Path, name: str, source: bytes, recorded: bytes | None = None) -> None:
    """A distribution that has put `thop/__init__.py` into a folder, as its record says."""
    digest = base64.urlsafe_b64encode(hashlib.sha256(recorded or source).digest()).rstrip(b"=").decode()
    info = folder / f"{name.replace('-', '_')}-9.9.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 9.9\n")
    (info / "RECORD").write_text(f"thop/__init__.py,sha256={digest},{len(source)}\n")
    (folder / "thop").mkdir(exist_ok=True)
    (folder / "thop" / "__init__.py").write_bytes(source)


@pytest.mark.parametrize(("last", "other"), [("thop", "ultralytics-thop"), ("ultralytics-thop", "thop")])
def test_which_of_two_packages_is_imported_as_thop(
    last: str, other: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one installed last has written over the other's files, and pip lists both."""
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "thop", raising=False)
    importlib.invalidate_caches()
    installed(tmp_path, other, b"first")
    assert version(Tool(other)) == "9.9"
    installed(tmp_path, last, b"second")
    assert (version(Tool(last)), version(Tool(other))) == ("9.9", None)


def test_asking_leaves_nothing_behind(capfd: pytest.CaptureFixture[str]) -> None:
    before = (F.relu, F.conv2d, F.avg_pool2d, torch.Tensor.mul, torch.matmul, torch.is_grad_enabled())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert_agrees(parse("[1,1]x[4,8] attn=eca aa=blur"))
    after = (F.relu, F.conv2d, F.avg_pool2d, torch.Tensor.mul, torch.matmul, torch.is_grad_enabled())
    assert before == after
    assert capfd.readouterr() == ("", "")


class Behind(nn.Module):
    """A conv, and something behind it."""

    def __init__(self, function: Callable[[torch.Tensor], torch.Tensor]) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 1, bias=False)
        self.function = function

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.function(self.conv(x))


def global_mean(x: torch.Tensor) -> torch.Tensor:
    return x.mean((2, 3), keepdim=True)


def added(x: torch.Tensor) -> torch.Tensor:
    return x + x


N = 3 * 8 * 8  # elements of the map


@pytest.mark.parametrize(
    ("tool", "function", "figure"),
    [
        (Tool.fvcore, nn.AdaptiveAvgPool2d(1), N),
        (Tool.fvcore, nn.AvgPool2d(8), 0),
        (Tool.fvcore, global_mean, 0),
        (Tool.ptflops, nn.ReLU(), 2 * N),
        (Tool.ptflops, lambda x: F.relu(x), N),
        (Tool.ptflops, torch.relu, 0),
        (Tool.ptflops, nn.AdaptiveAvgPool2d(1), 2 * N),
        (Tool.ptflops, lambda x: F.adaptive_avg_pool2d(x, 1), N),
        (Tool.ptflops, global_mean, 0),
        (Tool.ptflops, added, 0),
        (Tool.ptflops, lambda x: torch.add(x, x), N),
        (Tool.ptflops, lambda x: F.conv2d(x, torch.zeros(3, 3, 1, 1)), 0),
        (Tool.ptflops_aten, lambda x: F.conv2d(x, torch.zeros(3, 3, 1, 1, device=x.device)), 3 * N),
        (Tool.thop, nn.AdaptiveAvgPool2d(1), 3 * (8 * 8 + 1)),
        (Tool.thop, nn.AvgPool2d(8), 3),
        (Tool.thop, global_mean, 0),
    ],
)
def test_a_figure_depends_on_how_a_model_is_written(
    tool: Tool, function: Callable[[torch.Tensor], torch.Tensor], figure: int
) -> None:
    """The table in docs/rosetta.md."""
    quantity = "flops" if tool is Tool.fvcore else "macs"
    alone = ask(tool, partial(Behind, nn.Identity()), (3, 8, 8))[quantity]
    assert ask(tool, partial(Behind, function), (3, 8, 8))[quantity] - alone == figure


class Broken(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)

    def forward(self, _: torch.Tensor) -> torch.Tensor:
        raise RuntimeError("out of order")


@pytest.mark.parametrize("tool", HERE)
def test_a_tool_that_fails_gives_no_figure(tool: Tool) -> None:
    relu = F.relu
    with pytest.raises(ToolError, match="out of order"):
        ask(tool, Broken, (3, 8, 8))
    assert F.relu is relu
    ask(tool, partial(build, parse("[1]x[4]")), (3, 32, 32))


def test_pycls_takes_no_modules() -> None:
    with pytest.raises(ToolError, match="takes no modules"):
        ask(Tool.pycls, Broken, (3, 8, 8))


def test_a_tool_that_fails_is_reported_and_does_not_hide_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> dict[str, int]:
        raise RuntimeError("does not know this torch")

    monkeypatch.setitem(counters._ASK, Tool.thop, fail)
    checks = {check.tool: check for check in crosscheck(parse("[1]x[4]"), tools=(Tool.thop, Tool.torch))}
    assert checks[Tool.thop].failure == "thop: RuntimeError: does not know this torch"
    assert not checks[Tool.thop].agrees
    assert checks[Tool.torch].agrees


def test_a_process_that_fails_is_told_in_one_line() -> None:
    with pytest.raises(ToolError, match=r"^pycls counts networks that it builds itself"):
        ask_apart(Tool.pycls, [parse("[1]x[4]")])


def test_the_command_exits_with_0_where_all_agree(cli: Cli) -> None:
    done = cli("count", PLAIN, "--check")
    assert (done.returncode, done.stderr) == (0, "")
    lines = [line.split() for line in done.stdout.splitlines()]
    for row in (
        ["fvcore", "flops", "329,937,920", "329,937,920", "0"],
        ["ptflops", "macs", "330,830,858", "330,830,858", "0"],
        ["ptflops-aten", "macs", "328,930,314", "328,930,314", "0"],
        ["torchinfo", "mult-adds", "328,936,330", "328,936,330", "0"],
        ["torch", "flops", "657,860,608", "657,860,608", "0"],
        [
            "ultralytics-thop" if version(Tool.thop) is None else "thop",
            "macs",
            "330,937,856",
            "330,937,856",
            "0",
        ],
    ):
        assert row in lines
    absent = [tool.value for tool in ASKED if version(tool) is None]
    assert f"Not installed, and so not asked: {', '.join(absent)}." in " ".join(done.stdout.split())


@pytest.fixture
def one_tool_off_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """FlopCounterMode reports one more than it does, and no other tool is installed."""
    asked = counters._ASK[Tool.torch]

    def one_more(*args: Any) -> dict[str, Any]:
        found = asked(*args)
        return {**found, "flops": found["flops"] + 1}

    monkeypatch.setitem(counters._ASK, Tool.torch, one_more)
    monkeypatch.setattr("archkit.nn.crosscheck.version", lambda t: "2" if t is Tool.torch else None)


@pytest.mark.usefixtures("one_tool_off_by_one")
def test_a_difference_is_shown_and_is_exit_code_1(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit) as exited:
        show_check([parse("[1]x[4]")], tool=None, as_json=False)
    assert exited.value.exit_code == 1
    printed = capsys.readouterr().out
    (row,) = (line.split() for line in printed.splitlines() if line.startswith("torch "))
    assert (row[1], row[-1]) == ("flops", "+1")
    missing = (
        "fvcore, ptflops, ptflops-aten, torchinfo, thop, ultralytics-thop, torchprofile, deepspeed, calflops"
    )
    assert f"Not installed, and so not asked: {missing}." in printed


@pytest.mark.usefixtures("one_tool_off_by_one")
def test_a_difference_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit):
        show_check([parse("[1]x[4]")], tool=None, as_json=True)
    found = {tool["tool"]: tool for tool in json.loads(capsys.readouterr().out)["tools"]}
    assert [figure["difference"] for figure in found["torch"]["figures"]] == [1, 0, 0]
    assert found["thop"] == {"tool": "thop", "version": None, "failure": None, "figures": []}


def test_the_command_asks_one_tool(capsys: pytest.CaptureFixture[str]) -> None:
    show_check([parse(PLAIN)], tool="thop", as_json=True)
    (found,) = json.loads(capsys.readouterr().out)["tools"]
    assert (found["tool"], found["figures"][0]["reported"]) == ("thop", 330_937_856)
    with pytest.raises(typer.BadParameter, match="counts only networks that it builds itself"):
        show_check([parse(PLAIN)], tool="pycls", as_json=True)
