"""The helps of all commands, asked in one process: each by itself would import the command line again."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import cache

__all__ = ["commands", "help_of"]

ASKED = """
import contextlib, io, json, sys
from archkit.cli import main
from archkit.cli.app import _COMMANDS
helps = {}
for words in ([], *([name] for name in _COMMANDS)):
    sys.argv = ["archkit", *words, "--help"]
    printed = io.StringIO()
    try:
        with contextlib.redirect_stdout(printed):
            main()
    except SystemExit as done:
        assert not done.code, done.code
    helps[" ".join(words)] = printed.getvalue()
json.dump(helps, sys.stdout)
"""


def help_of(command: str = "") -> str:
    """What `archkit COMMAND --help` prints, in lines that are long enough for every option."""
    return _helps()[command]


def commands() -> set[str]:
    """The names of all commands."""
    return {*_helps()} - {""}


@cache
def _helps() -> dict[str, str]:
    wide = {**os.environ, "COLUMNS": "300", "NO_COLOR": "1"}
    done = subprocess.run(
        [sys.executable, "-c", ASKED], env=wide, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, str] = json.loads(done.stdout)
    return found
