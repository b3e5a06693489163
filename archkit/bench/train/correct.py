"""`Correct`: which test images a run has right, one bit each, as a file in the run's folder.

Two networks are compared image by image with it. Needs no torch.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from archkit.errors import DataError
from archkit.files import settle_header

__all__ = ["CORRECT_FILE", "Correct", "correct_file", "read_correct", "write_correct"]

CORRECT_FILE: Final = "correct.safetensors"
"""Of the images that the run itself was tested on."""

_BITS: Final = "bits"
_LEAST_IN_NAME: Final = 8  # digits of the checksum in the name of a file about other images


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Correct:
    """Which images of a test set a network has right.

    Attributes:
        right: N, in the order of the test set.
        test_checksum: SHA-256 over the images and labels, see `archkit.bench.data.dataset.part_checksum`.
    """

    right: NDArray[np.bool_]
    test_checksum: str


def correct_file(checksum: str, *, recorded: str | None) -> str:
    """The file's name: `CORRECT_FILE` for the images that the run records, else one with their digits."""
    if checksum == recorded:
        return CORRECT_FILE
    return f"correct-{checksum[:_LEAST_IN_NAME]}.safetensors"


def write_correct(path: Path, correct: Correct) -> None:
    """Writes the file.

    The tensor `bits` has the bits as numpy.packbits puts them, the first image in the highest; the metadata
    have `images`, `correct` and `test_checksum`.

    Raises:
        OSError: it cannot be written.
    """
    described = {
        "images": str(len(correct.right)),
        "correct": str(int(correct.right.sum())),
        "test_checksum": correct.test_checksum,
    }
    try:
        save_file({_BITS: np.packbits(correct.right)}, path, metadata=described)
        settle_header(path)
    except SafetensorError as error:
        raise OSError(None, str(error), str(path)) from error


def read_correct(path: Path) -> Correct | None:
    """What `write_correct` wrote; None if there is no such file.

    Raises:
        DataError: it cannot be read, or says something else than it holds.
    """
    if not path.exists():
        return None
    try:
        with safe_open(path, "np") as file:
            said, bits = file.metadata() or {}, file.get_tensor(_BITS)
        images, expected, checksum = int(said["images"]), int(said["correct"]), said["test_checksum"]
        right = np.unpackbits(bits, count=images).astype(bool)
    except (OSError, SafetensorError, KeyError, ValueError, TypeError) as error:
        raise DataError(f"{path} does not say which images are right: {error}") from error
    if len(right) != images or len(bits) != -(-images // 8) or right.sum() != expected:
        raise DataError(f"{path} was altered: it says {expected} of {images} images, and holds others")
    return Correct(right=right, test_checksum=checksum)
