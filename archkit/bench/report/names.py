"""What a report calls networks and data sets."""

from __future__ import annotations

import functools
from collections.abc import Mapping

from archkit.bench.train.results import DataRecord
from archkit.errors import SpecError
from archkit.spec import parse
from archkit.spec.zoo import entries

__all__ = ["data_text", "network_name"]


def network_name(spec: str, data: DataRecord) -> str:
    """The name of the network that was built for the data's images, or its spec if it has no name.

    Args:
        spec: the network that was trained, as canonical text.
        data: what it was trained on.

    Raises:
        SpecError: no network takes such images.
    """
    size, classes = tuple(data.input), len(data.classes)
    return _names(size, classes).get(spec, spec)


@functools.cache
def _names(size: tuple[int, ...], classes: int) -> Mapping[str, str]:
    """The names of the networks for small images, by their canonical texts; of several names the first.

    Raises:
        SpecError: none takes images of this size.
    """
    found: dict[str, str] = {}
    refused: SpecError | None = None
    c, h, w = size
    for entry in entries():
        spec = parse(entry.spec)
        if spec.input[1] > 64:
            continue  # ImageNet's: the same name on small images is another network
        try:
            here = spec.replace(input=(c, h, w), classes=classes)
        except SpecError as error:  # as one whose window is larger than what these images leave
            refused = error
        else:
            found.setdefault(str(here), entry.name)
    if refused is not None and not found:
        raise refused
    return found


def data_text(data: DataRecord) -> str:
    """One line: the data set, and how much of it was used.

    The training images are counted before a recipe sets some of them apart for validation.
    """
    used = data.train + data.validation
    train = f"{used:,}" if used == data.whole_train else f"{used:,} of {data.whole_train:,}"
    test = f"{data.test:,}" if data.test == data.whole_test else f"{data.test:,} of {data.whole_test:,}"
    return f"{data.name}, {train} training and {test} test images, checksum {data.checksum[:8]}"
