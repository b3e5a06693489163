"""Runs as jobs, by submitit's own executors for machines without SLURM."""

import os
import signal
import sys
import threading
import time
from pathlib import Path

import pytest
import torch

from archkit.bench.recipe import override
from archkit.bench.sweep.on_submitit import OnSubmitit, read_parameters
from archkit.bench.sweep.run import Run
from archkit.bench.sweep.run_suite import run_suite
from archkit.bench.train.checkpoint import CHECKPOINT_FILE
from archkit.errors import RunError
from archkit.spec import parse
from tests.bench.test_at_once import Seen
from tests.bench.test_on_ray import bytes_of

pytest.importorskip("submitit", reason="submitit is not installed")
CPU = torch.device("cpu")


def suite(recipe, *texts):
    return [Run(label=text, spec=parse(text), recipe=recipe, seed=0) for text in texts]


def without_logs(root):
    """What submitit writes is in a folder of its own."""
    found = root.rename(root.with_name("kept"))
    (found / ".submitit").rename(found.with_name("logs"))
    return bytes_of(found)


@pytest.mark.parametrize("cluster", ["debug", pytest.param("local", marks=pytest.mark.long)])
def test_the_same_bytes_as_here(tiny, brief, tmp_path, cluster):
    runs = suite(brief, "[1]x[4]", "[1]x[6]")
    far = suite(override(brief, [("optimizer.lr", 1e30)]), "[1]x[4]")
    list(run_suite(runs, tiny, device=CPU, root=tmp_path / "one", threads=1, watch=Seen()))
    seen, runner = Seen(), OnSubmitit(cluster=cluster, device="cpu", parameters=(("timeout_min", 5),))
    ended = list(run_suite([*runs, *far], tiny, device=CPU, root=tmp_path / "two", runner=runner, watch=seen))
    assert [one.error is None for one in sorted(ended, key=lambda one: one.run in far)] == [True, True, False]
    assert "the loss is not finite" in next(str(one.error) for one in ended if one.error)
    assert seen.open == 0
    again = run_suite(runs, tiny, device=CPU, root=tmp_path / "two", runner=runner, watch=Seen())
    assert not any(one.done.fresh for one in again)
    assert bytes_of(tmp_path / "one") == without_logs(tmp_path / "two")


@pytest.mark.long
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_a_pre_empted_job_goes_on_from_its_checkpoint(tiny, brief, tmp_path, monkeypatch):
    """submitit's local executor starts a job again that was warned, as SLURM does by a requeue."""
    runs = suite(override(brief, [("epochs", 800)]), "[1]x[4]")
    jobs, submitted = [], OnSubmitit._submitted

    def remembered(*args):
        jobs.extend(submitted(*args))
        return jobs

    monkeypatch.setattr(OnSubmitit, "_submitted", remembered)

    def pre_empt():
        until = time.monotonic() + 120
        while not list(tmp_path.glob(f"*.partial/{CHECKPOINT_FILE}")) and time.monotonic() < until:
            time.sleep(0.05)
        pid = jobs[0].job.job_id  # of submitit's controller, which has the job itself as its child
        (child,) = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        os.kill(int(child), signal.SIGUSR2)

    warning = threading.Thread(target=pre_empt)
    warning.start()
    runner = OnSubmitit(cluster="local", device="cpu", parameters=(("timeout_min", 5),))
    (ended,) = run_suite(runs, tiny, device=CPU, root=tmp_path, runner=runner, watch=Seen())
    warning.join()
    assert ended.error is None
    assert "Caught signal SIGUSR2" in jobs[0].job.stderr()
    assert "Requeued" in jobs[0].job.stdout()
    (plain,) = run_suite(runs, tiny, device=CPU, root=tmp_path / "plain", threads=1, watch=Seen())
    assert weights_of(ended.done.folder) == weights_of(plain.done.folder)


def weights_of(folder):
    return (folder / "weights.safetensors").read_bytes()


def test_parameters():
    assert read_parameters(["slurm_partition=gpu", "timeout_min=240", "slurm_mem=8GB"]) == (
        ("slurm_partition", "gpu"),
        ("timeout_min", 240),
        ("slurm_mem", "8GB"),
    )
    for text in ("partition", "=3", "a b=3"):
        with pytest.raises(RunError, match="--slurm takes KEY=VALUE"):
            read_parameters([text])


def test_how_often_a_job_is_requeued_can_be_said(tiny, brief, tmp_path, monkeypatch):
    """submitit wants it when the executor is made, and refuses it with the rest."""
    from submitit import AutoExecutor

    given, init = [], AutoExecutor.__init__
    monkeypatch.setattr(
        AutoExecutor,
        "__init__",
        lambda self, *args, **kwargs: (given.append(kwargs), init(self, *args, **kwargs))[1],
    )
    parameters = (("slurm_max_num_timeout", 9), ("timeout_min", 5))
    runner = OnSubmitit(cluster="debug", device="cpu", parameters=parameters)
    (ended,) = run_suite(
        suite(brief, "[1]x[4]"), tiny, device=CPU, root=tmp_path, runner=runner, watch=Seen()
    )
    assert ended.error is None
    assert given == [{"cluster": "debug", "slurm_max_num_timeout": 9}]


def test_a_mistake_in_what_a_job_asks_for_is_a_line(tiny, brief, tmp_path):
    runner = OnSubmitit(cluster="local", device="cpu", parameters=(("partision", "gpu"),))
    with pytest.raises(RunError, match=r"the jobs cannot be submitted: .*partision"):
        list(run_suite(suite(brief, "[1]x[4]"), tiny, device=CPU, root=tmp_path, runner=runner, watch=Seen()))
    assert not list(tmp_path.glob("*.lock"))
