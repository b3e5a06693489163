"""`export`: writes a network as a file, runs the file, and compares."""

from __future__ import annotations

import copy
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from archkit.count import totals
from archkit.errors import ExportError, OutputError
from archkit.export.about import About
from archkit.export.formats import FORMATS, Choices, Format, Run, check_path, format_for
from archkit.export.normalised import Normalised
from archkit.nn import Network
from archkit.spec import ArchSpec, parse

__all__ = ["Exported", "compared_on", "export", "random_images"]

_MOST: Final = 64  # images that outputs are compared on
_LEAST: Final = 2
_MACS: Final = 500_000_000_000  # of all of them together: some ten seconds on a few cores
_BATCH: Final = 16
_SEED: Final = 0  # of the random images


@dataclass(frozen=True, kw_only=True, slots=True)
class Exported:
    """What `export` wrote.

    Attributes:
        files: all of them, the model first.
        about: what they say of themselves.
        said: what more there is to say of the format, such as `opset 20`.
        images: how many the outputs were compared on.
        difference: the largest one between a logit of the file and the network's.
        largest: the network's largest logit on these images, in absolute value.
    """

    files: tuple[Path, ...]
    about: About
    said: str | None
    images: int
    difference: float
    largest: float


def export(
    network: Network,
    path: str | os.PathLike[str],
    *,
    to: str | None = None,
    about: About | None = None,
    opset: int | None = None,
    quantize: str | None = None,
    images: NDArray[np.float32] | None = None,
    sample: NDArray[np.float32] | None = None,
    force: bool = False,
) -> Exported:
    """Writes a network as a file that runs without archkit, runs it, and compares the outputs.

    The file takes B x C x H x W float32 and gives B x K logits. Nothing is left of it where it computes
    something else than the network.

    Args:
        network: with its weights. It is left as it is: a copy on the CPU, in float32 and evaluation mode, is
            what is written.
        path: of the file.
        to: one of `FORMATS`; by the file's ending unless given.
        about: what the file says of itself; of the network alone unless given. Where it is `folded`, the file
            normalises pixels by its `mean` and `std`.
        opset: of ONNX's operators; torch's own choice unless given.
        quantize: the integers of a TensorFlow Lite file, `int8` or `int16x8`; float32 unless given.
        images: N x C x H x W float32, what the file takes, to compare on; random ones unless given.
        sample: more of them, by which the ranges of the integers are chosen; `images` unless given.
        force: whether files that are there are replaced.

    Raises:
        ExportError: there is no such format, it cannot have this network or what was chosen, or the file
            does not compute what the network does.
        OutputError: a file is there already, or cannot be written.
        ModuleNotFoundError: the format needs a package that is not installed.
    """
    path = Path(path)
    chosen = format_for(to, path)
    check_path(chosen, path, force=force)
    _check_choices(chosen, opset=opset, quantize=quantize)
    spec = network.spec
    about = about or About(spec=str(spec), input=spec.input, weights="those that it had")
    module = _ready(network, about)
    given = random_images(about) if images is None else np.asarray(images, dtype=np.float32)
    if given.shape[1:] != spec.input or not len(given):
        raise ExportError(f"images are N x {_by(spec.input)}, not {_by(given.shape)}")
    expected = _outputs(module, given)
    with _beside(path) as folder:
        new = folder / path.name
        try:
            sample = given if sample is None else np.asarray(sample, dtype=np.float32)
            said = chosen.write(module, about, new, Choices(opset=opset, quantize=quantize, images=sample))
            found = _in_batches(chosen.run(new), given)
            tolerance = chosen.tolerance if quantize is None else None
            difference, largest = _compared(found, expected, tolerance)
            for file, final in zip(chosen.files(new), chosen.files(path), strict=True):
                file.replace(final)
        except OSError as error:
            raise OutputError(f"cannot write {path}: {error.strerror or error}") from error
    return Exported(
        files=chosen.files(path),
        about=about,
        said=said,
        images=len(given),
        difference=difference,
        largest=largest,
    )


def compared_on(spec: ArchSpec) -> int:
    """On how many images the outputs are compared, unless others are given: fewer of a very large network."""
    macs: int = totals(spec).macs
    return max(_LEAST, min(_MOST, _MACS // max(1, macs)))


def random_images(about: About) -> NDArray[np.float32]:
    """As many as are compared, of normal numbers, or of pixels where a file takes pixels."""
    draw = np.random.default_rng(_SEED)
    shape = (compared_on(parse(about.spec)), *about.input)
    if about.folded:
        return draw.integers(0, 256, shape).astype(np.float32)
    return draw.standard_normal(shape, dtype=np.float32)


def _ready(network: Network, about: About) -> nn.Module:
    """What is written: a copy of the network, behind the normalisation where the file has it.

    Raises:
        ExportError: the network has no numbers, or the normalisation is not known.
    """
    if any(tensor.is_meta for tensor in network.state_dict().values()):
        raise ExportError("the network lies on the meta device and has no numbers")
    module = copy.deepcopy(network).to("cpu", torch.float32).to(memory_format=torch.contiguous_format)
    if not about.folded:
        return module.eval()
    if about.mean is None or about.std is None:
        raise ExportError("no mean and no deviation are known, by which the file could normalise pixels")
    return Normalised(module, about.mean, about.std).eval()


def _by(sizes: Sequence[int]) -> str:
    return " x ".join(map(str, sizes))


def _check_choices(chosen: Format, **given: object) -> None:
    for name, value in given.items():
        if value is not None and name not in chosen.choices:
            takers = [one.name for one in FORMATS.values() if name in one.choices]
            raise ExportError(f"{name} goes with the format {' or '.join(takers)}, not with {chosen.name}")


@torch.inference_mode()
def _outputs(module: nn.Module, images: NDArray[np.float32]) -> NDArray[np.float32]:
    return _in_batches(lambda some: module(torch.from_numpy(some)).numpy(), images)


def _in_batches(run: Run, images: NDArray[np.float32]) -> NDArray[np.float32]:
    starts = range(0, len(images), _BATCH)
    return np.concatenate([run(np.ascontiguousarray(images[at : at + _BATCH])) for at in starts])


def _compared(
    found: NDArray[np.float32], expected: NDArray[np.float32], tolerance: float | None
) -> tuple[float, float]:
    """The largest difference, and the largest logit.

    Raises:
        ExportError: the difference is more than the format allows.
    """
    if found.shape != expected.shape:
        raise ExportError(f"the file gives outputs of {found.shape}, the network of {expected.shape}")
    if not np.isfinite(expected).all():
        raise ExportError(
            "the network's own outputs are not all finite, so that no file can be compared with it"
        )
    difference = float(np.abs(found.astype(np.float64) - expected).max())
    largest = float(np.abs(expected).max())
    if tolerance is not None and not difference <= tolerance * largest:
        raise ExportError(
            f"the file's outputs differ from the network's by up to {difference:.1e}, with logits of up to"
            f" {largest:.3g}; at most {tolerance:g} of the largest is allowed, so nothing is written"
        )
    return difference, largest


@contextmanager
def _beside(path: Path) -> Iterator[Path]:
    """A folder for the new files, hidden beside the place where they will be, so that they can be moved."""
    folder = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        folder.mkdir()
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror or error}") from error
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
