"""torch's padding of convs and pools, and TensorFlow's.

torch adds `padding` rows above and below. TensorFlow's `SAME` adds as many as the last window needs,
`(out - 1) * stride + kernel - size`, half of them above, rounded down.
"""

from __future__ import annotations

from archkit.plan import Layer

__all__ = ["explicit", "fits_same", "widened"]


def fits_same(layer: Layer) -> bool:
    """Whether `SAME` pads a layer's map as torch does, as far as its windows reach."""
    return _same_with(layer, layer.kernel)


def widened(layer: Layer) -> int | None:
    """The kernel that `SAME` pads so, with zeros behind the layer's own values; None where there is none."""
    return next((k for k in (layer.kernel + 1, layer.kernel + 2) if _same_with(layer, k)), None)


def explicit(layer: Layer) -> tuple[int, int, int, int]:
    """Rows above and below, columns left and right, that a layer without padding needs in its map."""
    sides: list[int] = []
    for size, out in zip(layer.in_shape[1:], layer.out_shape[1:], strict=True):
        least = (out - 1) * layer.stride + layer.kernel - size - layer.padding
        sides += [layer.padding, max(0, least)]
    top, bottom, left, right = sides
    return top, bottom, left, right


def _same_with(layer: Layer, kernel: int) -> bool:
    for size, out in zip(layer.in_shape[1:], layer.out_shape[1:], strict=True):
        needed = max(0, (out - 1) * layer.stride + kernel - size)
        if out != -(-size // layer.stride) or needed // 2 != layer.padding:
            return False
    return True
