"""The constants of a TensorFlow Lite file in float32, made from a network's weights.

What is folded into a conv is folded in double precision.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from archkit.count.tflm import NORMALISATION, Constant, Graph
from archkit.export.normalised import Normalised
from archkit.nn.layers import BlurPool, LayerScale

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import nn

__all__ = ["Values", "constants"]

Values: TypeAlias = "NDArray[Any]"


def constants(network: nn.Module, graph: Graph) -> dict[int, Values]:
    """The values of every constant, by the index of its tensor and in the layout of the file.

    Weights and numbers are in double precision, indices in int32.
    """
    found: dict[int, Values] = {}
    folded: dict[str, tuple[Values, Values]] = {}
    for i, tensor in enumerate(graph.tensors):
        recipe = tensor.constant
        if recipe is None:
            continue
        if recipe.role == "index":
            found[i] = np.array(recipe.numbers, dtype=np.int32).reshape(tensor.shape)
        elif recipe.role == "number":
            least = float(np.finfo(np.float32).min)
            found[i] = np.array([least] if recipe.form == "least" else recipe.numbers)
        else:
            if recipe.layer not in folded:
                folded[recipe.layer] = _folded(network, recipe, tensor.shape)
            found[i] = folded[recipe.layer][recipe.role == "bias"]
    return found


def _folded(network: nn.Module, recipe: Constant, shape: tuple[int, ...]) -> tuple[Values, Values]:
    """A layer's weight, as in the file, and its bias, with what is folded into them."""
    module = _part(network, recipe.layer)
    if recipe.form == "factor":
        factor, bias = _affine(module)
        weight = factor
    elif isinstance(module, BlurPool):
        weight = _array(module.filter)
        bias = np.zeros(len(weight))
    else:
        weight = _array(module.weight)
        bias = np.zeros(len(weight)) if getattr(module, "bias", None) is None else _array(module.bias)
    for name in recipe.folds:
        factor, more = _affine(_part(network, name))
        weight = weight * factor.reshape(-1, *(1,) * (weight.ndim - 1))
        bias = bias * factor + more
    return _laid_out(weight, recipe, shape), bias


def _part(network: nn.Module, name: str) -> nn.Module:
    """A layer of the network, or what normalises its images."""
    if isinstance(network, Normalised):
        return network if name == NORMALISATION else network.network.get_submodule(name)
    return network.get_submodule(name)


def _affine(module: nn.Module) -> tuple[Values, Values]:
    """The factor and the summand that a norm or a learned factor is for each channel."""
    if isinstance(module, Normalised):
        mean, std = _array(module.mean).ravel(), _array(module.std).ravel()
        return 1 / std, -mean / std
    weight = _array(module.weight)
    if isinstance(module, LayerScale):
        return weight, np.zeros(len(weight))
    norm: Any = module
    factor = weight / np.sqrt(_array(norm.running_var) + norm.eps)
    return factor, _array(norm.bias) - _array(norm.running_mean) * factor


def _laid_out(weight: Values, recipe: Constant, shape: tuple[int, ...]) -> Values:
    if recipe.form == "conv":
        return weight.transpose(0, 2, 3, 1)
    if recipe.form in ("depthwise", "blur"):
        found = np.zeros(shape)
        rows, columns = weight.shape[2:]  # a kernel that is wider in the file has zeros behind its own values
        found[0, :rows, :columns] = weight[:, 0].transpose(1, 2, 0)
        return found
    if recipe.form == "linear" and recipe.entered:
        maps = weight.reshape(-1, *recipe.entered)
        return maps.transpose(0, 2, 3, 1).reshape(shape)
    return weight.reshape(shape)


def _array(tensor: Any) -> Values:
    found: Values = tensor.detach().cpu().double().numpy()
    return found
