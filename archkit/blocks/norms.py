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

NORM: Final = {"batch": 0, "group": 32, "none": 0, "batch-tf": 0, "group-width": 8, "layer": 0}
"""Kinds of norm and their default number of groups (Wu and He 2018, section 4.1).

`batch-tf` adds 0.001 to the variance, as TensorFlow's batch norm does, where torch's adds 0.00001; `layer`
normalises the channels of each position (Liu et al. 2022), and adds 0.000001. `group-width` has a number of
channels in each group, whatever their number.
"""


def normalise(pen: Pen, name: str, norm: Norm) -> None:
    """Draws the norm, if there is one."""
    kind, groups = norm
    if kind == "batch":
        pen.norm(name, "batch_norm")
    elif kind == "batch-tf":
        pen.norm(name, "batch_norm", eps=3)
    elif kind == "group":
        pen.norm(name, "group_norm", groups)
    elif kind == "group-width":
        pen.norm(name, "group_norm", pen.c // groups)
    elif kind == "layer":
        pen.norm(name, "layer_norm", eps=6)
