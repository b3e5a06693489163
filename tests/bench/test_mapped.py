"""Images that do not fit into memory: the same run to the bit, and no more memory than a part of them."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
import torch

from archkit.bench.data import folder as folder_of_images
from archkit.bench.data import mapped
from archkit.bench.data.dataset import DataSet
from archkit.bench.data.load import load_data, load_test
from archkit.bench.data.making import making
from archkit.bench.data.shards import Shards
from archkit.bench.recipe import load_recipe, override
from archkit.bench.sweep.place import adapt
from archkit.bench.sweep.run import Run
from archkit.bench.sweep.run_spec import run_spec
from archkit.bench.sweep.run_suite import run_suite
from archkit.bench.sweep.shared_data import mapped as mapped_into_memory
from archkit.bench.sweep.shared_data import shared
from archkit.bench.train.device_data import DeviceData
from archkit.bench.train.engine import train
from archkit.bench.train.trainer import Trainer
from archkit.bench.use.trained import trained
from archkit.spec import parse

CPU = torch.device("cpu")


@pytest.fixture
def both(write_folder, tmp_path, monkeypatch):
    """A folder of images in memory, and the same in files of five images each."""
    folder = str(write_folder(train=16, test=6, size=(10, 8)))
    monkeypatch.setattr(mapped, "_BYTES", 5 * 8 * 10 * 3)
    in_memory = load_data(folder, cache=tmp_path / "one")
    monkeypatch.setenv("ARCHKIT_MAP_ABOVE", "1000")
    return in_memory, load_data(folder, cache=tmp_path / "other"), folder, tmp_path / "other"


def test_the_data_set_is_the_same(both):
    one, other, _, _ = both
    assert isinstance(one.train_images, np.ndarray)
    assert isinstance(other.train_images, Shards)
    assert len(other.train_images.files) == 7
    assert (one.checksum, one.test_checksum) == (other.checksum, other.test_checksum)
    assert (one.input, one.classes, one.whole) == (other.input, other.classes, other.whole)
    np.testing.assert_array_equal(one.train_images, np.asarray(other.train_images))
    wanted = np.array([31, 0, 7, 7, 12])
    np.testing.assert_array_equal(
        one.train_images[wanted].transpose(0, 2, 3, 1), other.train_images.take(wanted)
    )
    some, fewer = one.subset(train=10, test=4), other.subset(train=10, test=4)
    assert isinstance(fewer.train_images, Shards)
    assert some.checksum == fewer.checksum
    again = pickle.loads(pickle.dumps(fewer.train_images))  # noqa: S301 - our own
    np.testing.assert_array_equal(np.asarray(again), some.train_images)


def test_a_run_has_the_same_bits(both, brief):
    one, other, _, _ = both
    spec = adapt(parse("[1]x[4]"), one)
    recipe = override(
        brief,
        [("batch_size", 7), ("augment.alternate", True), ("initialise.whitening", True), ("epochs", 3)],
    )
    runs = [train(spec, data, recipe, seed=1, device=CPU) for data in (one, other)]
    assert runs[0].mean == runs[1].mean
    assert [row.train_loss for row in runs[0].epochs] == [row.train_loss for row in runs[1].epochs]
    assert all(torch.equal(runs[0].weights[name], runs[1].weights[name]) for name in runs[0].weights)
    assert (runs[0].test, runs[0].validation) == (runs[1].test, runs[1].validation)


def test_runs_at_once_map_the_same_files(both, brief, tmp_path):
    one, other, _, _ = both
    spec = adapt(parse("[1]x[4]"), one)
    runs = [Run(label="s", spec=spec, recipe=brief, seed=seed) for seed in range(2)]

    def watch(*_):
        return nullcontext(lambda _event: None)

    ended = list(run_suite(runs, other, device=CPU, root=tmp_path / "runs", jobs=2, watch=watch))
    alone = {seed: train(spec, one, brief, seed=seed, device=CPU).test for seed in range(2)}
    assert {end.run.seed: end.done.result.test.correct for end in ended} == {
        seed: score.correct for seed, score in alone.items()
    }


def test_a_process_that_looked_too_early_takes_what_another_has_decoded(both, monkeypatch):
    _, other, folder, cache = both
    (place,) = (cache / "decoded").iterdir()
    before = {path.name: path.stat().st_ino for path in place.iterdir()}
    monkeypatch.setattr("archkit.bench.data.load.opened", lambda *_: None)
    again = load_data(folder, cache=cache)
    assert again.checksum == other.checksum
    assert {path.name: path.stat().st_ino for path in place.iterdir()} == before
    assert [path.name for path in place.parent.iterdir()] == [place.name]


def test_what_cannot_be_decoded_leaves_what_was_there(both):
    _, _, _, cache = both
    (place,) = (cache / "decoded").iterdir()

    def failing():
        with making(place) as new:
            new.mkdir()
            raise KeyError

    with pytest.raises(KeyError):
        failing()
    assert [path.name for path in place.parent.iterdir()] == [place.name]


def test_files_of_several_processes_are_replaced_and_never_written_into(both, tmp_path):
    one, *_ = both
    seen = mapped_into_memory(shared(one, tmp_path))
    node = (tmp_path / "train_images.npy").stat().st_ino
    shared(one, tmp_path)
    assert (tmp_path / "train_images.npy").stat().st_ino != node
    np.testing.assert_array_equal(seen.train_images, one.train_images)


def test_each_batch_is_read_once_and_ahead_of_its_step(both, brief, monkeypatch):
    _, other, _, _ = both
    recipe = override(brief, [("batch_size", 4)])
    data = DeviceData.of(other, recipe, CPU)
    trainer = Trainer(adapt(parse("[1]x[4]"), other), data, recipe, seed=0, device=CPU)
    read, real = [], Shards.take
    monkeypatch.setattr(Shards, "take", lambda self, which: (read.append(len(which)), real(self, which))[1])
    trainer.epoch(lambda _step: None)
    assert sum(read) == trainer.images
    assert len(read) == trainer.steps


def test_files_that_were_altered_are_made_again(both, monkeypatch):
    one, _, folder, cache = both
    (place,) = (cache / "decoded").iterdir()
    listed = json.loads((place / "shards.json").read_text())
    assert set(listed["sha256"]) == {path.name for path in place.iterdir()} - {"shards.json"}

    def made_again():
        before = (place / "shards.json").stat().st_mtime_ns
        assert load_data(folder, cache=cache).checksum == one.checksum
        return (place / "shards.json").stat().st_mtime_ns != before

    assert not made_again()
    shard = place / "train-00003.npy"
    shard.write_bytes(shard.read_bytes()[:-1] + b"\0")
    assert made_again()
    shard.write_bytes(shard.read_bytes()[:200])
    assert made_again()
    listed["sha256"]["../../elsewhere"] = "0"
    (place / "shards.json").write_text(json.dumps(listed))
    assert made_again()
    (place / "shards.json").unlink()  # as a killed process leaves it
    assert load_data(folder, cache=cache).checksum == one.checksum
    monkeypatch.delenv("ARCHKIT_MAP_ABOVE")  # mapped stays mapped
    assert isinstance(load_data(folder, cache=cache).train_images, Shards)


@pytest.fixture
def decoded(monkeypatch):
    """The files that are decoded."""
    paths, read = [], folder_of_images.read_pixels
    monkeypatch.setattr(
        folder_of_images, "read_pixels", lambda path, *how: (paths.append(path), read(path, *how))[1]
    )
    return paths


def test_test_images_are_those_that_were_mapped_for_training(both, decoded):
    one, _, folder, cache = both
    name, classes, (images, labels) = load_test(folder, cache=cache, input=one.input)
    assert decoded == []
    assert isinstance(images, Shards)
    assert (name, classes) == (one.name, one.classes)
    np.testing.assert_array_equal(np.asarray(images), one.test_images)
    np.testing.assert_array_equal(labels, one.test_labels)
    gray = load_test(folder, cache=cache, input=(1, *one.input[1:]))[2][0]  # others than were trained on
    assert gray.shape == (12, 1, *one.input[1:])


def test_test_images_alone_are_mapped_too(both, decoded, tmp_path):
    """A folder without images to train on; what was mapped is made again where it is not the same."""
    one, _, folder, _ = both
    alone, cache = tmp_path / "alone", tmp_path / "third"
    shutil.copytree(Path(folder) / "test", alone / "test")
    read = []

    def part():
        before = len(decoded)
        _, classes, found = load_test(str(alone), cache=cache, input=one.input)
        read.append(len(decoded) - before)
        assert isinstance(found[0], Shards)
        assert classes == one.classes
        np.testing.assert_array_equal(found[1], one.test_labels)
        return np.asarray(found[0])

    for _ in range(2):
        np.testing.assert_array_equal(part(), one.test_images)
    first = read[0]
    assert first >= 12
    assert read[1] <= 1  # the first image is looked at for its size
    (place,) = (cache / "decoded").iterdir()
    shard = place / "test-00001.npy"
    shard.write_bytes(shard.read_bytes()[:-1] + b"\0")
    np.testing.assert_array_equal(part(), one.test_images)
    assert read[2] == first
    image = next((alone / "test").rglob("*.png"))
    other = next(path for path in (alone / "test").rglob("*.png") if path.parent != image.parent)
    image.write_bytes(other.read_bytes())
    os.utime(image, (1, 1))
    assert (part() != one.test_images).any()
    assert read[3] == first


def test_a_run_is_tested_again_from_mapped_images(both, brief, tmp_path):
    one, other, folder, cache = both
    spec = adapt(parse("[1]x[4]"), one)
    done = run_spec(spec, other, brief, device=CPU, out=tmp_path / "run")
    part = load_test(folder, cache=cache, input=one.input)[2]
    network = trained(done.folder)
    for views in ("one", "six"):
        mapped_answers = network.evaluate(part, views)
        answers = network.evaluate((one.test_images, one.test_labels), views)
        assert mapped_answers.score == answers.score
        np.testing.assert_array_equal(mapped_answers.chosen, answers.chosen)
        np.testing.assert_array_equal(mapped_answers.confidence, answers.confidence)
    assert network.evaluate(part).score == done.result.test


# Everything that a run needs is imported before the limit; then a process gets 110 MiB more for its own data,
# and the decoded images are 146 MiB. Maps of files do not count.
LIMITED = """
import resource, sys
from pathlib import Path
import torch
from archkit.bench.data.load import load_data
from archkit.bench.recipe import load_recipe, override
from archkit.bench.sweep.place import adapt
from archkit.bench.train.engine import train
from archkit.spec import parse
torch.set_num_threads(1)
recipe = override(load_recipe("demo"), [("epochs", 1), ("precision", "float32"), ("batch_size", 4)])
from archkit.bench.train.device import pick_device
import timm.optim, PIL.PngImagePlugin
from archkit.bench.train import evaluation
evaluation._MAPPED_PIXELS = 8 * 160 * 160  # what a batch takes is not what is measured here
torch.nn.Conv2d(3, 3, 3)(torch.zeros(1, 3, 9, 9)).sum().backward()  # the thread of backward passes
now = next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmData"))
limit = (now + 110 * 1024) * 1024
resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
data = load_data(sys.argv[1], cache=Path(sys.argv[2]), input=(3, 160, 160), resize=True)
spec = adapt(parse("[1,1]x[2,4] stem=patch4"), data)
done = train(spec, data, recipe, seed=0, device=torch.device("cpu"), threads=1)
print(done.test.total, len(data.train_labels))
"""


# The same for `archkit eval` of a run, whose network answers once before the limit.
LIMITED_EVAL = """
import resource, sys
from pathlib import Path
import torch
torch.set_num_threads(1)
import PIL.PngImagePlugin
from archkit.cli import main
import archkit.cli.eval, archkit.bench.use.assess, rich.table
from archkit.bench.train import evaluation
from archkit.bench.use.trained import trained
evaluation._MAPPED_PIXELS = 8 * 160 * 160
network = trained(Path(sys.argv[2]))
torch.manual_seed(0)
network.model(torch.zeros(8, 3, 160, 160).to(memory_format=torch.channels_last))
del network
now = next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmData"))
limit = (now + 125 * 1024) * 1024
resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
main()
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the limit is Linux's")
def test_more_test_images_than_memory(tiny, tmp_path):
    """1,920 images of 160x160 are 147 MB, and there is room for 131."""
    from PIL import Image

    for label in tiny.classes:
        (tmp_path / "images" / "test" / label).mkdir(parents=True)
        for i in range(640):
            Image.new("RGB", (20, 20), (i % 256, 40, 90)).save(
                tmp_path / "images" / "test" / label / f"{i}.png"
            )
    data = DataSet.of(
        "small",
        tuple(sorted(tiny.classes)),
        (np.zeros((6, 3, 160, 160), np.uint8), np.arange(6) % 3),
        (np.zeros((3, 3, 160, 160), np.uint8), np.arange(3)),
    )
    recipe = override(load_recipe("demo"), [("epochs", 1), ("precision", "float32"), ("batch_size", 4)])
    run = run_spec(
        "[1,1]x[2,4] stem=patch4 input=3x160x160 classes=3", data, recipe, device=CPU, out=tmp_path / "run"
    )
    assert run.fresh

    def test(**environment):
        return subprocess.run(
            [sys.executable, "-c", LIMITED_EVAL, "eval", str(tmp_path / "run"), "--data",
             str(tmp_path / "images"), "--cache", str(tmp_path / "cache"), "--resize", "--device", "cpu",
             "--json"],
            env={**os.environ, "OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2", **environment},
            capture_output=True, text=True, check=False,
        )  # fmt: skip

    whole = test(ARCHKIT_MAP_ABOVE=str(10**12))
    assert whole.returncode != 0  # in memory they do not fit
    assert "memory" in whole.stderr
    in_parts = test(ARCHKIT_MAP_ABOVE=str(10**7))
    assert in_parts.returncode == 0, in_parts.stderr
    found = json.loads(in_parts.stdout)
    assert (found["test"]["total"], found["same_images"]) == (1920, False)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the limit is Linux's")
def test_more_images_than_memory(tmp_path):
    from PIL import Image

    for part, count in (("train", 940), ("test", 20)):
        for label in range(2):
            (tmp_path / "images" / part / str(label)).mkdir(parents=True)
            for i in range(count):
                Image.new("RGB", (20 + i % 3, 20), (i % 256, 90 * label, 40)).save(
                    tmp_path / "images" / part / str(label) / f"{i}.png"
                )

    def run(**environment):
        return subprocess.run(
            [sys.executable, "-c", LIMITED, str(tmp_path / "images"), str(tmp_path / "cache")],
            env={**os.environ, "OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2", **environment},
            capture_output=True, text=True, check=False,
        )  # fmt: skip

    whole = run(ARCHKIT_MAP_ABOVE=str(10**12))
    assert whole.returncode != 0  # in memory they do not fit
    assert "memory" in whole.stderr
    mapped_run = run(ARCHKIT_MAP_ABOVE=str(10**7))
    assert mapped_run.returncode == 0, mapped_run.stderr
    assert mapped_run.stdout.split() == ["40", "1880"]
