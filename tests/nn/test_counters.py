"""What each counter reports, how it is asked, and what becomes of one that fails."""

from __future__ import annotations

import base64
import hashlib
import importlib
import sys
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812 - torch's own customary name

from archkit.count.tools import Tool, predict
from archkit.errors import ToolError
from archkit.nn import build, counters
from archkit.nn.counters import ask, ask_apart, version
from archkit.nn.crosscheck import APART, crosscheck
from archkit.plan import layout
from archkit.spec import parse
from tests.nn.test_crosscheck import HERE, PLAIN, assert_agrees


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
