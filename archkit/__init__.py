"""archkit: design neural networks under a budget.

>>> import archkit
>>> spec = archkit.parse("[2,1,1,1]x[64,128,256,512]")
>>> archkit.totals(spec).params
4977226

Importing archkit never imports torch; only `archkit.nn` and what trains in `archkit.bench` do.
"""

from typing import TYPE_CHECKING

from archkit.count import totals
from archkit.errors import ArchkitError, SpecError
from archkit.plan import layout
from archkit.spec import ArchSpec, parse

if TYPE_CHECKING:
    from archkit.count.reconcile import reconcile

__all__ = ["ArchSpec", "ArchkitError", "SpecError", "__version__", "layout", "parse", "reconcile", "totals"]

__version__ = "0.1.0"

if not TYPE_CHECKING:

    def __getattr__(name):
        """`reconcile`, imported when it is first asked for: few need it."""
        if name == "reconcile":
            from archkit.count.reconcile import reconcile

            return reconcile
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
