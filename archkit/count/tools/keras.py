"""Keras's totals, of the network of a spec written in Keras layer by layer.

Source: keras 3.15.1, `src/utils/summary_utils.py`: `model.summary()` adds up the elements of the weights that
are trained and of those that are not, and `model.count_params()` gives both together. A batch norm has two
vectors of each sort: scale and offset, moving mean and moving variance. The other norms have no moving ones.
"""

from __future__ import annotations

from typing import Final

from archkit.count.tools.terms import PARAMS, Rule, Term
from archkit.plan import Layer

__all__ = ["KERAS"]


def _two_a_channel(layer: Layer) -> int:
    return 2 * int(layer.out_shape[0])


_MOVING: Final = Term("batch norm's moving mean and variance, 2 a channel", _two_a_channel, ("batch_norm",))

KERAS: Final = (
    Rule("total params", (*PARAMS.terms, _MOVING)),
    Rule("trainable params", PARAMS.terms),
    Rule("non-trainable params", (_MOVING,)),
)
