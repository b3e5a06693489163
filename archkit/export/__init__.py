"""Networks as files that run without archkit.

`export` writes one, runs it and compares; `archkit.export.formats.FORMATS` has the formats, one row each. The
names here are imported when they are first used: the help of `archkit export` must not wait for torch.

How a module of Python is written (`pytorch`):

    alike         which blocks are of one class, and how their layers correspond
    arguments     what the class takes, from the values that its blocks have
    spellings     how each kind of layer is written
    classes       the source of one class
    module_text   the whole file
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from archkit.export.about import About
    from archkit.export.exporting import Exported, export
    from archkit.export.formats import FORMATS, Format

__all__ = ["FORMATS", "About", "Exported", "Format", "export"]

_HOMES: Final = {
    "About": "about",
    "Exported": "exporting",
    "FORMATS": "formats",
    "Format": "formats",
    "export": "exporting",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
