"""The proof that a network is what was read off it, by its tensors and by its outputs alone."""

from __future__ import annotations

from math import prod

from torch import nn

from archkit.errors import InferError, SpecError, WeightsError
from archkit.nn.names import renumbered
from archkit.nn.outputs import alterations, compare_outputs
from archkit.nn.seen_network import see_network
from archkit.nn.weights import key_map, state_shapes
from archkit.spec import ArchSpec

__all__ = ["infer_seen"]


def infer_seen(module: nn.Module, size: tuple[int, int, int] | None) -> ArchSpec:
    """The spec of a module whose blocks `archkit.nn.seen_network` knows.

    Its tensors must be those of the network of the spec, but for the sides of a conv that is a linear layer
    there, and both must compute the same.

    Raises:
        InferError: the language has no words for something in it, or it is not what it looks like.
    """
    try:
        spec, library = see_network(module, size)
    except SpecError as error:
        raise InferError(f"the language cannot say this network: {error.reason}") from error
    nearest = f"the nearest spec is {spec}, but "
    try:
        keys = key_map(spec, library)
    except WeightsError as error:
        raise InferError(nearest + str(error)) from error
    shapes = state_shapes(spec)
    came = {key: tuple(tensor.shape) for key, tensor in module.state_dict().items()}
    called = {key: keys.get(there) for key, there in renumbered(came, keys).items()}
    for key, here in called.items():
        if here is None:
            raise InferError(f"{nearest}it has no place for {key}")
        if prod(shapes[here]) != prod(came[key]):
            said, expected = ("x".join(map(str, shape)) for shape in (came[key], shapes[here]))
            raise InferError(f"{nearest}{key} is {said}, expected {expected}")
    missing = set(shapes) - set(called.values())
    if missing:
        raise InferError(f"{nearest}it has no tensor for {sorted(missing)[0]}")
    doubts = alterations(module)
    found = {key: here for key, here in called.items() if here is not None}
    compare_outputs(module, spec, found, why=doubts[0] if doubts else None)
    return spec
