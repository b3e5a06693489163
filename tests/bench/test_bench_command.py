"""`archkit bench` as a user runs it: what it prints where, and how it ends."""

import json
import re
import subprocess
import sys

import pytest

from archkit.bench.train.events import Saved, Step, TimeEstimate
from archkit.bench.train.results import EpochRow, Score
from archkit.cli.progress import _Lines
from archkit.cli.tally import duration, percent
from tests.bench.terminal import on_a_terminal

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

    (run / "weights.safetensors").unlink()
    gone = cli(*SMALL, "--data", str(folder), "--json", cwd=tmp_path)
    assert "already there: " in gone.stderr
    assert ", but its weights are gone (--force runs it again)" in gone.stderr


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
        (["resnet10", "--set", "augment.flip=2"], 2, "augment.flip must be a probability, not 2"),
        (["resnet10", "--recipe", "mine.toml"], 2, "cannot read the recipe mine.toml: No such file"),
        (["resnet10", "--seed", str(2**64)], 2, "18446744073709551616 is not in the range"),
        (["resnet10", "--set", "epochs=" + "[" * 20_000 + "]" * 20_000], 2, "epochs must be an integer"),
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


def test_a_file_that_is_no_image_is_one_line(cli, folder, tmp_path):
    (folder / "train" / "dog" / "1.png").write_text("this is no image")
    done = cli(*SMALL, "--data", str(folder), cwd=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"error: {folder}/train/dog/1.png is not a readable image\n"
    assert not (tmp_path / "runs").exists()


def test_a_cache_that_cannot_be_written_is_a_line_and_no_end(cli, folder, tmp_path):
    (tmp_path / "cache").write_text("a file")
    options = ("--cache", str(tmp_path / "cache"), "--out", str(tmp_path / "run"))
    done = cli(*SMALL, "--data", str(folder), *options)
    assert done.returncode == 0
    (line,) = [line for line in done.stderr.splitlines() if "cache" in line]
    assert line.startswith("warning: cannot keep the decoded images in ")


def test_memory_that_runs_out_says_what_is_left(folder, tmp_path):
    """In the second epoch: an exit code, the error, and how to go on from the first."""
    code = (
        "import torch\n"
        "from archkit.bench.train.trainer import Trainer\n"
        "from archkit.cli import main\n"
        "epoch, done = Trainer.epoch, []\n"
        "def fail(self, on_step):\n"
        "    if done: torch.empty(2**50)\n"
        "    done.append(1)\n"
        "    return epoch(self, on_step)\n"
        "Trainer.epoch = fail\n"
        "main()"
    )
    args = [sys.executable, "-c", code, *SMALL, "--data", str(folder), "--out", str(tmp_path / "run")]
    done = subprocess.run(args, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    left, error = done.stderr.splitlines()[-2:]
    assert left.startswith("epoch 1 of 2 is kept in ")
    assert left.endswith("run.partial; the same command with --resume goes on from there")
    assert error.startswith("error: the device is out of memory at batches of 4")
    assert "Traceback" not in done.stderr


def test_a_loss_that_is_not_finite_ends_in_one_line(cli, folder, tmp_path):
    done = cli(*SMALL, "--data", str(folder), "--lr", "1e30", "--quiet", "--out", str(tmp_path / "run"))
    assert done.returncode == 1
    assert "the loss is not finite" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not list(tmp_path.glob("run*"))


def test_weights_that_break_in_the_last_step_leave_no_result(cli, folder, tmp_path):
    """One step in all, whose loss is finite: only the images set apart show what it did."""
    big = ["--batch-size", "18", "--epochs", "1", "--lr", "1e30", "--set", "schedule.name=constant"]
    done = cli(*SMALL, *big, "--data", str(folder), "--quiet", "--out", str(tmp_path / "run"))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("error: epoch 1: the loss on the images set apart is not finite")
    assert len(done.stderr.splitlines()) == 1
    assert not list(tmp_path.glob("run*"))


def test_a_terminal_gets_bars(folder, tmp_path):
    """On a pseudo-terminal: bars while it runs, a line for each epoch that stays."""
    args = [*SMALL, "--data", str(folder), "--out", str(tmp_path / "run")]
    text, said = on_a_terminal(*args, columns=80)
    assert "━" in text
    assert "epoch 1/2  loss" in text
    assert "epoch 2/2  loss" in text
    # In 80 columns the bars are whole, their notes included; rich cuts what is too long with an ellipsis.
    assert re.search(r"run +━+ +\d+/\d+ +\d+:\d\d:\d\d +[\d,]+ images/s", text), text
    assert "…" not in text
    assert "test accuracy" in said


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


class Clock:
    """A clock that the test moves."""

    def __init__(self, monkeypatch):
        self.now = 0.0
        monkeypatch.setattr("archkit.cli.progress.time.monotonic", lambda: self.now)


def test_lines_where_there_is_no_terminal(monkeypatch):
    """The longest that a run on a CPU comes to fits into 80 columns; a long epoch is not silent."""
    clock, lines = Clock(monkeypatch), []
    watch = _Lines(lines.append)
    watch(
        TimeEstimate(
            step_seconds=(0.5, 0.2, 0.4), evaluation_seconds=(1.0, 1.0), steps=20_000, evaluations=50
        )
    )
    for step, seconds in ((1, 0), (2, 29), (3, 1.5), (4, 0)):
        clock.now += seconds
        watch(Step(epoch=100, epochs=200, step=step, steps=175))
    clock.now += 13_000
    score = Score(correct=4_999, total=5_000, loss=0.1)
    row = EpochRow(
        epoch=100,
        lr=0.1,
        train_loss=2.3026,
        train_correct=1_234,
        train_total=44_800,
        validation=score,
        seconds=20.0,
        best=True,
    )
    watch(row)
    assert lines[0] == "about 2 h 14 min: 20,000 steps of 400 ms, measured on 3"
    assert lines[1] == "epoch 100/200  step 3/175"
    assert lines[2] == ("epoch 100/200  loss 2.3026  train 2.75%  val 99.98%  2,240 images/s  3.6 h left")
    assert len(lines) == 3
    assert max(map(len, lines)) <= 80


def test_a_resumed_run_expects_what_is_left_by_its_own_epochs(monkeypatch, tmp_path):
    clock, lines = Clock(monkeypatch), []
    watch = _Lines(lines.append)
    watch(Saved(epoch=8, epochs=10, folder=tmp_path, resumed=True))
    watch(Step(epoch=9, epochs=10, step=1, steps=1))
    clock.now += 30
    watch(
        EpochRow(
            epoch=9,
            lr=0.1,
            train_loss=1.0,
            train_correct=1,
            train_total=2,
            validation=None,
            seconds=30.0,
            best=False,
        )
    )
    assert lines[0] == f"resumed after epoch 8 of 10 from {tmp_path}"
    assert lines[-1].endswith("  30 s left")


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


def test_the_help_lists_what_there_is():
    """Every recipe, data set and optimizer, and every field of a recipe, without a list by hand."""
    from typer.main import get_command_from_info
    from typer.models import CommandInfo

    from archkit.bench.data.sources import SOURCES
    from archkit.bench.recipe import TORCH_OPTIMIZERS, load_recipe, recipe_names
    from archkit.cli.bench import bench
    from archkit.toml_values import leaves

    info = CommandInfo(name="bench", callback=bench)
    command = get_command_from_info(info, pretty_exceptions_short=True, rich_markup_mode=None)
    texts = " ".join(getattr(parameter, "help", None) or "" for parameter in command.params)
    fields = [name for name in leaves(load_recipe("fast").to_mapping()) if name != "name"]
    for name in (*recipe_names(), *SOURCES, *TORCH_OPTIMIZERS, *fields):
        assert name in texts


def test_the_front_door_has_every_name_it_lists():
    import archkit.bench

    assert all(hasattr(archkit.bench, name) for name in archkit.bench.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        archkit.bench.nothing  # noqa: B018 - that it raises is the point
