"""Decoded once: a later load reads one file, and one that is not what was written is never trained on."""

import os

import numpy as np
import pytest
from PIL import Image

from archkit.bench.data import folder as folder_module
from archkit.bench.data.load import load_data


@pytest.fixture
def decodes(monkeypatch):
    """Counts how often a folder's images are decoded."""
    count = []
    decode = folder_module._decode
    monkeypatch.setattr(folder_module, "_decode", lambda *args: (count.append(1), decode(*args))[1])
    return count


def load(folder, cache):
    return load_data(str(folder), cache=cache)


def file_of(cache):
    (path,) = (cache / "decoded").iterdir()
    return path


def test_a_folder_is_decoded_once(write_folder, tmp_path, decodes):
    folder = write_folder()
    first = load(folder, tmp_path / "cache")
    again = load(folder, tmp_path / "cache")
    assert len(decodes) == 2  # train and test
    assert again.checksum == first.checksum
    assert (again.name, again.classes) == (first.name, first.classes)
    for name in ("train_images", "train_labels", "test_images", "test_labels"):
        assert np.array_equal(getattr(first, name), getattr(again, name))
        assert not getattr(again, name).flags.writeable


def rewritten(folder):
    path = folder / "train" / "cat" / "0.png"
    Image.new("RGB", (6, 4), (1, 2, 3)).save(path)


def touched(folder):
    os.utime(folder / "test" / "dog" / "1.png", ns=(1, 1))


def added(folder):
    Image.new("RGB", (6, 4)).save(folder / "train" / "cat" / "new.png")


def removed(folder):
    (folder / "train" / "cat" / "2.png").unlink()


def renamed(folder):
    for part in ("train", "test"):
        (folder / part / "cat").rename(folder / part / "emu")


@pytest.mark.parametrize("change", [rewritten, touched, added, removed, renamed])
def test_a_folder_that_changed_is_decoded_again(write_folder, tmp_path, decodes, change):
    folder = write_folder()
    load(folder, tmp_path / "cache")
    change(folder)
    fresh = load(folder, tmp_path / "other")
    assert load(folder, tmp_path / "cache").checksum == fresh.checksum
    assert len(decodes) == 6
    load(folder, tmp_path / "cache")
    assert len(decodes) == 6


@pytest.mark.parametrize("place", [0.02, 0.3, 0.5, 0.9, 0.999])
def test_an_altered_file_is_noticed_and_made_again(write_folder, tmp_path, decodes, place):
    folder, cache = write_folder(), tmp_path / "cache"
    whole = load(folder, cache)
    content = bytearray(file_of(cache).read_bytes())
    content[int(len(content) * place)] ^= 0x55
    file_of(cache).write_bytes(content)
    assert load(folder, cache).checksum == whole.checksum
    load(folder, cache)
    assert len(decodes) == 4  # made again once


@pytest.mark.parametrize("size", [0, 5, 300, -1])
def test_a_file_that_is_cut_off_is_noticed_and_made_again(write_folder, tmp_path, decodes, size):
    folder, cache = write_folder(), tmp_path / "cache"
    whole = load(folder, cache)
    file_of(cache).write_bytes(file_of(cache).read_bytes()[:size])
    assert load(folder, cache).checksum == whole.checksum
    assert len(decodes) == 4


def test_two_folders_of_one_name_do_not_meet(write_folder, tmp_path):
    one = write_folder("a/images", classes=("cat", "dog"))
    two = write_folder("b/images", classes=("emu", "fox"))
    assert load(one, tmp_path / "cache").classes == ("cat", "dog")
    assert load(two, tmp_path / "cache").classes == ("emu", "fox")
    assert len(list((tmp_path / "cache" / "decoded").iterdir())) == 2


def test_a_cache_that_cannot_be_written_is_said_and_no_error(write_folder, tmp_path):
    (tmp_path / "cache").write_text("a file")
    with pytest.warns(UserWarning, match="cannot keep the decoded images in"):
        data = load(write_folder(), tmp_path / "cache")
    assert len(data.train_labels) == 6
