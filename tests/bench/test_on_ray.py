"""Runs on Ray: the folders that a local run leaves, also when workers and whole machines are lost."""

import asyncio
import csv
import json
import os
import signal
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from archkit.bench.recipe import override
from archkit.bench.sweep.desk import Begun, Desk, Trial
from archkit.bench.sweep.on_ray import OnRay
from archkit.bench.sweep.place import key_of
from archkit.bench.sweep.run import Ended, Finished, Run
from archkit.bench.sweep.run_suite import run_suite
from archkit.bench.train.checkpoint import CHECKPOINT_FILE
from archkit.bench.train.events import Saved, TimeEstimate
from archkit.bench.train.results import EpochRow, read_result
from archkit.errors import OutputError, RunError
from archkit.spec import parse
from tests.bench.test_at_once import Seen

ray = pytest.importorskip("ray", reason="ray is not installed")
CPU = torch.device("cpu")
LIKE = Path(__file__).parents[2] / "benchmarks" / "results" / "cpu" / "runs" / "demo"
TIMES = ("train_seconds", "images_per_second", "total_seconds")


def suite(recipe, *texts, seeds=(0,)):
    return [Run(label=text, spec=parse(text), recipe=recipe, seed=seed) for text in texts for seed in seeds]


def bytes_of(root):
    """The folders of runs, to the byte but for times: those of a result and of its epochs."""
    found = {}
    for folder in sorted(root.iterdir()):
        table = json.loads((folder / "result.json").read_text())
        for key in TIMES:
            del table[key]
        with (folder / "epochs.csv").open(newline="") as file:
            rows = [{**row, "seconds": ""} for row in csv.DictReader(file)]
        others = {
            path.name: path.read_bytes()
            for path in folder.iterdir()
            if path.name not in ("result.json", "epochs.csv")
        }
        found[folder.name] = json.dumps(table), rows, others
    return found


@pytest.fixture(scope="module")
def cluster():
    """The driver's machine, without room for trials, and two others."""
    from ray.cluster_utils import Cluster

    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
    nodes = [made.add_node(num_cpus=1), made.add_node(num_cpus=1)]
    ray.init(address=made.address, log_to_driver=False, logging_level="ERROR")
    made.own = nodes
    yield made
    ray.shutdown()
    made.shutdown()


def dies_once(conduct, run, folder, data, watch):
    """Carries a run out; the first process to have written a checkpoint of seed 1 kills itself."""
    mark = Path(run.init)

    def dying(event):
        watch(event)
        if run.seed == 1 and isinstance(event, Saved) and not event.resumed and not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)

    return conduct.carry_out(replace(run, init=None), folder, data, dying)


@pytest.mark.usefixtures("cluster")
def test_the_same_bytes_and_a_killed_worker_makes_no_difference(tiny, brief, tmp_path, monkeypatch):
    """One of four trials loses its process after its first checkpoint, and goes on from there."""
    monkeypatch.setattr("archkit.bench.sweep.place.initial_key", lambda _: None)
    runs = suite(brief, "[1]x[4]", "[1,1]x[4,8]", seeds=(0, 1))
    far = suite(override(brief, [("optimizer.lr", 1e30)]), "[1]x[4]")
    marked = [replace(run, init=tmp_path / f"mark{at}") for at, run in enumerate([*runs, *far])]
    list(run_suite(runs, tiny, device=CPU, root=tmp_path / "one", threads=1, watch=Seen()))
    seen = Seen()
    ended = list(
        run_suite(marked, tiny, device=CPU, root=tmp_path / "two", runner=OnRay(work=dies_once), watch=seen)
    )
    assert [marked.index(one.run) for one in ended if one.error] == [4]
    assert "the loss is not finite" in next(str(one.error) for one in ended if one.error)
    assert sorted(path.name for path in tmp_path.glob("mark*")) == ["mark1", "mark3"]
    assert bytes_of(tmp_path / "one") == bytes_of(tmp_path / "two")
    assert seen.open == 0
    for number in range(4):
        events = seen.events[number]
        assert isinstance(events[0], TimeEstimate)
        resumed = [event.epoch for event in events if isinstance(event, Saved) and event.resumed]
        assert resumed == ([1] if number in (1, 3) else [])
        assert [event.epoch for event in events if isinstance(event, EpochRow)] == [1, 2]
    again = run_suite(runs, tiny, device=CPU, root=tmp_path / "two", runner=OnRay(), watch=Seen())
    assert not any(one.done.fresh for one in again)


def tells_its_process(_conduct, run, folder, _data, _watch):
    """Leaves which process carried the run out, and which GPUs it saw."""
    folder.mkdir()
    for name in ("epochs.csv", "weights.safetensors"):
        (folder / name).write_text(f"{os.getpid()} {os.environ.get('CUDA_VISIBLE_DEVICES')}")
    result = replace(read_result(LIKE), seed=run.seed)
    (folder / "result.json").write_text(json.dumps(result.to_mapping()))
    return Ended(run=run, done=Finished(folder=folder, result=result, fresh=True))


@pytest.mark.long
def test_a_process_goes_on_without_a_gpu_and_not_with_one(cluster, tiny, brief, tmp_path):
    """With one, it would compute on the GPU of its first trial, whichever the next is given."""
    node = cluster.add_node(num_cpus=1, num_gpus=2)
    try:
        found = {}
        for device, share, trials in (("cpu", None, 24), ("cuda", 1.0, 6)):
            root = tmp_path / device
            runner = OnRay(device=device, gpus_per_trial=share, work=tells_its_process)
            runs = suite(brief, "[1]x[4]", seeds=range(trials))
            ended = list(run_suite(runs, tiny, device=CPU, root=root, runner=runner, watch=Seen()))
            assert [one.error for one in ended] == [None] * trials
            told = [(one.done.folder / "epochs.csv").read_text().split() for one in ended]
            found[device] = [pid for pid, _ in told]
            if device == "cuda":
                assert {gpu for _, gpu in told} <= {"0", "1"}
        assert len(set(found["cpu"])) <= 12  # room for three at once, and some that Ray starts ahead
        assert len(set(found["cuda"])) == 6
    finally:
        cluster.remove_node(node)


@pytest.mark.long
def test_a_machine_that_is_lost_makes_no_difference(cluster, tiny, brief, tmp_path):
    """The whole node on which a trial runs is taken away after its second checkpoint."""
    recipe = override(brief, [("epochs", 60)])
    runs = suite(recipe, "[1]x[4]", "[1]x[6]")
    list(run_suite(runs, tiny, device=CPU, root=tmp_path / "one", threads=1, watch=Seen()))
    taken = []

    def take(number, event):
        if number == 0 and isinstance(event, Saved) and event.epoch >= 2 and not taken:
            taken.append(event.epoch)
            node = cluster.own.pop()
            cluster.remove_node(node, allow_graceful=False)
            cluster.own.append(cluster.add_node(num_cpus=1))

    seen = Seen(take)
    runner = OnRay()
    ended = list(run_suite(runs, tiny, device=CPU, root=tmp_path / "two", runner=runner, watch=seen))
    assert [one.error for one in ended] == [None, None]
    assert taken
    lost = [n for n in (0, 1) if any(isinstance(e, Saved) and e.resumed for e in seen.events[n])]
    assert len(lost) == 1  # the one whose node it was
    assert bytes_of(tmp_path / "one") == bytes_of(tmp_path / "two")


@pytest.mark.long
@pytest.mark.usefixtures("cluster")
def test_closed_early_it_leaves_checkpoints(tiny, brief, tmp_path):
    runs = suite(override(brief, [("epochs", 5000)]), "[1]x[4]", "[1]x[6]", "[1]x[8]")
    short = suite(override(brief, [("epochs", 1)]), "[1]x[2]")
    seen, started = Seen(), time.monotonic()
    with closing(
        run_suite([*short, *runs], tiny, device=CPU, root=tmp_path, runner=OnRay(), watch=seen)
    ) as ending:
        assert next(ending).done.fresh
        time.sleep(1)
    assert time.monotonic() - started < 120
    assert seen.open == 0
    kept = list(tmp_path.glob(f"*.partial/{CHECKPOINT_FILE}"))
    assert 1 <= len(kept) <= 2
    assert not list(tmp_path.glob("*.lock"))


def test_what_ray_cannot_do_is_a_line(tiny, brief, tmp_path):
    runs = suite(brief, "[1]x[4]")
    with pytest.raises(RunError, match="the driver must run on a machine of the cluster"):
        list(
            run_suite(runs, tiny, device=CPU, root=tmp_path, runner=OnRay(address="ray://a:1"), watch=Seen())
        )


# --- the desk, without Ray


@pytest.fixture
def trial(tiny, brief, tmp_path):
    run = Run(label="[1]x[4]", spec=parse("[1]x[4]"), recipe=brief, seed=0)
    return Trial(number=0, run=run, folder=tmp_path / "run", key=key_of(run, tiny))


def desk():
    return Desk(device="cpu", force=False, resume=False)


@pytest.mark.parametrize("name", ["../evil", "/evil", "a/b", "x.pt", "..", "weights.pkl", "result.json/x"])
def test_only_the_files_of_a_run_are_written(trial, tmp_path, name):
    """What a worker sends are names and bytes; no name leads out of the folder, and none is another's."""

    async def send():
        made = desk()
        assert (await made.begin(trial)).files == {}
        with pytest.raises(OutputError, match="is not a file of a run"):
            await made.keep(0, {name: b"x"})
        until = asyncio.Event()
        hearing = asyncio.get_running_loop().create_task(hears(made, until))
        with pytest.raises(OutputError, match="is not a file of a run"):
            await made.finish(trial, {name: b"x"}, Finished(folder=Path("x"), result=None))
        until.set()
        await made.fail(trial, RunError("x"))
        await hearing

    asyncio.run(send())
    assert list(tmp_path.iterdir()) == []


async def hears(made, until):
    heard = 0
    while not until.is_set():
        heard += len(await made.news(heard))


def test_a_trial_is_not_begun_for_ever(trial):
    async def begin():
        made = desk()
        return [await made.begin(trial) for _ in range(5)]

    *begun, last = asyncio.run(begin())
    assert begun == [Begun(files={})] * 4
    assert str(last.error) == "its process was lost 4 times"


def test_a_finished_trial_whose_answer_was_lost_is_not_run_again(trial, tiny, tmp_path):
    ended = list(run_suite([replace(trial.run, folder=tmp_path / "a")], tiny, device=CPU, watch=Seen()))
    files = {path.name: path.read_bytes() for path in (tmp_path / "a").iterdir()}

    async def twice():
        made = desk()
        await made.begin(trial)
        until = asyncio.Event()
        hearing = asyncio.get_running_loop().create_task(hears(made, until))
        first = await made.finish(trial, files, ended[0].done)
        again = await made.begin(trial)
        until.set()
        await hearing
        return first, again

    first, again = asyncio.run(twice())
    assert first.fresh
    assert again.done == first
    assert read_result(trial.folder) == read_result(tmp_path / "a")
