"""Ten classes of small colour images, drawn from a seed: the data set that is always there.

Each image shows one shape on a shaded background. Colours, position, size and angle are drawn
independently of the class, and noise is added, so that no pixel says anything by itself: a linear model of
the pixels stays close to chance, while a small convolutional network learns the set in minutes.

Only integers, `+ - * /` and square roots are used, and the random bits come straight from PCG64, so every
platform draws the same bytes: IEEE 754 defines those operations to the last bit; for sines and normal
deviates no library does.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["CLASSES", "SIZE", "TEST_IMAGES", "TRAIN_IMAGES", "draw"]

Reals: TypeAlias = NDArray[np.float32]
Outline: TypeAlias = Callable[[Reals, Reals], Reals]

SIZE: Final = 32
"""Height and width of an image, in pixels."""

TRAIN_IMAGES: Final = 10_000
TEST_IMAGES: Final = 2_000

# The largest noise, of 255, either way; it is triangular, with a standard deviation of 64 / sqrt(6) = 26.
_NOISE: Final = 64
_CHUNK: Final = 250  # images drawn at a time: the working arrays stay in the processor's cache


def draw(images: int, seed: int, *, stream: int = 0) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Draws `images` images; the classes take turns.

    >>> pixels, labels = draw(20, seed=0)
    >>> pixels.shape, labels[:12].tolist()
    ((20, 3, 32, 32), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1])

    Args:
        images: N, how many.
        seed: at least 0.
        stream: tells draws with the same seed apart; training images have one stream, test images another.

    Returns:
        N x 3 x 32 x 32 pixels in RGB, and N labels, indices into `CLASSES`.
    """
    labels = np.arange(images, dtype=np.int64) % len(CLASSES)
    bits = _Bits(seed, stream)
    traits = _Traits(bits, images)
    pixels = np.empty((images, 3, SIZE, SIZE), np.uint8)
    for label, outline in enumerate(_OUTLINES.values()):
        members = np.flatnonzero(labels == label)
        for start in range(0, len(members), _CHUNK):
            chunk = members[start : start + _CHUNK]
            pixels[chunk] = _paint(outline, traits, chunk, bits)
    return pixels, labels


class _Bits:
    """Uniform numbers from the raw output of PCG64, which numpy promises not to change (NEP 19)."""

    def __init__(self, seed: int, stream: int) -> None:
        self._source: np.random.PCG64 = np.random.PCG64(np.random.SeedSequence([seed, stream]))

    def uniform(self, low: float, high: float, *shape: int) -> Reals:
        """Uniform in [low, high), in steps of 2^-24 of the range."""
        raw = self._source.random_raw(int(np.prod(shape))).reshape(shape)
        unit = (raw >> np.uint64(40)).astype(np.float32) * np.float32(2.0**-24)
        return np.float32(low) + np.float32(high - low) * unit

    def octets(self, *shape: int) -> NDArray[np.uint8]:
        """Uniform in 0..255."""
        count = int(np.prod(shape))
        raw = self._source.random_raw(-(-count // 8)).astype("<u8")
        return raw.view(np.uint8)[:count].reshape(shape)


class _Traits:
    """What is drawn for each image besides its class; the first axis is the image."""

    def __init__(self, bits: _Bits, images: int) -> None:
        middle = SIZE / 2
        self.radius = bits.uniform(5.5, 11.5, images)
        # The centre stays where most of the shape is visible: large shapes move less.
        reach = np.float32(middle) - self.radius * np.float32(0.85)
        self.x: Reals = np.float32(middle) + reach * bits.uniform(-1, 1, images)
        self.y: Reals = np.float32(middle) + reach * bits.uniform(-1, 1, images)
        # A random direction without sines: a rational parametrisation of the half circle, and a random sign.
        t = bits.uniform(-1, 1, images)
        sign = np.where(bits.uniform(-1, 1, images) < 0, np.float32(-1), np.float32(1))
        self.cos: Reals = sign * (1 - t * t) / (1 + t * t)
        self.sin: Reals = sign * (2 * t) / (1 + t * t)
        # In each channel the shape's colour is 80 to 176 steps of 256 away from the background's, round the
        # circle: always visible, and as often darker as lighter.
        self.ground = bits.uniform(0, 256, images, 3)
        self.colour = (self.ground + bits.uniform(80, 176, images, 3)) % np.float32(256)
        # How the background changes, in steps per pixel to the right and down.
        self.shade = bits.uniform(-2, 2, images, 3, 2)


def _paint(outline: Outline, traits: _Traits, chunk: NDArray[np.intp], bits: _Bits) -> NDArray[np.uint8]:
    """The pixels of the images `chunk`, which are all of one class."""

    def per_image(values: Reals) -> Reals:
        return values[chunk][:, None, None]

    grid: Reals = np.arange(SIZE, dtype=np.float32) + np.float32(0.5)
    x: Reals = grid[None, None, :] - per_image(traits.x)
    y: Reals = grid[None, :, None] - per_image(traits.y)
    radius, cos, sin = per_image(traits.radius), per_image(traits.cos), per_image(traits.sin)
    u: Reals = np.divide(cos * x + sin * y, radius)
    v: Reals = np.divide(cos * y - sin * x, radius)
    # The edge is a slope one pixel wide, which is about what antialiasing gives.
    cover: Reals = np.clip(np.float32(0.5) - outline(u, v) * radius, 0, 1)[:, None]

    centred = grid - np.float32(SIZE / 2)
    shade = traits.shade[chunk][..., None, None]
    ground = (
        traits.ground[chunk][..., None, None]
        + shade[:, :, 0] * centred[None, None, None, :]
        + shade[:, :, 1] * centred[None, None, :, None]
    )
    colour = traits.colour[chunk][..., None, None]
    noise = bits.octets(2, len(chunk), 3, SIZE, SIZE).astype(np.float32)
    noise = (noise[0] - noise[1]) * np.float32(_NOISE / 255)
    image: Reals = np.clip(ground + cover * (colour - ground) + noise, 0, 255)
    return image.astype(np.uint8)


def _length(u: Reals, v: Reals) -> Reals:
    length: Reals = np.sqrt(u * u + v * v)
    return length


def _box(u: Reals, v: Reals, width: float, height: float) -> Reals:
    distance: Reals = np.maximum(np.abs(u) - np.float32(width), np.abs(v) - np.float32(height))
    return distance


def _band(distance: Reals, width: float) -> Reals:
    """The points within `width` of an edge."""
    band: Reals = np.abs(distance) - np.float32(width)
    return band


# Each outline takes coordinates in which the shape has a radius of about 1 and returns the distance to the
# shape's edge in the same unit: negative inside, positive outside.


def _disc(u: Reals, v: Reals) -> Reals:
    return _length(u, v) - np.float32(0.85)


def _ring(u: Reals, v: Reals) -> Reals:
    return _band(_length(u, v) - np.float32(0.72), 0.2)


def _square(u: Reals, v: Reals) -> Reals:
    return _box(u, v, 0.75, 0.75)


def _frame(u: Reals, v: Reals) -> Reals:
    return _band(_box(u, v, 0.62, 0.62), 0.18)


def _triangle(u: Reals, v: Reals) -> Reals:
    slope = np.float32(0.8660254) * np.abs(u)
    return np.maximum(-v, slope + np.float32(0.5) * v) - np.float32(0.5)


def _plus(u: Reals, v: Reals) -> Reals:
    return np.minimum(_box(u, v, 0.95, 0.26), _box(u, v, 0.26, 0.95))


def _star(u: Reals, v: Reals) -> Reals:
    # A point is in a pentagram if it is in at least four of five half planes: the second largest distance
    # decides.
    largest = second = np.full_like(u, -np.inf)
    for cos, sin in (
        (0, 1),
        (-0.9510565, 0.309017),
        (-0.5877853, -0.809017),
        (0.5877853, -0.809017),
        (0.9510565, 0.309017),
    ):
        side = np.float32(cos) * u + np.float32(sin) * v
        second = np.maximum(second, np.minimum(largest, side))
        largest = np.maximum(largest, side)
    distance: Reals = second - np.float32(0.34)
    return distance


def _crescent(u: Reals, v: Reals) -> Reals:
    bitten: Reals = np.float32(0.75) - _length(u - np.float32(0.5), v)
    crescent: Reals = np.maximum(_length(u, v) - np.float32(0.95), bitten)
    return crescent


def _hourglass(u: Reals, v: Reals) -> Reals:
    return np.maximum(
        np.abs(v) - np.float32(0.9), np.float32(0.78) * np.abs(u) - np.float32(0.62) * np.abs(v)
    )


def _bars(u: Reals, v: Reals) -> Reals:
    return _box(np.abs(u) - np.float32(0.52), v, 0.24, 0.85)


_OUTLINES: Final[dict[str, Outline]] = {
    "disc": _disc,
    "ring": _ring,
    "square": _square,
    "frame": _frame,
    "triangle": _triangle,
    "plus": _plus,
    "star": _star,
    "crescent": _crescent,
    "hourglass": _hourglass,
    "bars": _bars,
}

CLASSES: Final = tuple(_OUTLINES)
"""Names of the classes, in the order of the labels."""
