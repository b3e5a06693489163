"""Torch from here on: a module from a plan, weights from elsewhere, and a plan from a module."""

from archkit.nn.infer import infer
from archkit.nn.names import Library
from archkit.nn.network import Network, ResidualBlock, build
from archkit.nn.weights import key_map, load_weights, state_shapes

__all__ = [
    "Library",
    "Network",
    "ResidualBlock",
    "build",
    "infer",
    "key_map",
    "load_weights",
    "state_shapes",
]
