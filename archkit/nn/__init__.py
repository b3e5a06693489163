"""Torch from here on: a module from a plan, weights from elsewhere, and a spec from a module."""

from archkit.nn.checkpoint import Loaded
from archkit.nn.infer import infer
from archkit.nn.names import Library
from archkit.nn.network import BlockModule, Network, build
from archkit.nn.weights import key_map, load_weights, state_shapes

__all__ = [
    "BlockModule",
    "Library",
    "Loaded",
    "Network",
    "build",
    "infer",
    "key_map",
    "load_weights",
    "state_shapes",
]
