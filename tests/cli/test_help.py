"""Each help has an example that can be typed, and a shell completes names and keys."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from archkit.cli.app import _COMMANDS
from tests.helps import help_of


@pytest.mark.parametrize("command", _COMMANDS)
def test_each_help_has_an_example(command: str) -> None:
    assert f"Example: archkit {command}" in help_of(command)


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("archkit count resnet15", {"resnet152"}),
        ("archkit reconcile wrn-16-", {"wrn-16-4", "wrn-16-8"}),
        ("archkit bench resnet10 --recipe st", {"strong"}),
        ("archkit solve --budget micro", {"microcontroller"}),
        ("archkit enumerate --sort least-m", {"least-macs"}),
        ("archkit solve --by ent", {"entropy"}),
    ],
)
def test_a_shell_completes(typed: str, found: set[str]) -> None:
    words = typed.split(" ")
    environment = {
        **os.environ,
        "_ARCHKIT_COMPLETE": "complete_bash",
        "COMP_WORDS": typed,
        "COMP_CWORD": str(len(words) - 1),
    }
    code = "from archkit.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
    )
    assert found <= set(done.stdout.split()), done.stderr
