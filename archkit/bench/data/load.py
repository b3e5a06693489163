"""`load_data`: the data set that `--data` names."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Final

from archkit.bench.data import shapes
from archkit.bench.data.cache import decoded_once
from archkit.bench.data.dataset import DataSet, Decoded
from archkit.bench.data.folder import listing, read_folder
from archkit.bench.data.sources import DOWNLOADS, FOLDER_LAYOUT, SOURCES, cache_dir
from archkit.errors import DataError
from archkit.toml_values import nearest

__all__ = ["load_data"]

_SHAPES_SEED: Final = 0


def load_data(source: str, *, cache: Path | None = None) -> DataSet:
    """The data set that `--data` names.

    Images that are downloaded or read from a folder are decoded once: the cache keeps them in one file, whose
    checksum is compared whenever it is read.

    Args:
        source: `cifar10`, `cifar100`, `fashion-mnist` or `svhn`, downloaded once through torchvision;
            `shapes`, drawn here; or the path of a folder `{train,test}/<class>/*.png|jpg|jpeg`.
        cache: where downloads and decoded images are kept; `cache_dir()` unless given.

    Raises:
        DataError: there is no such source, or it is incomplete or unreadable.
        DownloadError: it could not be downloaded.
    """
    if source == "shapes":
        return DataSet.of(
            "shapes",
            shapes.CLASSES,
            shapes.draw(shapes.TRAIN_IMAGES, _SHAPES_SEED, stream=0),
            shapes.draw(shapes.TEST_IMAGES, _SHAPES_SEED, stream=1),
        )
    cache = cache if cache is not None else cache_dir()
    if source in DOWNLOADS:

        def download() -> Decoded:
            from archkit.bench.data.download import fetched  # torchvision: only where it is needed

            return fetched(source, cache)

        return decoded_once(cache / "decoded" / f"{source}.safetensors", source, source, download)
    folder = Path(source)
    if not folder.is_dir():
        if "/" in source or "\\" in source or folder.exists():
            raise DataError(f"{source} is not a folder; expected {FOLDER_LAYOUT}")
        raise DataError(f"no data set or folder is called {source!r}{nearest(source, SOURCES)}")
    folder = folder.resolve()
    digits = hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]
    path = cache / "decoded" / f"{folder.name}-{digits}.safetensors"
    return decoded_once(path, folder.name, listing(folder), lambda: read_folder(folder))
