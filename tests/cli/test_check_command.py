"""`archkit count --check`: each tool's figure beside what was predicted of it."""

from __future__ import annotations

import json
from typing import Any

import pytest
import typer

from archkit.cli.check import show_check
from archkit.count.tools import Tool
from archkit.nn import counters
from archkit.nn.counters import version
from archkit.nn.crosscheck import ASKED
from archkit.spec import parse
from tests.conftest import Cli
from tests.nn.test_crosscheck import PLAIN


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
