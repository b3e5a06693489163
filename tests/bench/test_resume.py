"""An interrupted run that is resumed comes to the same bits as one that went straight through."""

import csv
import json
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file

from archkit.bench.recipe import override
from archkit.bench.sweep.place import partial_folder
from archkit.bench.sweep.run_spec import run_spec
from archkit.bench.train import checkpoint
from archkit.bench.train.checkpoint import CHECKPOINT_FILE
from archkit.bench.train.correct import CORRECT_FILE
from archkit.bench.train.events import Saved, Step
from archkit.bench.train.results import EPOCHS_FILE, RESULT_FILE, WEIGHTS_FILE, run_key
from archkit.errors import OutputError, RunError
from archkit.spec import parse

CPU = torch.device("cpu")
SPEC = parse("[1,1]x[8,16] input=3x8x8 classes=3")

KINDS = {
    "sgd, one cycle": [("schedule.name", "onecycle"), ("schedule.cycle_momentum", True)],
    "everything random, averaged": [
        ("ema", 0.9),
        ("schedule.name", "cosine"),
        ("augment.rotate", 10.0),
        ("augment.mixup", 0.4),
        ("augment.cutmix", 1.0),
        ("augment.mix", 0.7),
        ("augment.trivial", True),
        ("augment.cutout", 3),
        ("augment.erase", 0.5),
        ("protocol.test_augment", "flip"),
    ],
    "adam, step": [
        ("optimizer.name", "adam"),
        ("optimizer.momentum", 0.0),
        ("schedule.name", "step"),
        ("schedule.every", 1),
    ],
    "adadelta": [("optimizer.name", "adadelta"), ("optimizer.momentum", 0.0), ("protocol.select", "last")],
    "timm's lion": [("optimizer.name", "timm:lion"), ("optimizer.momentum", 0.0), ("optimizer.lr", 0.001)],
}


class Stop(BaseException):
    """No error of the run's own."""


def stop_in(epoch, step=2):
    """A Watch that ends the run in the middle of an epoch."""

    def watch(event):
        if isinstance(event, Step) and (event.epoch, event.step) == (epoch, step):
            raise Stop

    return watch


def rows(folder):
    with (folder / EPOCHS_FILE).open() as file:
        return [{k: v for k, v in row.items() if k != "seconds"} for row in csv.DictReader(file)]


@pytest.mark.parametrize("changes", KINDS.values(), ids=KINDS.keys())
def test_a_resumed_run_comes_to_the_same_bits(tiny, brief, tmp_path, changes):
    recipe = override(brief, [("epochs", 4), *changes])
    straight = run_spec(SPEC, tiny, recipe, device=CPU, seed=7, out=tmp_path / "straight")
    out = tmp_path / "resumed"
    for epoch in (2, 4):  # interrupted twice
        with pytest.raises(Stop):
            run_spec(
                SPEC, tiny, recipe, device=CPU, seed=7, out=out, resume=True, watch=stop_in(epoch, step=3)
            )
        assert sorted(p.name for p in partial_folder(out).iterdir()) == [CHECKPOINT_FILE, EPOCHS_FILE]
        assert len(rows(partial_folder(out))) == epoch - 1
    resumed = run_spec(SPEC, tiny, recipe, device=CPU, seed=7, out=out, resume=True)
    assert rows(out) == rows(tmp_path / "straight")
    one, two = (load_file(folder / WEIGHTS_FILE) for folder in (tmp_path / "straight", out))
    assert all(torch.equal(one[name], two[name]) for name in one)
    times = {"train_seconds": 0.0, "images_per_second": 0.0, "total_seconds": 0.0}
    assert replace(resumed.result, **times) == replace(straight.result, **times)
    assert (resumed.result.test_flip is None) == (recipe.protocol.test_augment == "none")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["resumed", "straight"]


def test_what_is_told_when_a_run_is_resumed(tiny, brief, tmp_path):
    recipe, out, told = override(brief, [("epochs", 3)]), tmp_path / "run", []
    with pytest.raises(Stop):
        run_spec(SPEC, tiny, recipe, device=CPU, out=out, watch=stop_in(3))
    run_spec(SPEC, tiny, recipe, device=CPU, out=out, resume=True, watch=told.append)
    assert told[0] == Saved(epoch=2, epochs=3, folder=partial_folder(out), resumed=True)
    assert told[1].steps == 3  # of the one epoch that is left
    assert [e.step for e in told if isinstance(e, Step)] == [1, 2, 3]


def test_where_few_are_written_the_last_whole_epoch_is_kept_all_the_same(tiny, brief, tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoint, "_SPACING", float("inf"))  # none is written after the first
    recipe, out, told = override(brief, [("epochs", 4)]), tmp_path / "run", []

    def stop(event):
        told.append(event)
        stop_in(4)(event)

    with pytest.raises(Stop):
        run_spec(SPEC, tiny, recipe, device=CPU, out=out, watch=stop)
    assert [event.epoch for event in told if isinstance(event, Saved)] == [1, 3]
    run_spec(SPEC, tiny, recipe, device=CPU, out=out, resume=True, watch=told.append)
    assert [event.epoch for event in told if isinstance(event, Saved) and event.resumed] == [3]
    assert len(rows(out)) == 4


def test_an_interrupted_run_is_neither_lost_nor_resumed_unasked(tiny, brief, tmp_path):
    out = tmp_path / "run"
    with pytest.raises(Stop):
        run_spec(SPEC, tiny, brief, device=CPU, out=out, watch=stop_in(2))
    with pytest.raises(OutputError, match="--resume goes on with it, --force begins again"):
        run_spec(SPEC, tiny, brief, device=CPU, out=out)
    assert (partial_folder(out) / CHECKPOINT_FILE).exists()
    begun = []
    done = run_spec(SPEC, tiny, brief, device=CPU, out=out, force=True, watch=begun.append)
    assert done.fresh
    assert sum(isinstance(e, Step) for e in begun) == 6
    assert [p.name for p in tmp_path.iterdir()] == ["run"]


def test_it_is_found_under_another_label(tiny, brief, tmp_path):
    with pytest.raises(Stop):
        run_spec(SPEC, tiny, brief, device=CPU, root=tmp_path, label="one", watch=stop_in(2))
    done = run_spec(SPEC, tiny, brief, device=CPU, root=tmp_path, label="two", resume=True)
    assert done.folder.name.startswith("one-")
    assert list(tmp_path.iterdir()) == [done.folder]


def test_without_a_checkpoint_resume_begins(tiny, brief, tmp_path):
    assert run_spec(SPEC, tiny, brief, device=CPU, out=tmp_path / "run", resume=True).fresh


def test_a_damaged_or_foreign_checkpoint_is_refused(tiny, brief, tmp_path):
    out = tmp_path / "run"
    with pytest.raises(Stop):
        run_spec(SPEC, tiny, brief, device=CPU, out=out, watch=stop_in(2))
    with pytest.raises(OutputError, match="of another run; --force begins again"):
        run_spec(SPEC, tiny, brief, device=CPU, out=out, seed=1, resume=True)
    path = partial_folder(out) / CHECKPOINT_FILE
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(OutputError, match=r"is damaged.*; --force begins again"):
        run_spec(SPEC, tiny, brief, device=CPU, out=out, resume=True)
    assert path.exists()


def test_it_does_not_go_on_on_a_device_of_another_kind(tiny, brief, tmp_path):
    """As if it had been interrupted on a GPU; nothing of it is lost by asking."""
    recipe = override(brief, [("epochs", 3)])
    with pytest.raises(Stop):
        run_spec(SPEC, tiny, recipe, device=CPU, out=tmp_path / "run", watch=stop_in(3))
    path = partial_folder(tmp_path / "run") / CHECKPOINT_FILE
    key = run_key(spec=str(SPEC), recipe=recipe, seed=0, data=tiny.checksum)
    checkpoint.write_checkpoint(
        path, replace(checkpoint.read_checkpoint(path, key=key), device="cuda"), key=key
    )
    with pytest.raises(
        OutputError, match="interrupted on cuda and cannot go on on cpu: --device cuda goes"
    ) as e:
        run_spec(SPEC, tiny, recipe, device=CPU, out=tmp_path / "run", resume=True)
    assert "\n" not in str(e.value)
    assert path.exists()


def test_a_loss_that_is_not_finite_leaves_no_checkpoint(tiny, brief, tmp_path):
    """Resumed, it would come to the same end."""
    recipe = override(brief, [("epochs", 3), ("optimizer.lr", 1e9), ("schedule.name", "cosine")])
    recipe = override(recipe, [("schedule.warmup", 0.99), ("optimizer.lr", 1e30)])
    with pytest.raises(RunError, match="not finite"):
        run_spec(SPEC, tiny, recipe, device=CPU, out=tmp_path / "run")
    assert list(tmp_path.iterdir()) == []


def test_memory_that_runs_out_later_leaves_the_checkpoint(tiny, brief, tmp_path):
    def fail(event):
        if isinstance(event, Step) and event.epoch == 2:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")

    with pytest.raises(RunError, match="out of memory"):
        run_spec(SPEC, tiny, brief, device=CPU, out=tmp_path / "run", watch=fail)
    assert run_spec(SPEC, tiny, brief, device=CPU, out=tmp_path / "run", resume=True).fresh


def test_two_processes_do_not_work_on_one_run(tiny, brief, tmp_path):
    out = tmp_path / "run"

    def second(event):
        if isinstance(event, Step) and event.epoch == 2:
            with pytest.raises(OutputError, match="another process is at work on this run"):
                run_spec(SPEC, tiny, brief, device=CPU, out=out, resume=True)
            raise Stop

    with pytest.raises(Stop):
        run_spec(SPEC, tiny, brief, device=CPU, out=out, watch=second)
    assert (partial_folder(out) / CHECKPOINT_FILE).exists()


def test_a_finished_run_that_is_run_again_can_be_interrupted_too(tiny, brief, tmp_path):
    out = tmp_path / "run"
    before = run_spec(SPEC, tiny, brief, device=CPU, out=out)
    with pytest.raises(Stop):
        run_spec(SPEC, tiny, brief, device=CPU, out=out, force=True, watch=stop_in(2))
    told = []
    done = run_spec(SPEC, tiny, brief, device=CPU, out=out, force=True, resume=True, watch=told.append)
    assert [event.epoch for event in told if isinstance(event, Saved) and event.resumed] == [1]
    assert done.fresh
    assert done.result.test == before.result.test
    assert [p.name for p in tmp_path.iterdir()] == ["run"]


def test_the_link_to_a_run_is_replaced_and_not_what_it_points_to(tiny, brief, tmp_path):
    kept, out = tmp_path / "kept", tmp_path / "run"
    first = run_spec(SPEC, tiny, brief, device=CPU, out=kept)
    out.symlink_to(kept)
    assert run_spec(SPEC, tiny, brief, device=CPU, out=out, force=True).fresh
    assert not out.is_symlink()
    assert json.loads((kept / "result.json").read_text())["key"] == first.result.key
    assert sorted(p.name for p in tmp_path.iterdir()) == ["kept", "run"]


def test_a_partial_folder_that_is_no_run_is_left_alone(tiny, brief, tmp_path):
    (tmp_path / "run.partial").mkdir()
    (tmp_path / "run.partial" / "thesis.tex").write_text("years of work")
    for options in ({}, {"force": True}, {"resume": True}):
        with pytest.raises(OutputError, match=r"holds thesis\.tex"):
            run_spec(SPEC, tiny, brief, device=CPU, out=tmp_path / "run", **options)
    assert (tmp_path / "run.partial" / "thesis.tex").exists()


def test_what_a_killed_run_had_half_written_is_swept_away(tiny, brief, tmp_path):
    out = tmp_path / "run"
    with pytest.raises(Stop):
        run_spec(SPEC, tiny, brief, device=CPU, out=out, watch=stop_in(2))
    (partial_folder(out) / ".tmpa5A3Fo").write_bytes(b"safetensors had got so far")
    done = run_spec(SPEC, tiny, brief, device=CPU, out=out, resume=True)
    assert sorted(path.name for path in out.iterdir()) == [
        CORRECT_FILE,
        EPOCHS_FILE,
        RESULT_FILE,
        WEIGHTS_FILE,
    ]
    assert done.fresh


COMMAND = [sys.executable, "-c", "from archkit.cli import main; main()", "bench", "[1]x[8]"]
SLOW = """
import time
from archkit.bench.train.trainer import Trainer
step = Trainer.step
Trainer.step = lambda *args: (time.sleep(0.05), step(*args))[1]
from archkit.cli import main; main()
"""
"""The same command with steps that leave seconds to send it a signal, however busy the machine."""


@pytest.mark.parametrize(
    ("number", "code", "ending"),
    [
        (signal.SIGINT, 130, "interrupted"),
        (signal.SIGTERM, 143, "terminated"),
        # Nothing can be said, and what is there is whole all the same; tests/bench/test_faults.py kills too.
        pytest.param(signal.SIGKILL, -9, None, marks=pytest.mark.long),
    ],
)
def test_a_signal_leaves_a_checkpoint_and_says_how_to_go_on(write_folder, tmp_path, number, code, ending):
    folder = write_folder(train=10, test=5, size=(8, 8))
    args = [*COMMAND, "--data", str(folder), "--recipe", "demo", "--batch-size", "4", "--device", "cpu"]
    args += ["--epochs", "100", "--out", str(tmp_path / "run")]
    slowly = [sys.executable, "-c", SLOW, *args[3:]]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(
        slowly, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    )
    deadline = time.monotonic() + 120
    while not (tmp_path / "run.partial" / CHECKPOINT_FILE).exists():
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (code, "")
    assert "Traceback" not in err
    assert not (tmp_path / "run").exists()
    if ending is not None:
        last = err.splitlines()[-1]
        assert last.startswith(f"{ending}; epoch ")
        assert last.endswith("run.partial; the same command with --resume goes on from there")

    again = subprocess.run(
        [*args, "--resume"], capture_output=True, text=True, timeout=120, check=False, env=environment
    )
    assert again.returncode == 0, again.stderr
    done = int(re.search(r"resumed after epoch (\d+) of 100 from ", again.stderr)[1])
    assert done >= 1
    if ending is not None:
        assert done == int(last.split()[2])
    assert f"epoch {done}/100" not in again.stderr
    assert f"epoch {done + 1}/100" in again.stderr
    assert "epoch 100/100" in again.stderr
    assert not (tmp_path / "run.partial").exists()


def test_a_run_that_shared_its_device_once_goes_on_saying_so(tiny, brief, tmp_path):
    """Its seconds are added up over all parts."""
    longer, out = override(brief, [("epochs", 3)]), tmp_path / "run"
    said = []
    for epoch, sharing in ((2, 3), (3, 1)):
        with pytest.raises(Stop):
            run_spec(
                SPEC, tiny, longer, device=CPU, out=out, resume=True, sharing=sharing, watch=stop_in(epoch)
            )
        key = run_key(spec=str(SPEC), recipe=longer, seed=0, data=tiny.checksum)
        said.append(checkpoint.read_checkpoint(partial_folder(out) / CHECKPOINT_FILE, key=key).sharing)
    assert said == [3, 3]
