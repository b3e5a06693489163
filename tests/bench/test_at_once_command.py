"""`archkit bench --jobs`: what it shows, and what a signal leaves."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from archkit.bench.train.checkpoint import CHECKPOINT_FILE
from tests.bench.terminal import on_a_terminal

COMMAND = [sys.executable, "-c", "from archkit.cli import main; main()"]
ALONE = {**os.environ, "OMP_NUM_THREADS": "1"}

SUITE = """
[[runs]]
specs = ["[1]x[8]", "[1]x[4]"]
recipe = "demo"
set = { epochs = 300, batch_size = 4 }
"""


@pytest.fixture
def args(tmp_path, write_folder):
    (tmp_path / "suite.toml").write_text(SUITE)
    folder = write_folder(train=10, test=5, size=(8, 8))
    return ["bench", "suite.toml", "--data", str(folder), "--device", "cpu", "--seeds", "0", "--jobs", "2"]


def gone(pids, seconds=60):
    """Whether all these processes end in time."""
    until = time.monotonic() + seconds
    while any(Path(f"/proc/{pid}").exists() for pid in pids) and time.monotonic() < until:
        time.sleep(0.1)
    return time.monotonic() < until


def children(pid):
    return [int(text) for text in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
@pytest.mark.parametrize(
    "number",
    # tests/bench/test_faults.py kills drivers in the normal run too.
    [signal.SIGINT, *(pytest.param(one, marks=pytest.mark.long) for one in (signal.SIGKILL, signal.SIGTERM))],
)
def test_a_signal_ends_all_and_leaves_their_checkpoints(cli, args, tmp_path, number):
    process = subprocess.Popen(
        [*COMMAND, *args], cwd=tmp_path, stderr=subprocess.PIPE, text=True, start_new_session=True, env=ALONE
    )
    shown, ready = "", set()
    for line in process.stderr:
        shown += line
        if found := re.match(r"run (\d)  epoch 2/", line):
            ready.add(found[1])
        if len(ready) == 2:
            break
    workers = children(process.pid)
    if number == signal.SIGINT:
        os.killpg(process.pid, number)  # as a terminal does
    else:
        os.kill(process.pid, number)
    shown += process.stderr.read()
    process.stderr.close()
    assert process.wait(timeout=120) == {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGKILL: -9}[number]
    assert gone(workers)
    assert "Traceback" not in shown, shown
    assert len(list((tmp_path / "runs").glob(f"*.partial/{CHECKPOINT_FILE}"))) == 2
    if number != signal.SIGKILL:
        assert "0 of 2 runs are finished" in shown
        assert shown.splitlines()[-1].endswith(
            "checkpoints of 2 runs are kept in runs; the same command with --resume goes on from there"
        )
    on = cli(*args, "--resume", "--json", cwd=tmp_path)
    assert on.returncode == 0, on.stderr
    assert len(on.stdout.splitlines()) == 2
    for run in ("run 1", "run 2"):
        assert re.search(rf"{run}  resumed after epoch \d+ of 300 from ", on.stderr)


def test_a_terminal_gets_a_bar_for_each(args, tmp_path):
    text, out = on_a_terminal(*args, "--epochs", "3", "--log", "tensorboard", columns=120, cwd=tmp_path)
    assert re.search(r"suite .*━", text)
    for run in ("run 1", "run 2"):
        assert re.search(rf"{run} .*━", text)
        assert re.search(rf"{run}  epoch 3/3  loss", text)
    assert not re.search(r"epoch 3/3 +━", text)
    assert "[1]x[4]" in out
    assert len(list((tmp_path / "runs").glob("*/events.out.tfevents.*"))) == 2


def test_one_run_has_no_jobs(cli, tmp_path):
    done = cli("bench", "[1]x[8]", "--jobs", "2", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "--jobs is for several runs: of a suite, or of --seeds" in done.stderr
