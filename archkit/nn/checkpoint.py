"""The weights inside what `torch.load` gives for a checkpoint.

Training scripts save more than weights, in a dictionary, and save them from inside a wrapper, which puts its
own name before every key.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

import torch
from torch import Tensor, nn

from archkit.errors import WeightsError
from archkit.nn.kinds import COUNTER

__all__ = ["Loaded", "Weights", "find_weights"]

ENTRIES: Final = ("state_dict", "model_state_dict", "model", "net", "network", "module", "weights")
"""The entries of a checkpoint that hold weights, the first that is there."""

PREFIXES: Final = ("module.", "_orig_mod.", "model.", "net.", "network.")
"""What wrappers put before every key: `DataParallel` and its like, `torch.compile`, a trainer's attribute."""

_AVERAGED: Final = "n_averaged"
"""What `AveragedModel` counts in its own `state_dict`: no weight."""

_DEPTH: Final = 4  # dictionaries inside one another


@dataclass(frozen=True, kw_only=True, slots=True)
class Loaded:
    """Where the weights were found.

    Attributes:
        entry: of the checkpoint, such as `state_dict`, or `checkpoint.model` where one is in another; None
            where the weights were given by themselves.
        prefix: what was taken off every key: `module.`, `_orig_mod.`, or nothing.
    """

    entry: str | None = None
    prefix: str = ""

    def __str__(self) -> str:
        """In words, for errors; nothing where the weights were as they should be."""
        words = [] if self.entry is None else [f"of the checkpoint's {self.entry}"]
        words += [f"without the prefix {self.prefix}"] if self.prefix else []
        return ", ".join(words)


@dataclass(frozen=True, kw_only=True, slots=True)
class Weights:
    """Tensors by their keys, and where they were found."""

    tensors: dict[str, Tensor]
    found: Loaded


def find_weights(given: object, expected: Collection[str]) -> Weights:
    """The weights in what was given.

    Args:
        given: a `state_dict`, a module, or a dictionary that has one of them in an entry of `ENTRIES`.
        expected: the keys that the network needs; where they are there, no prefix is taken off.

    Raises:
        WeightsError: there are none, or something among them is no tensor that could be copied.
    """
    tensors, path = given, []
    for _ in range(_DEPTH):
        if isinstance(tensors, nn.Module):
            tensors = tensors.state_dict()
        if not isinstance(tensors, Mapping):
            break
        entry = next((key for key in ENTRIES if isinstance(tensors.get(key), Mapping | nn.Module)), None)
        if entry is None:
            break
        path.append(entry)
        tensors = tensors[entry]
    where = ".".join(path)
    if not isinstance(tensors, Mapping):
        raise WeightsError(
            f"weights are a state_dict, a checkpoint that holds one, or the path of a safetensors file, not"
            f" {_a(tensors)}"
        )
    if tensors and not any(isinstance(value, Tensor) for value in tensors.values()):
        raise WeightsError(
            f"the checkpoint{f' in {where}' if where else ''} holds {_few(tensors)}, and in none of"
            f" {', '.join(ENTRIES)} a state_dict"
        )
    for key, tensor in tensors.items():
        wrong = _wrong(key, tensor)
        if wrong is not None:
            raise WeightsError(f"the weights{f' in {where}' if where else ''} hold {wrong}")
    keys, prefix = dict(tensors), ""
    while keys and not all(key in keys for key in expected):
        counter = keys.pop(_AVERAGED, None)
        taken = next((p for p in PREFIXES if keys and all(key.startswith(p) for key in keys)), None)
        if taken is None:
            if counter is not None:
                keys[_AVERAGED] = counter
            break
        keys = {key.removeprefix(taken): tensor for key, tensor in keys.items()}
        prefix += taken
    return Weights(tensors=keys, found=Loaded(entry=where or None, prefix=prefix))


def _wrong(key: Any, tensor: Any) -> str | None:
    """What keeps an entry from being weights, in words."""
    if not isinstance(key, str):
        return f"a key that is {_a(key)}, not a name"
    if not isinstance(tensor, Tensor):
        return f"{key}, which is {_a(tensor)}, not a tensor"
    if tensor.is_meta:
        return f"{key}, which lies on the meta device and has no numbers"
    if not tensor.is_floating_point() and not tensor.is_complex() and not key.endswith((COUNTER, _AVERAGED)):
        return f"{key}, whose numbers are {tensor.dtype}; floating point is expected"
    if tensor.layout is not torch.strided or tensor.is_quantized or tensor.is_complex():
        return (
            f"{key}, which is {tensor.dtype} in the layout {tensor.layout}; dense real numbers are expected"
        )
    return None


def _a(value: object) -> str:
    return "None" if value is None else f"of the type {type(value).__name__}"


def _few(values: Mapping[Any, Any]) -> str:
    shown = [str(key) for key in values][:4]
    return ", ".join(shown) + (" and more" if len(values) > len(shown) else "")
