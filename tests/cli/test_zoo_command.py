from __future__ import annotations

from archkit.spec import zoo
from tests.bench.terminal import on_a_terminal
from tests.conftest import Cli


def test_on_a_narrow_terminal_each_architecture_has_one_line() -> None:
    shown, _ = on_a_terminal("zoo", stream="stdout", columns=80)
    lines = [line.rstrip() for line in shown.splitlines()]
    assert max(map(len, lines)) <= 80
    assert len(lines) == len(zoo.names()) + 4
    assert [line.split()[0] for line in lines[2:-2]] == list(zoo.names())


def test_a_pipe_gets_the_specs(cli: Cli) -> None:
    lines = cli("zoo").stdout.splitlines()
    assert len(lines) == len(zoo.names()) + 2
    assert all(entry.spec in line for entry, line in zip(zoo.entries(), lines[2:], strict=True))
