"""The commands that the pages show without what they print: each does what the page says, on small data.

What prints something to compare stands behind a `$ ` and is held by tests/test_docs.py and
tests/website/test_examples.py. Here a command fails if its exit status says so. Training is cut to one epoch
of some images; CIFAR-10 is drawn images that lie in the cache as CIFAR-10's do.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from archkit.bench.data import shapes
from archkit.bench.data.cache import decoded_once
from tests import processes
from tests.test_docs import ALL_PAGES, ROOT
from tests.website.test_examples import CIFAR10

# A command that a page shows without a `$ `, and without the comment behind it.
USAGE = re.compile(r"^    (?P<command>archkit .*?)(?:\s+#.*)?$", re.MULTILINE)
BLOCK = re.compile(r"^((?:    (?:import|from) .*\n)(?:(?:    .*)?\n)*)", re.MULTILINE)
# Why a command is not run; where its parts are tested instead.
NOT_RUN = {
    "archkit bench paper-table4 --shard": "six runs of 70 epochs; tests/bench/test_shards.py has small ones",
    "archkit report shard-*": "joins what the command before it left; tests/bench/test_shards.py",
    "archkit report runs --compare resnet12@strong": "200 epochs; tests/bench/test_compare.py has such names",
    "archkit bench certify.toml": "29 networks of up to 5 million parameters; tests/bench/test_certify.py",
    "archkit certify certify.toml --runs": "needs the runs of the command before it",
    "archkit bench suite.toml --resume --on ray": "tests/bench/test_on_ray.py starts clusters",
    "archkit bench suite.toml --resume --on submitit": "tests/bench/test_on_submitit.py has jobs",
    "archkit measure --space imagenet": "takes long; tests/export/test_worked_example.py goes all the way",
    "archkit solve --space imagenet": "needs the table of the command before it",
    "archkit bench SPEC --data DIR --resize --out runs/phone": "the network of the command before it",
    "archkit export runs/phone": "needs the run of the command before it",
    "archkit eval phone.onnx": "needs the file of the command before it",
    "archkit serve": "answers until it is stopped; tests/serving asks it",
}
STANDS_FOR = {
    "SPEC": "[1,1]x[8,16]",
    "SPACE": "[1..2]*2x[{8,16}] order=nondecreasing",
    "RUNS...": "runs",
}
"""What a page leaves to the reader, as a word of its own."""
NETWORK = "[2,2,2]x[16,32,64]"
"""That of runs/NAME: docs/bench.md goes on with its weights."""
SHORT = ("--epochs", "1", "--train-size", "40", "--test-size", "20", "--batch-size", "20")
SUITE = """data = "shapes"
train_size = 40
test_size = 20
seeds = [0, 1]

[[runs]]
specs = ["[1,1]x[8,16]"]
recipe = "demo"
set = { epochs = 1, batch_size = 20 }
"""
TUNE = """spec = "[1]x[8]"
data = "shapes"
recipe = "demo"
trials = 2
train_size = 60
test_size = 20
set = { epochs = 1, batch_size = 20, protocol.validation = 0.2 }

[search]
optimizer.lr = { low = 0.01, high = 1.0, log = true }
"""
USED = {page: [found["command"] for found in USAGE.finditer(page.read_text())] for page in ALL_PAGES}
PAGES = [page for page, commands in USED.items() if commands]


def left_out(command: str) -> bool:
    return any(command.startswith(begin) for begin in NOT_RUN)


def arguments(command: str) -> list[str]:
    """What is run for a command of a page."""
    words = [STANDS_FOR.get(word, word) for word in shlex.split(command)[1:]]
    if words[0] == "bench" and words[1] != "smoke" and not words[1].endswith(".toml"):
        for option in ("--epochs", "--train-size", "--test-size", "--batch-size"):
            if option in words:
                at = words.index(option)
                del words[at : at + 2]
        words += SHORT
    if words[0] == "lr-find":
        words += ["--train-size", "40", "--batch-size", "20"]
    return words


@pytest.fixture(scope="module")
def taken_for_granted(tmp_path_factory):
    """A folder with what the pages take for granted: images, two pictures, finished runs, files."""
    place = tmp_path_factory.mktemp("reader")
    images = [shapes.draw(count, 0, stream=stream) for stream, count in enumerate((5000, 2000))]
    images = [(pixels, np.asarray(labels, np.int64)) for pixels, labels in images]
    path = place / "cache" / "decoded" / "cifar10.safetensors"
    decoded_once(path, "cifar10", "cifar10", lambda: (CIFAR10, *images))
    for name in ("DIR", "my-images"):
        for part, (pixels, _) in zip(("train", "test"), images, strict=True):
            for at in range(40):
                folder = place / name / part / ("left", "right")[at % 2]
                folder.mkdir(parents=True, exist_ok=True)
                Image.fromarray(pixels[at].transpose(1, 2, 0)).save(folder / f"{at}.png")
    for name in ("cat.png", "dog.png"):
        (place / name).write_bytes((place / "DIR" / "test" / "left" / "0.png").read_bytes())
    (place / "suite.toml").write_text(SUITE)
    (place / "mine.toml").write_text(TUNE)
    for name, spec, seed in (("NAME", NETWORK, 0), ("A", NETWORK, 1), ("B", "[1,1]x[8,16]", 0)):
        options = (*SHORT, "--seed", str(seed), "--out", str(place / "runs" / name))
        environment = {**os.environ, "ARCHKIT_CACHE": str(place / "cache")}
        done = processes.run(("bench", spec, "--recipe", "demo", *options), cwd=place, env=environment)
        assert done.returncode == 0, done.stderr
    return place


@pytest.fixture
def reader(taken_for_granted, tmp_path, monkeypatch):
    """A copy of that folder."""
    monkeypatch.setenv("ARCHKIT_CACHE", str(tmp_path / "cache"))
    return shutil.copytree(taken_for_granted, tmp_path, dirs_exist_ok=True)


@pytest.mark.long
@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_commands_of_a_page_are_carried_out(page, reader, cli):
    for command in USED[page]:
        if left_out(command):
            continue
        words = arguments(command)
        if words[0] == "report" and "resnet12" in words:
            for spec in ("resnet12", "resnet10"):
                done = cli("bench", spec, "--recipe", "demo", *SHORT, "--seeds", "0,1", cwd=reader)
                assert done.returncode == 0, done.stderr
        if words[:2] == ["solve", STANDS_FOR["SPACE"]]:
            template = (reader / "energy.csv").read_text()
            (reader / "energy.csv").write_text(re.sub(r",$", ",1", template, flags=re.MULTILINE))
        done = cli(*words, cwd=reader, timeout=900)
        assert done.returncode == 0, f"{command}\n{shlex.join(words)}\n{done.stdout}{done.stderr}"


@pytest.mark.long
def test_the_python_of_a_page_says_what_the_command_says(reader, cli):
    """The one block of Python that is no doctest: it needs a finished run and a picture."""
    blocks = {page: BLOCK.findall(page.read_text()) for page in ALL_PAGES if page.parent.name != "tutorials"}
    (page,) = (page for page, found in blocks.items() if found)
    (block,) = blocks[page]
    code = "".join(line.removeprefix("    ") for line in block.splitlines(keepends=True))
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=reader, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    said = json.loads(cli("predict", "runs/NAME", "cat.png", "--json", cwd=reader).stdout.splitlines()[0])
    assert done.stdout.strip() == said["classes"][0]["class"], said


def test_what_is_not_run_is_still_on_a_page():
    for begin, reason in NOT_RUN.items():
        assert any(command.startswith(begin) for page in PAGES for command in USED[page]), begin
        for named in re.findall(r"tests/[\w/.]+\w", reason):
            assert (ROOT / named).exists(), named


def test_most_are_run():
    commands = [command for page in PAGES for command in USED[page]]
    assert sum(map(left_out, commands)) <= len(commands) / 4
