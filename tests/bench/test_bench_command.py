"""`archkit bench` as a user runs it: what it prints where, and how it ends."""

import json
import os
import pty
import signal
import subprocess
import sys
import time

import pytest

from archkit.cli.progress import duration, percent

SMALL = ("bench", "[1]x[8]", "--recipe", "demo", "--epochs", "2", "--batch-size", "4", "--device", "cpu")
COMMAND = [sys.executable, "-c", "from archkit.cli import main; main()"]


@pytest.fixture
def folder(write_folder):
    return write_folder(train=10, test=5, size=(8, 8))


def test_a_run_from_beginning_to_end(cli, folder, tmp_path):
    first = cli(*SMALL, "--data", str(folder), cwd=tmp_path)
    assert first.returncode == 0, first.stderr
    assert "images of 3x8x8 and 2 classes; the network is built for them" in first.stderr
    assert "about " in first.stderr
    assert "epoch 2/2  loss" in first.stderr
    assert "test accuracy" in first.stdout
    assert "demo with epochs=2, batch_size=4, seed 0" in first.stdout
    (run,) = (tmp_path / "runs").iterdir()
    assert f"runs/{run.name}" in first.stdout
    result = json.loads((run / "result.json").read_text())
    assert f"{result['test']['correct']} of 10" in first.stdout

    again = cli(*SMALL, "--data", str(folder), "--json", cwd=tmp_path)
    assert again.returncode == 0
    assert "already there" in again.stderr
    assert json.loads(again.stdout) == {**result, "folder": f"runs/{run.name}"}
    assert len(again.stdout.splitlines()) == 1


def test_quiet_says_nothing_but_the_result(cli, folder, tmp_path):
    done = cli(
        *SMALL, "--data", str(folder), "--quiet", "--json", "--train-size", "8", "--out", str(tmp_path / "x")
    )
    assert done.stderr == ""
    data = json.loads(done.stdout)["data"]
    assert (data["whole_train"], data["train"] + data["validation"]) == (20, 8)


@pytest.mark.parametrize(
    ("args", "code", "message"),
    [
        (["[1,2]x[8]"], 2, "1 channel for 2 stages"),
        (["resnt10"], 2, "did you mean resnet10"),
        (["resnet10", "--recipe", "fats"], 2, "no recipe is called 'fats'; did you mean fast?"),
        (["resnet10", "--set", "epoch=3"], 2, "no field 'epoch'; did you mean epochs?"),
        (["resnet10", "--set", "epochs"], 2, "--set takes KEY=VALUE, not 'epochs'"),
        (["resnet10", "--epochs", "0"], 2, "epochs must be at least 1"),
        (["resnet10", "--data", "shpes"], 1, "did you mean shapes?"),
        (["resnet10", "--data", "./nowhere"], 1, "./nowhere is not a folder"),
        (["resnet10", "--data", "shapes", "--train-size", "3"], 1, "train size must be 10"),
        (["resnet10", "--data", "shapes", "--device", "tpu"], 1, "a device is auto, cpu, cuda or cuda:N"),
        (["[1]x[8] pool=64", "--data", "shapes"], 2, "pool=64 is larger than the last map"),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(cli, tmp_path, args, code, message):
    done = cli("bench", *args, cwd=tmp_path)
    assert done.returncode == code
    first, *rest = done.stderr.splitlines()
    assert first.startswith("error: ")
    assert message in first
    assert "Traceback" not in done.stderr
    assert all(line.startswith("  ") for line in rest)  # a spec and its caret
    assert done.stdout == ""
    assert list(tmp_path.iterdir()) == []


def test_a_loss_that_is_not_finite_ends_in_one_line(cli, folder, tmp_path):
    done = cli(*SMALL, "--data", str(folder), "--lr", "1e30", "--quiet", "--out", str(tmp_path / "run"))
    assert done.returncode == 1
    assert "the loss is not finite" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not list(tmp_path.glob("run*"))


@pytest.mark.parametrize(
    ("number", "code", "ending"), [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "terminated")]
)
def test_a_signal_ends_it_with_a_message_and_leaves_nothing(folder, tmp_path, number, code, ending):
    args = [*COMMAND, *SMALL, "--data", str(folder), "--epochs", "100000", "--out", str(tmp_path / "run")]
    process = subprocess.Popen(args, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 120
    while not list(tmp_path.glob("run.partial-*/epochs.csv")):
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < deadline
        time.sleep(0.1)
    time.sleep(1)
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == code
    assert out == ""
    assert "Traceback" not in err
    assert err.splitlines()[-1] == f"{ending}; nothing is left of this run"
    assert not list(tmp_path.glob("run*"))


def test_a_terminal_gets_bars(folder, tmp_path):
    """On a pseudo-terminal: bars while it runs, a line for each epoch that stays."""
    parent, child = pty.openpty()
    args = [*COMMAND, *SMALL, "--data", str(folder), "--out", str(tmp_path / "run")]
    process = subprocess.Popen(
        args, stdout=subprocess.PIPE, stderr=child, env={**os.environ, "TERM": "xterm", "COLUMNS": "120"}
    )
    os.close(child)
    shown = b""
    while True:
        try:
            part = os.read(parent, 65536)
        except OSError:  # Linux's end of a pseudo-terminal
            break
        if not part:
            break
        shown += part
    os.close(parent)
    assert process.wait(timeout=60) == 0
    text = shown.decode()
    assert "━" in text
    assert "epoch 1/2  loss" in text
    assert "epoch 2/2  loss" in text
    assert b"test accuracy" in process.stdout.read()
    process.stdout.close()


def test_the_command_is_known_without_torch():
    """`archkit count` must not wait for what only `bench` needs."""
    code = "import sys, archkit.cli.bench; print(*{'torch', 'numpy', 'PIL'}.intersection(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.04, "0.0 s"),
        (9.94, "9.9 s"),
        (9.96, "10 s"),
        (61, "1 min 01 s"),
        (3599.4, "59 min 59 s"),
        (7500, "2 h 05 min"),
    ],
)
def test_durations_read_well(seconds, text):
    assert duration(seconds) == text


def test_a_share_is_never_rounded_up():
    assert [percent(9999, 10000), percent(199_999, 200_000), percent(1, 1)] == ["99.99%", "99.99%", "100.00%"]


@pytest.mark.long
@pytest.mark.cifar10
def test_the_real_cifar10_is_learned(cli, cifar10_folder, tmp_path):
    """2,000 images, three epochs of a small network: chance is 10%."""
    data = ("--data", str(cifar10_folder), "--train-size", "2000", "--test-size", "2000")
    recipe = ("--epochs", "3", "--batch-size", "32", "--lr", "0.1")
    done = cli("bench", "[1,1,1]x[16,32,64]", *data, *recipe, "--json", "--out", str(tmp_path / "run"))
    test = json.loads(done.stdout)["test"]
    assert test["total"] == 2000
    assert test["correct"] > 500
