"""Runs as jobs of the real SLURM, which is started on this machine for these tests."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

from tests.website.conftest import ROOT

pytest.importorskip("submitit", reason="submitit is not installed")
sys.path.insert(0, str(ROOT / "benchmarks" / "faults"))

from kill_driver import content
from slurm_here import lacking, slurm_here

pytestmark = [pytest.mark.long, pytest.mark.skipif(lacking() is not None, reason=str(lacking()))]

SHORT = 2  # epochs
SECONDS = 400  # a run of some 40 s, so that something can happen to it
SUITE = """data = "shapes"
train_size = 400
test_size = 100
seeds = [{seeds}]

[[runs]]
specs = ["[1,1]x[4,8]"]
recipe = "demo"
set = {{ epochs = {epochs}, batch_size = 20 }}
"""


@pytest.fixture(scope="module")
def slurm():
    with slurm_here(cpus=2) as environment:
        yield environment


@pytest.fixture
def suite(tmp_path):
    def write(epochs, seeds):
        path = tmp_path / "suite.toml"
        path.write_text(SUITE.format(epochs=epochs, seeds=seeds))
        return path

    return write


def bench(suite, out, *options, environment=None):
    command = [sys.executable, "-c", "from archkit.cli import main; main()", "bench", str(suite)]
    command += ["--out", str(out), "--threads", "1", "--device", "cpu", *options]
    environment = None if environment is None else {**environment, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def on_slurm(slurm, suite, out, *parameters):
    options = [word for parameter in parameters for word in ("--slurm", parameter)]
    return bench(suite, out, "--resume", "--on", "submitit", *options, environment=slurm)


def ended(process, seconds=400):
    said, _ = process.communicate(timeout=seconds)
    return process.returncode, said


def undisturbed(suite, tmp_path):
    code, said = ended(bench(suite, tmp_path / "here"))
    assert code == 0, said
    return content(tmp_path / "here")


def told(out):
    return "".join(path.read_text() for path in sorted((out / ".submitit").glob("*_log.*")))


def until(found, seconds=120):
    end = time.monotonic() + seconds
    while not found():
        assert time.monotonic() < end
        time.sleep(0.2)


def begun(out):
    return any(out.glob("*.partial/checkpoint.safetensors"))


def test_the_same_as_here(slurm, suite, tmp_path):
    path = suite(SHORT, "0, 1, 2")
    code, said = ended(on_slurm(slurm, path, tmp_path / "there", "slurm_partition=low", "timeout_min=5"))
    assert code == 0, said
    found = content(tmp_path / "there")  # the count of those done is told every ten seconds, or not at all
    assert len(found) == 3
    assert found == undisturbed(path, tmp_path)


def test_a_pre_empted_job_is_requeued_and_goes_on(slurm, suite, tmp_path):
    path, out = suite(SECONDS, "0"), tmp_path / "there"
    driver = on_slurm(slurm, path, out, "slurm_partition=low", "timeout_min=10")
    until(lambda: begun(out))
    other = ["sbatch", "--partition=high", "--cpus-per-task=2", "--output=/dev/null", "--wrap=sleep 5"]
    subprocess.run(other, env=dict(slurm), check=True, capture_output=True)
    code, said = ended(driver)
    assert code == 0, said
    log = told(out)
    assert "CANCELLED" in log
    assert content(out) == undisturbed(path, tmp_path)


def test_a_job_that_is_taken_without_a_warning_goes_on(slurm, suite, tmp_path):
    """As when its machine is lost: SLURM queues it again, and the run begins at its checkpoint."""
    path, out = suite(SECONDS, "0"), tmp_path / "there"
    driver = on_slurm(slurm, path, out, "slurm_partition=low", "timeout_min=10")
    until(lambda: begun(out))
    (job,) = running(slurm)
    subprocess.run(["scontrol", "requeue", job], env=dict(slurm), check=True)
    code, said = ended(driver)
    assert code == 0, said
    assert content(out) == undisturbed(path, tmp_path)


def running(slurm):
    command = ["squeue", "--noheader", "--states=RUNNING", "--format=%i", "--array"]
    done = subprocess.run(command, env=dict(slurm), check=True, capture_output=True, text=True)
    return done.stdout.split()


def test_a_job_that_somebody_cancels_is_a_line_and_the_others_go_on(slurm, suite, tmp_path):
    path, out = suite(SECONDS, "0, 1"), tmp_path / "there"
    driver = on_slurm(slurm, path, out, "slurm_partition=low", "timeout_min=10")
    until(lambda: len(running(slurm)) == 2 and begun(out))
    subprocess.run(["scancel", running(slurm)[0]], env=dict(slurm), check=True)
    code, said = ended(driver)
    assert code == 1, said
    assert "1 done, 1 failed" in said
    assert any("failed" in line and "job " in line for line in said.splitlines()), said
    assert len(list(out.glob("*/result.json"))) == 1


def test_a_driver_that_is_killed_leaves_its_jobs_and_the_next_takes_them_over(slurm, suite, tmp_path):
    path, out = suite(SECONDS, "0, 1"), tmp_path / "there"
    driver = on_slurm(slurm, path, out, "slurm_partition=low", "timeout_min=10")
    until(lambda: begun(out))
    driver.kill()
    driver.communicate()
    code, said = ended(on_slurm(slurm, path, out, "slurm_partition=low", "timeout_min=10"), seconds=600)
    assert code == 0, said
    until(lambda: not running(slurm))
    assert content(out) == undisturbed(path, tmp_path)


def test_time_is_up_and_the_job_goes_on_in_its_next(slurm, suite, tmp_path):
    """SLURM sends the warning up to a minute early, and looks at time limits twice a minute."""
    path, out = suite(700, "0"), tmp_path / "there"
    limits = ("timeout_min=2", "slurm_signal_delay_s=60", "slurm_max_num_timeout=9")
    code, said = ended(on_slurm(slurm, path, out, "slurm_partition=low", *limits), seconds=900)
    assert code == 0, said
    assert "timed-out" in told(out)
    assert content(out) == undisturbed(path, tmp_path)


def test_slurm_refuses_what_it_does_not_have(slurm, suite, tmp_path):
    code, said = ended(on_slurm(slurm, suite(SHORT, "0"), tmp_path / "there", "slurm_partition=none"))
    assert code == 1
    (line,) = (line for line in said.splitlines() if line.startswith("error: "))
    assert line.startswith("error: the jobs cannot be submitted: ")
    assert "invalid partition" in said
