"""The stem that the convs of a module suggest."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from operator import attrgetter, ne

from torch import nn

from archkit.blocks import STEMS, Stem
from archkit.blocks.sides import both, by_sides
from archkit.errors import InferError

__all__ = ["stem_of", "stem_pool_of"]


def stem_of(convs: Sequence[nn.Conv2d]) -> Stem:
    """The stem that has convs of these widths.

    Raises:
        InferError: none has.
    """
    widths = tuple(conv.out_channels for conv in convs)
    # The width of a stem is that of one of its convs.
    guesses = [Stem(kind, width) for kind in STEMS for width in dict.fromkeys(widths)]
    as_many = [stem for stem in guesses if len(stem.widths) == len(convs)]
    if not as_many:
        numbers = sorted({len(row.widths(row.least)) for row in STEMS.values()})
        raise InferError(
            f"the stem has {len(convs)} convs; the language has {' or '.join(map(str, numbers))}"
        )
    fitting = [stem for stem in as_many if stem.widths == widths]
    if not fitting:
        nearest = {
            kind: min(guesses, key=lambda stem: sum(map(ne, stem.widths, widths)))
            for kind, guesses in groupby(as_many, key=attrgetter("kind"))
        }
        raise InferError(
            f"the stem's convs are {_listed(widths)} wide; those of "
            + " and those of ".join(
                f"{kind}:{stem.width} are {_listed(stem.widths)}" for kind, stem in nearest.items()
            )
        )
    if len(fitting) == 1:
        return fitting[0]  # the proof will tell whether its kernels fit too
    k, stride = convs[0].kernel_size, convs[0].stride
    for stem in fitting:
        row = STEMS[stem.kind]
        if k == both(row.kernel) and stride == (row.stride,) * 2:
            return stem
    rows = [STEMS[stem.kind] for stem in fitting]
    raise InferError(
        f"the stem's conv is {k[0]}x{k[1]} with stride {stride[0]}; the language has "
        + " and ".join(f"{by_sides(row.kernel)} with {row.stride}" for row in rows)
    )


def _listed(numbers: Sequence[int]) -> str:
    return ", ".join(map(str, numbers))


def stem_pool_of(poolings: Sequence[nn.Module]) -> str:
    """The word of the language for what follows the stem."""
    if not poolings:
        return "none"
    if isinstance(poolings[0], nn.ConstantPad2d):
        return "max-zeros"
    return "conv" if isinstance(poolings[0], nn.Conv2d) else "max"
