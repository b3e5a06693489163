"""Files that appear whole or not at all, and the formats in which a list of networks is written."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

__all__ = [
    "LIST_ENDINGS",
    "half_written",
    "is_folder",
    "is_path",
    "is_there",
    "replacing",
    "settle_header",
    "shipped",
    "write_text",
]

LIST_ENDINGS: Final = (".csv", ".jsonl", ".parquet")
"""What the file of a list of networks may end in: apart from the writers, which a help must not wait for."""

_HALF_WRITTEN = re.compile(r".+\.\d+\.new")


@contextmanager
def replacing(path: Path, *, durable: bool = False) -> Iterator[Path]:
    """Gives the path of a new file, which takes the place of `path` when the block ends.

    When the block fails, the new file is removed and `path` is as it was. The new file is hidden, beside the
    old one. If `path` is a link, what it points to is replaced, and it stays a link. Several processes may
    replace the same file at once: the last one wins.

    Args:
        path: the file to be made or replaced; its folder must be there.
        durable: whether the new file has reached the disk before it takes its place.

    Raises:
        OSError: the file cannot be written or renamed.
    """
    path = Path(os.path.realpath(path)) if path.is_symlink() else path
    new = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        yield new
        if durable:
            with new.open("rb+") as file:
                os.fsync(file.fileno())
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Writes a file in UTF-8, whole or not at all.

    Raises:
        OSError: it cannot be written.
    """
    with replacing(path) as new:
        new.write_text(text, encoding="utf-8")


def settle_header(path: Path) -> None:
    """Puts the metadata of a safetensors file into the order of their names, in place.

    safetensors writes them in an order that differs from process to process; settled, the same content is the
    same bytes wherever it is written.

    Raises:
        OSError: the file cannot be read or written.
    """
    with path.open("rb+") as file:
        length = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(length))
        header["__metadata__"] = dict(sorted(header.get("__metadata__", {}).items()))
        text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
        if len(text) <= length:  # always: it is the same text in another order, and blanks at its end
            file.seek(8)
            file.write(text.ljust(length))


def shipped(folder: str) -> dict[str, Path]:
    """The TOML files of `budgets` or `benchmarks` by their names, as `cifar10-5m`.

    The wheel has them in the package, and a clone beside it (see pyproject.toml).
    """
    package = Path(__file__).parent
    place = package / "shipped" / folder
    if not place.is_dir():
        place = package.parent / folder
    return {path.stem: path for path in sorted(place.glob("*.toml"))}


def is_path(text: str | Path) -> bool:
    """Whether a text means a file rather than a name: it ends in .toml, has a slash, or is there."""
    path = Path(text)
    return text != "" and (path.suffix == ".toml" or len(path.parts) != 1 or is_there(path))


def is_there(path: Path) -> bool:
    """Whether there is a file or folder of this name; False for a text that is no name, being too long."""
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def is_folder(path: Path) -> bool:
    """Whether it is a folder; False for a text that is no name, being too long."""
    return is_there(path) and path.is_dir()


def half_written(name: str) -> bool:
    """Whether a file of this name is what a killed process left of `replacing`."""
    return _HALF_WRITTEN.fullmatch(name) is not None
