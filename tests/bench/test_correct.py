"""The file that says which test images a run has right."""

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.numpy import save_file

from archkit.bench.sweep.run_spec import run_spec
from archkit.bench.train.correct import CORRECT_FILE, Correct, correct_file, read_correct, write_correct
from archkit.errors import DataError
from archkit.spec import parse

SPEC = parse("[1]x[8]").replace(input=(3, 8, 8), classes=3)


def test_a_run_leaves_which_images_it_has_right(tiny, brief, tmp_path):
    done = run_spec(SPEC, tiny, brief, device=torch.device("cpu"), out=tmp_path / "run")
    found = read_correct(done.folder / CORRECT_FILE)
    assert found.right.shape == tiny.test_labels.shape
    assert found.right.sum() == done.result.test.correct
    assert found.test_checksum == tiny.test_checksum == done.result.data.test_checksum


def test_the_bits_are_those_of_the_page(tmp_path):
    """As docs/bench.md says it, read with safetensors alone: the first image is the highest bit."""
    right = np.array([1, 0, 0, 0, 0, 0, 1, 1, 0, 1], dtype=bool)
    write_correct(tmp_path / "x", Correct(right=right, test_checksum="ab"))
    with safe_open(tmp_path / "x", "np") as file:
        assert file.get_tensor("bits").tolist() == [0b10000011, 0b01000000]
        assert file.metadata() == {"images": "10", "correct": "4", "test_checksum": "ab"}
    assert read_correct(tmp_path / "x").right.tolist() == right.tolist()


@pytest.mark.parametrize(
    ("bits", "images", "correct"),
    [
        ([0b11000000], "8", "3"),
        ([0b11000000], "9", "2"),
        ([0b11000000, 0], "8", "2"),
        ([192], "-1", "2"),
        ([192], "x", "2"),
    ],
)
def test_what_was_altered_is_refused(tmp_path, bits, images, correct):
    said = {"images": images, "correct": correct, "test_checksum": "ab"}
    save_file({"bits": np.array(bits, dtype=np.uint8)}, tmp_path / "x", metadata=said)
    with pytest.raises(DataError):
        read_correct(tmp_path / "x")


def test_what_is_no_such_file(tmp_path):
    assert read_correct(tmp_path / "nothing") is None
    (tmp_path / "cut").write_bytes(b"no header")
    with pytest.raises(DataError, match="does not say which images are right"):
        read_correct(tmp_path / "cut")
    save_file({"other": np.zeros(1, dtype=np.uint8)}, tmp_path / "other")
    with pytest.raises(DataError, match="does not say which images are right"):
        read_correct(tmp_path / "other")


def test_other_images_have_a_file_of_their_own():
    assert correct_file("ab" * 32, recorded="ab" * 32) == CORRECT_FILE
    assert correct_file("ab" * 32, recorded="cd" * 32) == "correct-abababab.safetensors"
    assert correct_file("ab" * 32, recorded=None) == "correct-abababab.safetensors"
