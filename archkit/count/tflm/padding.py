"""torch's padding of convs and pools, and TensorFlow's.

torch adds `padding` rows above and below. TensorFlow's `SAME` adds as many as the last window needs,
`(out - 1) * stride + kernel - size`, half of them above, rounded down.
"""

from __future__ import annotations

from collections.abc import Iterator

from archkit.blocks.sides import Sides, alike, both
from archkit.plan import Layer

__all__ = ["explicit", "fits_same", "widened"]


def fits_same(layer: Layer) -> bool:
    """Whether `SAME` pads a layer's map as torch does, as far as its windows reach."""
    return _same_with(layer, layer.kernel)


def widened(layer: Layer) -> Sides | None:
    """The kernel that `SAME` pads so, with zeros behind the layer's own values; None where there is none."""
    rows, columns = layer.window
    wider = (alike(rows + more, columns + more) for more in (1, 2))
    return next((kernel for kernel in wider if _same_with(layer, kernel)), None)


def explicit(layer: Layer) -> tuple[int, int, int, int]:
    """Rows above and below, columns left and right, that a layer without padding needs in its map."""
    sides: list[int] = []
    for size, out, k, padding in _each(layer, layer.kernel):
        sides += [padding, max(0, (out - 1) * layer.stride + k - size - padding)]
    top, bottom, left, right = sides
    return top, bottom, left, right


def _same_with(layer: Layer, kernel: Sides) -> bool:
    for size, out, k, padding in _each(layer, kernel):
        needed = max(0, (out - 1) * layer.stride + k - size)
        if out != -(-size // layer.stride) or needed // 2 != padding:
            return False
    return True


def _each(layer: Layer, kernel: Sides) -> Iterator[tuple[int, int, int, int]]:
    """Of the rows, then of the columns: how many enter and leave, the kernel and the padding."""
    return zip(layer.in_shape[1:], layer.out_shape[1:], both(kernel), layer.margins, strict=True)
