"""`archkit serve --mcp`, asked by the SDK's own client over standard input and output."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import pytest

from archkit.budget import Budget, Objective, count_within, solve
from archkit.count import totals
from archkit.spec import parse_space
from tests.cli.test_missing_packages import run_without
from tests.conftest import Cli

mcp = pytest.importorskip("mcp", reason="mcp is not installed")
SPACE = "[1..3]*2x[{8,16,32}]"


def asked(*calls: tuple[str, dict]) -> list:
    """What the tools answer, each call in one session of one process."""

    async def ask():
        command = mcp.StdioServerParameters(
            command=sys.executable,
            args=["-c", "from archkit.cli import main; main()", "serve", "--mcp"],
            cwd=str(Path(__file__).parents[2]),
            env={"PYTHONPATH": str(Path(__file__).parents[2])},
        )
        async with mcp.Client(command) as client:
            if not calls:
                return (await client.list_tools()).tools
            return [await client.call_tool(name, arguments) for name, arguments in calls]

    return asyncio.run(ask())


def test_the_tools_say_what_they_take_and_answer():
    tools = {tool.name: tool for tool in asked()}
    assert set(tools) == {"count", "reconcile", "enumerate", "solve"}
    assert set(tools["count"].output_schema["properties"]) >= {"spec", "params", "macs", "parts"}
    assert tools["count"].input_schema["required"] == ["spec"]
    for tool in tools.values():
        assert len(tool.description) > 100
        assert tool.annotations.read_only_hint


def test_answers_are_those_of_the_library():
    count, reconcile, listed, drawn, best = asked(
        ("count", {"spec": "[2,1,1,1]x[64,128,256,512]"}),
        ("reconcile", {"spec": "resnet50", "figure": "25,636,712"}),
        ("enumerate", {"space": SPACE, "limits": {"max_params": "20k"}, "limit": 3}),
        ("enumerate", {"space": SPACE, "limits": {"max_params": 20_000}, "limit": 4, "sample_seed": 1}),
        ("solve", {"space": SPACE, "limits": {"max_params": "20k"}, "by": "macs", "best": 2}),
    )
    for answer in (count, reconcile, listed, drawn, best):
        assert not answer.is_error, answer.content
        assert json.loads(answer.content[0].text) == answer.structured_content
    # The paper's network: 4,977,226 parameters, 328,930,304 MACs, as fvcore and ptflops count its convs.
    assert count.structured_content["params"] == 4_977_226
    assert count.structured_content["macs"] == 328_930_304
    assert sum(part["params"] for part in count.structured_content["parts"]) == 4_977_226
    # Keras' summary of ResNet50: 25,636,712 in all, of which 25,583,592 are trainable.
    first = reconcile.structured_content["readings"][0]
    assert (first["reading"], first["params"]) == ("total params as keras counts it", 25_583_592)
    space, budget = parse_space(SPACE), Budget.read({"max_params": "20k"})
    fit = count_within(space, budget)
    for answer, n in ((listed, 3), (drawn, 4)):
        found = answer.structured_content
        assert (found["fit"], found["fit_text"], found["exact"]) == (fit, str(fit), True)
        assert len(found["networks"]) == n
        for one in found["networks"]:
            assert totals(one["spec"]).params == one["params"] <= 20_000
    found = best.structured_content
    ours = solve(space, budget, Objective.read("macs"), 2)
    assert [one["value"] for one in found["networks"]] == [one.value for one in ours.networks]
    assert found["exact"]
    assert found["proof"] == ours.proof()


def test_a_count_of_more_than_53_bits_is_there_as_a_text():
    space = "[1..]*5x[8..512:8]"
    (answer,) = asked(
        ("enumerate", {"space": space, "limits": {"max_params": "5e6"}, "limit": 1, "sample_seed": 0})
    )
    found = answer.structured_content
    exact = count_within(parse_space(space), Budget.read({"max_params": "5e6"}))
    assert exact > 2**53
    assert found["fit_text"] == str(exact)


def test_mistakes_are_the_librarys_messages(cli: Cli):
    spec, limit, nothing, unknown, wrong = asked(
        ("count", {"spec": "[2,1]x[64]"}),
        ("enumerate", {"space": SPACE, "limits": {"max_size": "5M"}}),
        ("solve", {"space": SPACE, "limits": {"max_params": 9}}),
        ("solve", {"space": SPACE, "limits": {"max_params": "20k"}, "by": "beauty"}),
        ("count", {}),
    )
    for answer in (spec, limit, nothing, unknown, wrong):
        assert answer.is_error
    said = cli("count", "[2,1]x[64]").stderr.removeprefix("error: ").rstrip("\n")
    assert spec.content[0].text == said
    assert limit.content[0].text.startswith("unknown limit 'max_size'")
    assert nothing.content[0].text.startswith("nothing fits: ")
    assert "\n" not in nothing.content[0].text
    assert unknown.content[0].text.startswith("unknown objective 'beauty'")
    assert "spec" in wrong.content[0].text


def test_the_command_says_what_is_missing(cli: Cli):
    done = cli("serve")
    assert done.returncode == 2
    assert "--mcp" in done.stderr
    done = run_without(("mcp",), "serve", "--mcp")
    assert done.returncode == 1
    assert done.stderr == "error: this command needs mcp, which is not installed: pip install mcp\n"
