"""What normalises a map."""

from __future__ import annotations

from typing import Final, NamedTuple

from archkit.blocks.pen import Pen

__all__ = ["BATCH_NORM", "NORM", "Norm", "normalise"]


class Norm(NamedTuple):
    """What normalises after each conv: `batch`, `group`, `none`, ...; `groups` is 0 except for `group`."""

    kind: str
    groups: int = 0


BATCH_NORM: Final = Norm("batch")

NORM: Final = {
    "batch": 0,
    "group": 32,
    "none": 0,
    "batch-tf": 0,
    "group-width": 8,
    "layer": 0,
    "layer-torch": 0,
    "rms": 0,
    "simple": 0,
}
"""Kinds of norm and their default number of groups (Wu and He 2018, section 4.1).

`batch-tf` adds 0.001 to the variance, as TensorFlow's batch norm does, where torch's adds 0.00001. `layer`
normalises the channels of each position (Liu et al. 2022), and adds 0.000001; `layer-torch` adds 0.00001, as
torch's layer norm does. `rms` divides them by the root of their mean square (Zhang and Sennrich 2019) and
`simple`, timm's SimpleNorm, by their standard deviation; neither subtracts the mean, and neither has a bias.
`group-width` has a number of channels in each group, whatever their number.
"""

_UNGROUPED: Final = {
    "batch": ("batch_norm", 5),
    "batch-tf": ("batch_norm", 3),
    "layer": ("layer_norm", 6),
    "layer-torch": ("layer_norm", 5),
    "rms": ("rms_norm", 6),
    "simple": ("simple_norm", 6),
}
"""The kind of layer of each norm without groups, and its epsilon: 10 to the power of minus this."""


def normalise(pen: Pen, name: str, norm: Norm) -> None:
    """Draws the norm, if there is one."""
    kind, groups = norm
    if kind == "group":
        pen.norm(name, "group_norm", groups)
    elif kind == "group-width":
        pen.norm(name, "group_norm", pen.c // groups)
    elif kind != "none":
        layer, eps = _UNGROUPED[kind]
        pen.norm(name, layer, eps=eps)
