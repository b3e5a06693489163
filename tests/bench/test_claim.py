"""Who works on a run: one process at a time, also without locks, and whoever dies lets go."""

import json
import multiprocessing
import os
import subprocess
import sys
import threading
import time

import filelock
import numpy as np
import pytest
import torch

from archkit.bench.recipe import override
from archkit.bench.sweep import claim as module
from archkit.bench.sweep.claim import BusyError, Claim, ClaimLostError, claimed, lock_file
from archkit.bench.sweep.place import adapt
from archkit.bench.sweep.run import Run
from archkit.bench.sweep.run_spec import run_spec
from archkit.bench.sweep.run_suite import run_suite
from archkit.bench.train.checkpoint import CHECKPOINT_FILE
from archkit.bench.train.events import Step
from archkit.bench.train.results import EpochRow
from archkit.spec import parse
from tests.bench.test_at_once import Seen, results

CPU = torch.device("cpu")

HOLD = """
import os, sys
from pathlib import Path
from archkit.bench.sweep.claim import Claim
claim = Claim(Path(sys.argv[1]))
print(claim.take(), flush=True)
sys.stdin.read()
os._exit(9)  # as if killed: nothing is given up
"""


@pytest.fixture
def partial(tmp_path):
    return tmp_path / "run.partial"


def enter(partial, inside, together, lock):
    """Counts how many are in the block at once, from several processes."""
    while True:
        try:
            with claimed(partial):
                with lock:
                    inside.value += 1
                    together.value = max(together.value, inside.value)
                time.sleep(0.002)
                with lock:
                    inside.value -= 1
                return
        except BusyError:
            time.sleep(0.001)


@pytest.mark.parametrize("lock_free", [False, True])
def test_never_two_at_once(partial, monkeypatch, lock_free):
    """`lock_free`: where two names cannot be exchanged either, as on NFS."""
    if lock_free:
        forget_exchange(monkeypatch)
    context = multiprocessing.get_context("fork")
    inside, together, lock = context.Value("i", 0), context.Value("i", 0), context.Lock()
    processes = [context.Process(target=enter, args=(partial, inside, together, lock)) for _ in range(8)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0] * 8
    assert together.value == 1
    assert not lock_file(partial).exists()


def forget_exchange(monkeypatch):
    for name in ("filelock._soft", "filelock._util"):  # older versions never exchange
        monkeypatch.setattr(f"{name}.exchange_supported", lambda: False, raising=False)


@pytest.fixture
def dead(partial):
    """A claim whose holder was killed."""
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(partial)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout.readline() == "True\n"
    assert not Claim(partial).take()
    holder.communicate("")
    return lock_file(partial)


def test_a_claim_is_free_as_soon_as_its_holder_is_dead(partial, dead):
    assert dead.exists()
    with claimed(partial):
        pass
    assert not dead.exists()


def elsewhere(path):
    """Lets a claim look as if another machine had made it, whose processes cannot be seen."""
    lines = path.read_text().splitlines()
    lines = ["host=elsewhere" if line.startswith("host=") else line for line in lines]
    lines = [f"duration={0.2!r}" if line.startswith("duration=") else line for line in lines]
    path.write_text("\n".join(lines) + "\n")


@pytest.mark.parametrize("exchange", [True, False])
def test_a_claim_of_another_machine_is_free_when_nothing_touches_it(partial, dead, monkeypatch, exchange):
    if not exchange:
        forget_exchange(monkeypatch)
    elsewhere(dead)
    claim, until = Claim(partial, lease=0.2), time.monotonic() + 30
    assert not claim.take()
    for _ in range(5):  # what is touched stays its holder's
        time.sleep(0.1)
        os.utime(dead)
        assert not claim.take()
    while not claim.take():
        assert time.monotonic() < until
        time.sleep(0.02)
    claim.release()
    assert list(partial.parent.iterdir()) == []


def test_a_claim_that_was_never_written_runs_out(partial):
    """Its maker was killed between the creation and the first byte."""
    lock_file(partial).touch()
    claim, until = Claim(partial, lease=0.2), time.monotonic() + 30
    while not claim.take():
        assert time.monotonic() < until
        time.sleep(0.02)
    claim.release()


def test_of_many_that_wait_one_takes_a_dead_claim(partial):
    lock_file(partial).touch()
    claims, taken = [Claim(partial, lease=0.1) for _ in range(8)], []

    def wait(claim):
        until = time.monotonic() + 30
        while time.monotonic() < until:
            if claim.take():
                taken.append(claim)
                return
            if taken and until - time.monotonic() > 1:
                until = time.monotonic() + 1  # the others go on for ten leases more
            time.sleep(0.001)

    threads = [threading.Thread(target=wait, args=(claim,)) for claim in claims]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(taken) == 1
    taken[0].release()


def test_who_has_lost_a_run_writes_nothing_more(tiny, brief, tmp_path, monkeypatch):
    """Its machine slept, and another has taken the run over meanwhile."""

    def lose(event):
        if isinstance(event, Step) and (event.epoch, event.step) == (2, 1):
            path = lock_file(tmp_path / "run.partial")
            path.unlink()
            path.write_text("filelock/2\npid=1\nhost=elsewhere\nmode=lease\ntoken=00\nduration=60.0\n")

    spec = adapt(parse("[1]x[4]"), tiny)
    with pytest.raises(ClaimLostError, match="has taken this run over"):
        run_spec(spec, tiny, brief, device=CPU, out=tmp_path / "run", watch=lose)
    assert not (tmp_path / "run").exists()
    lock_file(tmp_path / "run.partial").unlink()
    monkeypatch.setattr(module.Claim, "hold", failing)
    with pytest.raises(ClaimLostError):
        run_spec(spec, tiny, brief, device=CPU, out=tmp_path / "other")
    assert list((tmp_path / "other.partial").iterdir()) == [tmp_path / "other.partial" / "epochs.csv"]


def failing(_claim):
    raise ClaimLostError("lost")


SWEEP = """
import json, sys
from pathlib import Path
import numpy as np, torch
from archkit.bench.recipe import Recipe
from archkit.bench.data.dataset import DataSet
from archkit.bench.sweep.run import Run
from archkit.bench.sweep.run_suite import run_suite
from archkit.spec import parse
from contextlib import contextmanager

recipe, root = Recipe.from_mapping(json.loads(sys.argv[1])), Path(sys.argv[2])
arrays = np.load(sys.argv[3])
data = DataSet.of("tiny", ("dark", "grey", "light"), (arrays["a"], arrays["b"]), (arrays["c"], arrays["d"]))
runs = [Run(label=t, spec=parse(t), recipe=recipe, seed=s) for t in ("[1]x[4]", "[1]x[6]") for s in (0, 1)]

@contextmanager
def watch(number, run, folder):
    yield lambda event: None

for ended in run_suite(runs, data, device=torch.device("cpu"), root=root, watch=watch):
    print("fresh" if ended.done.fresh else "there", flush=True)
"""


@pytest.mark.filterwarnings("ignore:a run is being:UserWarning", "ignore:2 runs are being:UserWarning")
def test_two_drivers_share_a_folder(tiny, brief, tmp_path):
    """Each run is carried out once, by one of them, and both have all of them in the end."""
    recipe = override(brief, [("epochs", 8)])
    np_file = tmp_path / "tiny.npz"
    np.savez(np_file, a=tiny.train_images, b=tiny.train_labels, c=tiny.test_images, d=tiny.test_labels)
    command = [sys.executable, "-c", SWEEP, json.dumps(recipe.to_mapping()), str(tmp_path / "two"), np_file]
    drivers = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    said = [driver.communicate(timeout=300)[0].split() for driver in drivers]
    assert [driver.returncode for driver in drivers] == [0, 0]
    assert [len(words) for words in said] == [4, 4]
    assert sorted(said[0] + said[1]).count("fresh") == 4
    runs = [
        Run(label=text, spec=parse(text), recipe=recipe, seed=seed)
        for text in ("[1]x[4]", "[1]x[6]")
        for seed in (0, 1)
    ]
    list(run_suite(runs, tiny, device=CPU, root=tmp_path / "one", watch=Seen()))
    one, two = results(tmp_path / "one"), results(tmp_path / "two")
    assert {name: table for name, (table, _) in one.items()} == {name: t for name, (t, _) in two.items()}
    assert sorted(path.name for path in (tmp_path / "two").iterdir()) == sorted(one)


def test_a_single_run_does_not_wait(tiny, brief, partial):
    run = Run(label="[1]x[4]", spec=parse("[1]x[4]"), recipe=brief, seed=0, folder=partial.with_name("run"))
    with claimed(partial):
        (ended,) = run_suite([run], tiny, device=CPU, wait=False, watch=Seen())
    assert isinstance(ended.error, BusyError)
    assert str(ended.error).endswith("run.partial: another process is at work on this run")


def test_a_second_driver_waits_for_the_first_and_then_goes_on(tiny, brief, tmp_path):
    """The first dies after a checkpoint: the second takes the run over from there."""
    run = Run(label="[1]x[4]", spec=parse("[1]x[4]"), recipe=brief, seed=0, folder=tmp_path / "run")

    def stop(event):
        if isinstance(event, Step) and event.epoch == 2:
            raise SystemExit

    with pytest.raises(SystemExit):
        run_spec(adapt(run.spec, tiny), tiny, brief, device=CPU, out=run.folder, watch=stop)
    assert (tmp_path / "run.partial" / CHECKPOINT_FILE).exists()
    claim = Claim(tmp_path / "run.partial")
    assert claim.take()
    threading.Timer(1.5, claim.release).start()
    seen = Seen()
    with pytest.warns(UserWarning, match="^a run is being carried out by another process, and waited for$"):
        (ended,) = run_suite([run], tiny, device=CPU, resume=True, watch=seen)
    assert ended.done.fresh
    assert [event.epoch for event in seen.events[0] if isinstance(event, EpochRow)] == [2]


def test_the_library_that_claims_rest_on(partial):
    """What `Claim` relies on in filelock: exclusive creation, and a record of the holder."""
    first, second = Claim(partial), Claim(partial)
    assert first.take()
    assert not second.take()
    record = lock_file(partial).read_text()
    assert f"pid={os.getpid()}" in record
    assert isinstance(first._lease, filelock.SoftFileLease)
    first.release()
    assert second.take()
    second.release()
