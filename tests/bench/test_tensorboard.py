"""`--log tensorboard`: the events, read back by TensorBoard's own reader."""

from __future__ import annotations

import csv
import sys

import pytest
import torch

from archkit.bench.recipe import override
from archkit.bench.sweep.loggers import logging
from archkit.bench.sweep.place import adapt, folder_of
from archkit.bench.sweep.run import Run
from archkit.bench.sweep.run_spec import run_spec
from archkit.bench.train.events import ignore
from archkit.bench.train.results import EpochRow
from archkit.errors import RunError
from archkit.spec import parse

CPU = torch.device("cpu")


def scalars(folder):
    """Every scalar of a folder's events: tag -> [(step, value)]."""
    reader = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    events = reader.EventAccumulator(str(folder))
    events.Reload()
    return {tag: [(e.step, e.value) for e in events.Scalars(tag)] for tag in events.Tags()["scalars"]}


def run(tiny, recipe, root, watch=ignore, **options):
    spec = adapt(parse("[1]x[8]"), tiny)
    folder = folder_of(Run(label="small", spec=spec, recipe=recipe, seed=0), tiny, root)
    with logging("tensorboard", folder, watch) as watching:
        return run_spec(spec, tiny, recipe, device=CPU, out=folder, watch=watching, **options)


def table(folder):
    with (folder / "epochs.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def assert_as_in_the_table(folder):
    found, rows = scalars(folder), table(folder)
    assert set(found) == {
        "loss/train", "loss/validation", "accuracy/train", "accuracy/validation", "lr", "images_per_second",
    }  # fmt: skip
    for tag, column in (("loss/train", "train_loss"), ("loss/validation", "validation_loss"), ("lr", "lr")):
        assert [step for step, _ in found[tag]] == [int(row["epoch"]) for row in rows]
        assert [value for _, value in found[tag]] == pytest.approx([float(row[column]) for row in rows])
    shares = [int(row["validation_correct"]) / int(row["validation_total"]) for row in rows]
    assert [value for _, value in found["accuracy/validation"]] == pytest.approx(shares)


def test_the_epochs_are_in_the_runs_folder(tiny, brief, tmp_path):
    done = run(tiny, brief, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [done.folder.name]
    assert_as_in_the_table(done.folder)
    assert len(table(done.folder)) == 2


def test_a_run_of_one_epoch(tiny, brief, tmp_path):
    assert_as_in_the_table(run(tiny, override(brief, [("epochs", 1)]), tmp_path).folder)


def test_what_an_interrupted_part_wrote_is_not_there_twice(tiny, brief, tmp_path):
    longer = override(brief, [("epochs", 4)])

    def stop(event):
        if isinstance(event, EpochRow) and event.epoch == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(tiny, longer, tmp_path, stop)
    (partial,) = tmp_path.iterdir()
    assert [step for step, _ in scalars(partial)["lr"]] == [1, 2]
    assert_as_in_the_table(run(tiny, longer, tmp_path, resume=True).folder)


def test_a_run_begun_again_begins_its_events_again(tiny, brief, tmp_path):
    longer = override(brief, [("epochs", 3)])

    def stop(event):
        if isinstance(event, EpochRow) and event.epoch == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(tiny, longer, tmp_path, stop)
    assert_as_in_the_table(run(tiny, longer, tmp_path, force=True).folder)
    assert_as_in_the_table(run(tiny, longer, tmp_path, force=True).folder)


def test_a_loss_that_is_not_finite_leaves_nothing(tiny, brief, tmp_path):
    with pytest.raises(RunError, match="not finite"):
        run(tiny, override(brief, [("optimizer.lr", 1e30), ("epochs", 9)]), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_without_the_package_it_says_what_to_install(tiny, brief, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(RunError, match=r"pip install tensorboard$"):
        run(tiny, brief, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_the_command(cli, write_folder, tmp_path):
    folder = write_folder(train=10, test=5, size=(8, 8))
    done = cli(
        "bench", "[1]x[8]", "--recipe", "demo", "--epochs", "2", "--batch-size", "4", "--data", str(folder),
        "--log", "tensorboard", cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (made,) = (tmp_path / "runs").iterdir()
    assert_as_in_the_table(made)
