"""`About`: what an exported file says of itself."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from archkit import __version__
from archkit.errors import DataError
from archkit.toml_values import MappingError, from_json, read

__all__ = ["About"]

_TEXTS: Final = ("spec", "weights", "test_checksum", "archkit")


@dataclass(frozen=True, kw_only=True, slots=True)
class About:
    """What an exported file says of itself.

    Attributes:
        spec: the network, as canonical text.
        input: C, H, W of one image.
        weights: where they come from, in words: `of the run NAME`, or `random, by seed 0`.
        classes: names of the classes, in the order of the logits; None where they are not known.
        mean: what is subtracted from the pixels of each channel, 0 to 255; None where no training said it.
        std: what the difference is divided by, likewise.
        folded: whether the file does that itself, and so takes pixels.
        resized: whether images of another size were scaled to `input` in training.
        correct: how many of `total` test images the run had right; None where there is no run.
        total: how many it was tested on.
        test_checksum: SHA-256 over these images and their labels.
        archkit: the version that wrote the file.
    """

    spec: str
    input: tuple[int, ...]
    weights: str
    classes: tuple[str, ...] | None = None
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    folded: bool = False
    resized: bool = False
    correct: int | None = None
    total: int | None = None
    test_checksum: str | None = None
    archkit: str = __version__

    @property
    def images(self) -> str:
        """What the file takes, in words."""
        if self.folded:
            return "pixels, 0 to 255"
        if self.mean is None:
            return "normalised as in training"
        return "pixels, 0 to 255, less their mean, over their standard deviation"

    def to_json(self) -> str:
        """All fields as a JSON object; `from_text` is the inverse."""
        return json.dumps(dataclasses.asdict(self), ensure_ascii=False, indent=1, allow_nan=False) + "\n"

    def to_metadata(self) -> dict[str, str]:
        """All fields as texts: a text as it is, anything else as JSON; `from_metadata` is the inverse."""
        table = dataclasses.asdict(self)
        return {
            name: value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            for name, value in table.items()
            if value is not None
        }

    @classmethod
    def from_metadata(cls, said: Mapping[str, str]) -> About:
        """What `to_metadata` gave; other entries are left out.

        Raises:
            DataError: a field is missing or wrong.
        """
        known = {one.name for one in dataclasses.fields(cls)} & said.keys()
        try:
            table = {name: said[name] if name in _TEXTS else json.loads(said[name]) for name in known}
        except ValueError as error:
            raise DataError(f"it does not say what archkit exported: {error}") from error
        return cls.from_text(json.dumps(table))

    @classmethod
    def from_text(cls, text: str) -> About:
        """What `to_json` wrote.

        Raises:
            DataError: the text is something else.
        """
        try:
            table: Any = from_json(text)
            if not isinstance(table, dict):
                raise MappingError("not an object")
            return read(cls, table)
        except ValueError as error:  # no JSON, or a field that is missing or wrong
            raise DataError(f"it does not say what archkit exported: {error}") from error
