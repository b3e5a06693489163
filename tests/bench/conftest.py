"""Data for the tests of `archkit.bench`: a tiny set in memory, image folders, and the real CIFAR-10."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from archkit.bench.data.dataset import DataSet
from archkit.bench.recipe import Recipe

WriteFolder = Callable[..., Path]


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory):
    """Tests leave nothing in the cache of whoever runs them, and find nothing there."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ARCHKIT_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def tiny() -> DataSet:
    """60 training and 30 test images of 3 x 8 x 8 in three classes that differ in brightness."""
    random = np.random.default_rng(0)

    def images(count: int):
        labels = np.arange(count, dtype=np.int64) % 3
        pixels = random.integers(0, 80, (count, 3, 8, 8)) + 80 * labels[:, None, None, None]
        return pixels.astype(np.uint8), labels

    return DataSet.of("tiny", ("dark", "grey", "light"), images(60), images(30))


@pytest.fixture(scope="session")
def brief() -> Recipe:
    """Two epochs in float32, with validation."""
    return Recipe.from_mapping(
        {
            "name": "brief",
            "epochs": 2,
            "batch_size": 16,
            "precision": "float32",
            "optimizer": {"name": "sgd", "lr": 0.05, "momentum": 0.9},
            "augment": {"flip": 0.5, "pad": 1},
            "protocol": {"validation": 0.2, "select": "best"},
        }
    )


@pytest.fixture
def write_folder(tmp_path: Path) -> WriteFolder:
    """Writes an image folder of random images and returns it."""

    def write(
        name: str = "images", *, classes=("cat", "dog"), train: int = 3, test: int = 2, size=(6, 4)
    ) -> Path:
        random = np.random.default_rng(1)
        for part, count in (("train", train), ("test", test)):
            for label in classes:
                folder = tmp_path / name / part / label
                folder.mkdir(parents=True)
                for i in range(count):
                    pixels = random.integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
                    Image.fromarray(pixels).save(folder / f"{i}.png")
        return tmp_path / name

    return write


@pytest.fixture(scope="session")
def cifar10_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The real CIFAR-10 as an image folder: $ARCHKIT_CIFAR10, or unpacked from beside the checkout."""
    if given := os.environ.get("ARCHKIT_CIFAR10"):
        return Path(given)
    unpack = Path(__file__).parents[3] / "shared" / "data" / "cifar10" / "unpack.py"
    if not unpack.is_file():
        pytest.skip(f"no CIFAR-10 here: neither $ARCHKIT_CIFAR10 nor {unpack}")
    folder = tmp_path_factory.mktemp("cifar10") / "images"
    subprocess.run([sys.executable, str(unpack), str(folder)], check=True)
    return folder


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Writes a text, a suite's unless it has another name, and returns its file."""

    def write(text: str, name: str = "suite.toml") -> Path:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write
