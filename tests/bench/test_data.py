"""`DataSet`, its subsets and splits, and what `--data` may name."""

import numpy as np
import pytest

from archkit.bench.data.dataset import DataSet, split
from archkit.bench.data.load import load_data
from archkit.bench.data.sources import cache_dir
from archkit.errors import DataError


def some(count, *, size=4, seed=0):
    random = np.random.default_rng(seed)
    return random.integers(0, 256, (count, 3, size, size), dtype=np.uint8), np.arange(count) % 2


def test_the_checksum_moves_with_every_pixel_and_label():
    train, test = some(6), some(4, seed=1)
    sums = {DataSet.of("x", ("a", "b"), train, test).checksum}
    assert DataSet.of("y", ("a", "b"), train, test).checksum in sums
    for part in (train, test):
        for array in part:
            changed = array.copy()
            changed.flat[3] = 1 - changed.flat[3] if array is part[1] else changed.flat[3] ^ 1
            pair = (changed, part[1]) if array is part[0] else (part[0], changed)
            parts = (pair, test) if part is train else (train, pair)
            sums.add(DataSet.of("x", ("a", "b"), *parts).checksum)
    assert len(sums) == 5


def test_arrays_cannot_be_written():
    data = DataSet.of("x", ("a", "b"), some(6), some(4))
    with pytest.raises(ValueError, match="read-only"):
        data.train_images[0] = 0


@pytest.mark.parametrize(
    ("classes", "train", "test", "message"),
    [
        (("a",), some(4), some(4), "x has 1 class; at least two"),
        (("a", "b"), some(0), some(4), "no training images"),
        (("a", "b"), some(4), some(0), "no test images"),
        (("a", "b"), some(4), some(4, size=5), "training images are 3x4x4, test images 3x5x5"),
    ],
)
def test_a_data_set_that_cannot_be_used_is_refused(classes, train, test, message):
    with pytest.raises(DataError, match=message):
        DataSet.of("x", classes, train, test)


def test_a_subset_is_balanced_and_the_same_every_time(tiny):
    smaller = tiny.subset(train=31, test=6)
    assert np.bincount(smaller.train_labels).tolist() == [11, 10, 10]
    assert np.bincount(smaller.test_labels).tolist() == [2, 2, 2]
    assert smaller.whole == (60, 30)
    assert smaller.checksum == tiny.subset(train=31, test=6).checksum != tiny.checksum
    whole = {image.tobytes() for image in tiny.train_images}
    assert len({image.tobytes() for image in smaller.train_images} & whole) == 31
    assert tiny.subset() is tiny


@pytest.mark.parametrize("size", [-1, 0, 2, 61])
def test_a_subset_of_an_impossible_size_is_refused(tiny, size):
    with pytest.raises(DataError, match=f"train size must be 3 .* to 60 .*, not {size}"):
        tiny.subset(train=size)


def test_a_subset_that_one_class_cannot_fill_is_refused():
    images, _ = some(10)
    data = DataSet.of("x", ("a", "b"), (images, np.array([0] * 8 + [1] * 2)), some(4))
    with pytest.raises(DataError, match="needs 3 images of each class; one has only 2"):
        data.subset(train=6)


@pytest.mark.parametrize(("images", "share", "apart"), [(50_000, 0.1, 5_000), (10, 0.25, 2), (7, 0.0, 0)])
def test_a_split_is_a_partition(images, share, apart):
    train, validation = split(images, share)
    assert len(validation) == apart
    assert sorted([*train, *validation]) == list(range(images))
    assert np.array_equal(split(images, share)[0], train)


def test_a_split_is_random():
    _, validation = split(50_000, 0.1)
    assert 24_000 < validation.mean() < 26_000  # five standard deviations are 1,000


def test_a_split_that_leaves_nothing_is_refused():
    with pytest.raises(DataError, match="3 training images cannot be split"):
        split(3, 0.01)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("shpes", "no data set or folder is called 'shpes'; did you mean shapes?"),
        (
            "zzz",
            "no data set or folder is called 'zzz'; known: cifar10, cifar100, fashion-mnist, svhn, shapes",
        ),
        ("no/such", "no/such is not a folder; expected DIR/{train,test}/<class>/"),
    ],
)
def test_an_unknown_source_is_refused(source, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError) as caught:
        load_data(source)
    assert message in str(caught.value)


def test_where_downloads_are_kept(monkeypatch, tmp_path):
    monkeypatch.setenv("ARCHKIT_CACHE", str(tmp_path / "own"))
    assert cache_dir() == tmp_path / "own"
    monkeypatch.delenv("ARCHKIT_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_dir() == tmp_path / "xdg" / "archkit"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_dir() == tmp_path / ".cache" / "archkit"
