"""`archkit bench SUITE --shard I/N` on several machines, and `archkit report --merge` of what they leave."""

from __future__ import annotations

import json
import shutil

import pytest
from safetensors.numpy import load_file

from archkit.bench.sweep.suite import load_suite, read_shard
from archkit.errors import RunError
from tests.bench.test_suite import TWO


@pytest.mark.parametrize("of", [1, 2, 3, 4, 9])
def test_every_run_is_in_one_shard(write, of):
    suite = load_suite(write(TWO))
    shards = [suite.shard(number, of) for number in range(1, of + 1)]
    runs = [run for shard in shards for run in shard.runs]
    assert len(runs) == len(suite.runs)
    assert all(runs.count(run) == 1 for run in suite.runs)
    sizes = [len(shard.runs) for shard in shards]
    assert max(sizes) - min(sizes) <= 1
    assert all(
        (shard.data, shard.train_size, shard.title) == (suite.data, suite.train_size, suite.title)
        for shard in shards
    )


@pytest.mark.parametrize("text", ["0/2", "3/2", "1", "1/0", "a/b", "-1/2", "1/2/3", "１/２", "1.0/2", ""])
def test_what_is_no_shard(text):
    with pytest.raises(RunError, match="a shard is written 1/8 to 8/8"):
        read_shard(text)


def test_two_machines_and_what_they_leave(cli, write, write_folder, tmp_path):
    data = write_folder(train=10, test=5, size=(8, 8))
    args = ("bench", str(write(TWO)), "--data", str(data), "--device", "cpu", "--json")
    for name, more in (("one", ("--shard", "1/2")), ("two", ("--shard", "2/2")), ("all", ())):
        done = cli(*args, *more, "--out", name, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        assert ("shard 1 of 2: 2 of 4 runs" in done.stderr) == (name == "one")
    names = {name: {run.name for run in (tmp_path / name).iterdir()} for name in ("one", "two", "all")}
    assert (len(names["one"]), len(names["two"])) == (2, 2)
    assert names["one"] | names["two"] == names["all"]
    for run in names["one"]:  # the same weights to the bit, wherever it ran
        here, there = (load_file(tmp_path / where / run / "weights.safetensors") for where in ("one", "all"))
        assert here.keys() == there.keys()
        assert all(here[key].tobytes() == there[key].tobytes() for key in here)

    merged = cli("report", "one", "two", "--merge", "--csv", "-", cwd=tmp_path)
    whole = cli("report", "all", "--csv", "-", cwd=tmp_path)
    assert merged.returncode == 0, merged.stderr
    assert _without_times(merged.stdout) == _without_times(whole.stdout)
    assert cli("report", "one", "all", "--merge", cwd=tmp_path).returncode == 0

    # A run that came out differently elsewhere is not quietly left out.
    run = sorted(names["one"])[0]
    shutil.copytree(tmp_path / "one", tmp_path / "other")
    path = tmp_path / "other" / run / "result.json"
    result = json.loads(path.read_text())
    result["test"]["loss"] += 0.125
    path.write_text(json.dumps(result))
    refused = cli("report", "one", "other", "--merge", cwd=tmp_path)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr == f"error: one/{run} and other/{run} are the same run and differ\n"


def _without_times(text: str) -> list[list[str]]:
    lines = [line.split(",") for line in text.splitlines()]
    kept = [
        i for i, name in enumerate(lines[0]) if "second" not in name and name not in ("folder", "peak_share")
    ]
    return sorted([[line[i] for i in kept] for line in lines])


def test_more_shards_than_runs(cli, write, write_folder, tmp_path):
    data = write_folder(train=10, test=5, size=(8, 8))
    done = cli("bench", str(write(TWO)), "--data", str(data), "--shard", "5/9", cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "shard 5 of 9: 0 of 4 runs\n")


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (("[1]x[8]", "--shard", "1/2"), "--shard is for several runs: of a suite, or of --seeds"),
        (
            ("smoke", "--shard", "2/1"),
            "a shard is written 1/8 to 8/8, its number and how many there are, not '2/1'",
        ),
    ],
)
def test_a_mistake_is_one_line(cli, args, says):
    done = cli("bench", *args)
    assert done.returncode == 2
    assert says in done.stderr
    assert done.stderr.count("\n") == 1
