"""Torch from here on: a module from a plan, weights from elsewhere, and a spec from a module.

`archkit.nn.export` is `archkit.export.export`, which stands on this package: it is imported when asked for.
"""

from importlib import import_module
from typing import Any

from archkit.nn.checkpoint import Loaded
from archkit.nn.infer import infer
from archkit.nn.names import Library
from archkit.nn.network import BlockModule, Network, build, drop_bodies
from archkit.nn.weights import key_map, load_weights, state_shapes

__all__ = [
    "BlockModule",
    "Library",
    "Loaded",
    "Network",
    "build",
    "drop_bodies",
    "infer",
    "key_map",
    "load_weights",
    "state_shapes",
]


def __getattr__(name: str) -> Any:
    if name != "export":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return import_module("archkit.export").export
