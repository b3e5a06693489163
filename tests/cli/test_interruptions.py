"""Ctrl-C: one line on standard error, which says what was kept, and the shell's exit code."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ENDLESS = "[1..100]*6x[8..256:8] order=nondecreasing"

LARGE = "[1..]*4x[16..512:8] order=nondecreasing block=bottleneck stem=conv7 input=3x224x224 classes=1000"


def interrupted(args: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    """What comes of a command that is interrupted once it has been at work for a while."""
    with subprocess.Popen(
        [sys.executable, "-c", "from archkit.cli import main; main()", *args],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=folder,
    ) as process:
        if "--json" in args:
            assert process.stdout is not None
            first = process.stdout.readline()
        else:
            first = ""
            time.sleep(3)
        assert process.poll() is None
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    return subprocess.CompletedProcess(args, process.returncode, first + out, err)


@pytest.mark.parametrize(
    ("args", "line"),
    [
        (["solve", ENDLESS, "--pareto", "params,+macs,+depth"], "interrupted; nothing was kept"),
        (
            ["enumerate", LARGE, "--max-params", "25.6M", "--max-macs", "4.1G", "--count"],
            "interrupted; nothing was kept",
        ),
        (["enumerate", ENDLESS, "--output", "list.csv"], "interrupted; list.csv was not written"),
    ],
)
def test_one_line_says_what_was_kept(tmp_path: Path, args: list[str], line: str) -> None:
    done = interrupted(args, tmp_path)
    assert done.returncode == 130
    assert done.stdout == ""
    assert done.stderr == f"{line}\n"
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_was_there_stays_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text("mine")
    done = interrupted(["enumerate", ENDLESS, "--output", "list.csv", "--force"], tmp_path)
    assert (done.returncode, done.stderr) == (130, "interrupted; list.csv is as it was\n")
    assert [path.read_text() for path in tmp_path.iterdir()] == ["mine"]


def test_a_stream_says_that_it_is_not_complete(tmp_path: Path) -> None:
    done = interrupted(["enumerate", ENDLESS, "--json"], tmp_path)
    assert done.returncode == 130
    assert done.stdout
    assert done.stderr == "interrupted; the list is not complete\n"


def test_a_command_that_does_not_know_says_no_more(tmp_path: Path) -> None:
    code = (
        "import archkit.cli.zoo as zoo, signal\n"
        "zoo.show = lambda *_: signal.raise_signal(signal.SIGINT)\n"
        "from archkit.cli import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "zoo"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        cwd=tmp_path,
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "interrupted\n")
