"""Standard output on a full disk, closed, or read by somebody who stops reading; and errors in colour."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

COMMAND = [sys.executable, "-c", "from archkit.cli import main; main()"]
FULL = Path("/dev/full")
COMMANDS = [["count", "resnet50"], ["count", "--json", "resnet50"], ["zoo"], ["--help"], ["--version"]]


@pytest.mark.skipif(not FULL.exists(), reason="needs /dev/full")
@pytest.mark.parametrize("args", COMMANDS)
def test_a_full_disk_is_one_line(args: list[str]) -> None:
    with FULL.open("w") as full:
        done = subprocess.run([*COMMAND, *args], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == "error: cannot write to standard output: No space left on device\n"


def test_no_standard_output_is_one_line() -> None:
    done = subprocess.run(
        ["sh", "-c", '"$@" >&-', "sh", *COMMAND, "count", "resnet50"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (1, "error: standard output is closed\n")


@pytest.mark.parametrize("errors", ["2>&-", "2>/dev/full"])
def test_what_cannot_be_said_changes_no_exit_code(errors: str) -> None:
    for spec, code in (("resnet50", 0), ("resnet51", 2)):
        done = subprocess.run(
            ["sh", "-c", f'"$@" {errors}', "sh", *COMMAND, "count", spec],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == code
        assert ("25,557,032" in done.stdout) == (code == 0)


@pytest.mark.parametrize("args", COMMANDS)
def test_a_reader_that_is_gone_is_as_sigpipe(args: list[str]) -> None:
    ours, theirs = os.pipe()
    os.close(ours)
    with os.fdopen(theirs, "w") as stream:
        done = subprocess.run(
            [*COMMAND, *args], stdout=stream, stderr=subprocess.PIPE, text=True, check=False
        )
    assert (done.returncode, done.stderr) == (141, "")


@pytest.mark.parametrize(
    ("environment", "red"), [({"TERM": "xterm"}, True), ({"TERM": "dumb"}, False), ({"NO_COLOR": "1"}, False)]
)
def test_errors_are_red_where_a_terminal_has_colours(environment: dict[str, str], red: bool) -> None:
    parent, child = pty.openpty()
    kept = {name: value for name, value in os.environ.items() if name not in ("TERM", "NO_COLOR")}
    subprocess.run([*COMMAND, "count", "resnet51"], stderr=child, env=kept | environment, check=False)
    shown = os.read(parent, 65536).decode()
    os.close(child)
    os.close(parent)
    assert "no architecture is called" in shown
    assert ("\x1b[31m" in shown) == red


LONG = "a" * 300


@pytest.mark.parametrize(
    "args",
    [
        ["count", "[1]x[8]", "--budget", LONG],
        ["eval", LONG],
        ["report", LONG],
        ["enumerate", "[1]x[8]", "-o", f"{LONG}.csv"],
        ["enumerate", "[1]x[8]", "--table-template", f"{LONG}.csv"],
    ],
)
def test_a_text_that_is_too_long_for_a_file_is_one_line(args: list[str]) -> None:
    done = subprocess.run([*COMMAND, *args], capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) <= 2
