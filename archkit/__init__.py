"""archkit: design neural networks under a budget.

>>> import archkit
>>> spec = archkit.parse("[2,1,1,1]x[64,128,256,512]")
>>> archkit.totals(spec).params
4977226

Importing archkit never imports torch; only `archkit.nn` and what trains in `archkit.bench` do.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Final

from archkit.count import totals
from archkit.errors import ArchkitError, SpecError
from archkit.plan import layout
from archkit.spec import ArchSpec, parse

if TYPE_CHECKING:
    from archkit.count.reconcile import reconcile
    from archkit.drawing import draw

__all__ = [
    "ArchSpec",
    "ArchkitError",
    "SpecError",
    "__version__",
    "draw",
    "layout",
    "parse",
    "reconcile",
    "totals",
]

__version__ = "0.1.0"

# Imported when they are first asked for: few need them.
_HOMES: Final = {
    "draw": "archkit.drawing",
    "reconcile": "archkit.count.reconcile",
}

if not TYPE_CHECKING:

    def __getattr__(name):
        """A name whose module is not imported yet."""
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(_HOMES[name]), name)

    def __dir__():
        """Those names too, so that they are found by Tab."""
        return sorted({*globals(), *__all__})
