"""Torch from here on: a module from a plan."""

from archkit.nn.network import Network, ResidualBlock, build

__all__ = ["Network", "ResidualBlock", "build"]
