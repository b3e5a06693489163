"""archkit: design neural networks under a budget.

>>> import archkit
>>> spec = archkit.parse("[2,1,1,1]x[64,128,256,512]")
>>> archkit.totals(spec).params
4977226

Importing archkit never imports torch; only `archkit.nn` and what trains in `archkit.bench` do.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from archkit.count import totals
from archkit.errors import ArchkitError, SpecError
from archkit.plan import Plan, layout
from archkit.spec import ArchSpec, parse

if TYPE_CHECKING:
    from pathlib import Path

    from archkit.api import bench as bench
    from archkit.api import enumerate as enumerate  # noqa: A004 - the command's name
    from archkit.api import solve as solve
    from archkit.count import count as count
    from archkit.count.reconcile import reconcile
    from archkit.drawing import draw
    from archkit.frames import Library, to_frame
    from archkit.nn import build as build

    # Written out: imported here, it would make the sweep, which asks for the version, depend on the report.
    def load_runs(*folders: Path | str, library: Library = "pandas") -> Any:
        """The finished runs in some folders as a data frame."""


__all__ = [
    "ArchSpec",
    "ArchkitError",
    "SpecError",
    "__version__",
    "bench",
    "build",
    "count",
    "draw",
    "enumerate",
    "layout",
    "load_runs",
    "parse",
    "reconcile",
    "solve",
    "to_frame",
    "totals",
]

__version__ = "0.1.0"

# Imported when they are first asked for: few need them.
_HOMES: Final = {
    "build": "archkit.nn",
    "enumerate": "archkit.api",
    "solve": "archkit.api",
    "draw": "archkit.drawing",
    "load_runs": "archkit.bench.report.frame",
    "reconcile": "archkit.count.reconcile",
    "to_frame": "archkit.frames",
}


def _drawn(shown: Any) -> str:
    """What a notebook shows of a network: its drawing."""
    from archkit.drawing import draw

    return draw(shown.spec if isinstance(shown, Plan) else shown).svg


# Given here, since neither may import what draws it.
_FORM: Final = "_repr_html_"
for _kind in (ArchSpec, Plan):
    setattr(_kind, _FORM, _drawn)

if not TYPE_CHECKING:

    def __getattr__(name):
        """A name whose module is not imported yet."""
        if name == "bench":
            return import_module("archkit.bench")  # a package that can be called, as archkit.count is
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(_HOMES[name]), name)

    def __dir__():
        """Those names too, so that they are found by Tab."""
        return sorted({*globals(), *__all__})
