"""Exact counts of a network: one by one, in closed form, and in arrays.

`archkit.count(spec)` is `archkit.count.count(spec)`:

>>> import archkit
>>> archkit.count("[2,1,1,1]x[64,128,256,512]").params
4977226
"""

import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

from archkit.count.closed import Cost, totals
from archkit.count.formulas import equation1
from archkit.count.report import Account, LayerCost, PartCost, count

if TYPE_CHECKING:
    from archkit.count.arrays import count_arrays

__all__ = ["Account", "Cost", "LayerCost", "PartCost", "count", "count_arrays", "equation1", "totals"]


if not TYPE_CHECKING:

    def __getattr__(name):
        """`count_arrays`, imported when it is first asked for: numpy takes longer than counting a network."""
        if name == "count_arrays":
            from archkit.count.arrays import count_arrays

            return count_arrays
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


class _Called(ModuleType):
    """This package, which has the name of its function and can be called as it."""

    def __call__(self, *args: Any, **given: Any) -> Account:
        return count(*args, **given)


sys.modules[__name__].__class__ = _Called
