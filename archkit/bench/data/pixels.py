"""From an image file to uint8 pixels: rotation, transparency, palettes, 16 bits, gray and colour, size.

Channels are 1, gray, or 3, RGB. What an image loses on the way is the same wherever archkit reads one: in
training, in `archkit eval` and in `archkit predict`.
"""

from __future__ import annotations

import os
import struct
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from archkit.errors import DataError

__all__ = ["fitted", "is_gray", "pixels", "read_pixels", "survey"]

_ORIENTATION: Final = 0x0112  # the EXIF tag
_TURNS: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What makes an image upright, by its EXIF orientation."""

_GRAY: Final = ("1", "L", "LA", "La", "I", "F")
_WIDE: Final = "I"  # how the modes begin that have more than 8 bits
_ALPHA: Final = ("RGBA", "RGBa", "LA", "La", "PA")

# For a broken file Pillow's decoders raise any of these, besides UnidentifiedImageError, an OSError.
_BROKEN: Final = (OSError, SyntaxError, ValueError, EOFError, struct.error, Image.DecompressionBombError)


def read_pixels(
    path: str | os.PathLike[str], channels: int, size: tuple[int, int] | None
) -> NDArray[np.uint8]:
    """The pixels of an image file; see `pixels`.

    Raises:
        DataError: the file is not there, or is not a readable image.
    """
    try:
        with Image.open(path) as image:
            return pixels(image, channels, size)
    except FileNotFoundError as error:
        raise DataError(f"there is no image {os.fspath(path)}") from error
    except _BROKEN as error:
        raise DataError(f"{os.fspath(path)} is not a readable image") from error


def survey(path: str | os.PathLike[str]) -> tuple[bool, tuple[int, int]]:
    """Whether an image is gray, and its W and H as they are stored, from the file's head alone.

    Raises:
        DataError: the file is not a readable image.
    """
    try:
        with Image.open(path) as image:
            return is_gray(image), image.size
    except _BROKEN as error:
        raise DataError(f"{os.fspath(path)} is not a readable image") from error


def pixels(image: Image.Image, channels: int, size: tuple[int, int] | None = None) -> NDArray[np.uint8]:
    """The pixels of an image, C x H x W.

    It is turned upright as its EXIF orientation says, 16 bits become 8 by dropping the lower eight, what is
    transparent shows white, and colours become gray by ITU-R 601: 0.299 R + 0.587 G + 0.114 B.

    Args:
        image: any image of Pillow's.
        channels: 1 or 3.
        size: H and W to scale it to, without keeping its proportions; None leaves it as large as it is.
    """
    image = _upright(image)
    if image.mode.startswith(_WIDE):
        image = _eight_bits(image)
    if image.mode in _ALPHA or "transparency" in image.info:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    image = image.convert("L" if channels == 1 else "RGB")
    if size is not None and image.size != size[::-1]:
        image = image.resize(size[::-1], Image.Resampling.BILINEAR)
    array = np.asarray(image)
    return array[None] if channels == 1 else array.transpose(2, 0, 1)


def is_gray(image: Image.Image) -> bool:
    """Whether an image has no colours by its mode or, where it has a palette, by the palette."""
    if image.mode in ("P", "PA"):
        colours = np.reshape(image.getpalette("RGB") or [0, 1, 2], (-1, 3))
        return bool((colours == colours[:, :1]).all())
    return image.mode.partition(";")[0] in _GRAY


def fitted(
    images: NDArray[np.uint8], channels: int, size: tuple[int, int] | None = None
) -> NDArray[np.uint8]:
    """N x C x H x W images with other channels or of another size, by the rules of `pixels`.

    Args:
        images: with 1 or 3 channels.
        channels: 1 or 3.
        size: H and W, or None to keep theirs.
    """
    if images.shape[1] != channels:
        images = np.repeat(images, 3, axis=1) if channels == 3 else _luma(images)
    if size is None or images.shape[2:] == size:
        return images
    scaled = np.empty((len(images), channels, *size), np.uint8)
    for image, into in zip(images, scaled, strict=True):
        whole = Image.fromarray(image[0] if channels == 1 else np.ascontiguousarray(image.transpose(1, 2, 0)))
        into[:] = pixels(whole, channels, size)
    return scaled


def _luma(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Gray from RGB, with Pillow's integers, so that a file and an array come to the same bytes."""
    gray = np.empty((len(images), 1, *images.shape[2:]), np.uint8)
    for start in range(0, len(images), 1000):
        red, green, blue = images[start : start + 1000].transpose(1, 0, 2, 3).astype(np.uint32)
        gray[start : start + 1000, 0] = (19595 * red + 38470 * green + 7471 * blue + 0x8000) >> 16
    return gray


def _upright(image: Image.Image) -> Image.Image:
    try:
        turn = _TURNS.get(image.getexif().get(_ORIENTATION, 1))
    except (*_BROKEN, TypeError, KeyError):  # a broken EXIF block is no reason to refuse the pixels
        turn = None
    return image if turn is None else image.transpose(turn)


def _eight_bits(image: Image.Image) -> Image.Image:
    """The upper eight of 16 bits; Pillow's own conversion clips instead, and shows almost all white."""
    values = np.clip(np.asarray(image).astype(np.int64), 0, 65535)
    narrow = (values >> 8).astype(np.uint8)
    clear = image.info.get("transparency")
    if isinstance(clear, int):
        narrow[values == clear] = 255
    return Image.fromarray(narrow)
