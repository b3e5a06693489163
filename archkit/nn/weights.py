"""Weights from elsewhere: which key of another library's `state_dict` is which of archkit's.

Weights come as tensors or as a safetensors file. A pickled checkpoint can run any code when it is
opened, so archkit opens none: open it with `torch.load(path, weights_only=True)`, and pass on what that
returns.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import prod
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from archkit.errors import WeightsError
from archkit.nn.checkpoint import Loaded, find_weights
from archkit.nn.kinds import COUNTER, MODULES, Shapes
from archkit.nn.names import LIBRARIES, Library, module_names, network_of, renumbered
from archkit.nn.network import Network
from archkit.nn.wrappers import inner
from archkit.plan import layout
from archkit.spec import ArchSpec, as_spec

__all__ = ["check_state", "key_map", "keys_of", "load_weights", "state_shapes"]

_SHOWN = 4  # keys that an error names of each kind


def state_shapes(spec: ArchSpec | str) -> Shapes:
    """The `state_dict` of a network, by its shapes, in the order of the forward pass.

    >>> from archkit.spec import parse
    >>> shapes = state_shapes(parse("[2,1,1,1]x[64,128,256,512]"))
    >>> shapes["stem.conv.weight"], shapes["head.fc.bias"]
    ((64, 3, 3, 3), (10,))
    """
    return {
        f"{layer.name}.{name}": shape
        for layer in layout(spec)
        for name, shape in MODULES[layer.kind].tensors(layer).items()
    }


def key_map(spec: ArchSpec | str, library: Library) -> dict[str, str]:
    """Keys of a library's `state_dict`, and the key that the same tensor has in archkit's.

    >>> from archkit.spec import parse
    >>> keys = key_map(parse("resnet50d"), "timm")
    >>> keys["conv1.3.weight"], keys["layer2.0.downsample.1.weight"]
    ('stem.conv2.weight', 'stage2.block1.shortcut.conv.weight')

    It follows from the plan, so it is there for any network whose layers the library's ResNet has names
    for, such as one whose 7x7 stem has been replaced by a 3x3.

    Args:
        spec: the network.
        library: whose names the keys are: `timm` (of its `resnet` module), `torchvision`, or
            `archkit`, whose map is the identity.

    Raises:
        WeightsError: there is no such library, or its ResNet has no name for one of the layers.
    """
    if library not in LIBRARIES:
        raise WeightsError(f"library is {' | '.join(LIBRARIES)}, not {library}")
    spec = as_spec(spec)
    whose = library if library == "archkit" else f"{library}'s {network_of(spec, library)}"
    return keys_of(spec, module_names(spec, library), whose)


def keys_of(spec: ArchSpec, names: Mapping[str, str], whose: str) -> dict[str, str]:
    """The keys of a `state_dict` whose modules have these names; see `key_map`.

    Raises:
        WeightsError: a layer with tensors has no name.
    """
    keys = {}
    for layer in layout(spec):
        for tensor in MODULES[layer.kind].tensors(layer):
            if layer.name not in names:
                raise WeightsError(f"{whose} has no place for {layer.name} of {spec}")
            there = names[layer.name]
            keys[there[:-1] if there.endswith("=") else f"{there}.{tensor}"] = f"{layer.name}.{tensor}"
    return keys


def load_weights(
    network: nn.Module,
    weights: Mapping[str, Any] | nn.Module | str | Path,
    *,
    library: Library = "archkit",
) -> Loaded:
    """Checks every key and shape, and then copies the weights into a network, in place.

    A checkpoint may be given as `torch.load` returns it: the weights are then those of its `state_dict`,
    `model_state_dict`, `model`, `net`, `network`, `module` or `weights`, the first that is there. What
    `DataParallel`, `torch.compile` and the like put before every key (`module.`, `_orig_mod.`) is taken
    off. The value that is returned says both.

    A batch norm's `num_batches_tracked` may be missing, as it is from files older than torch 0.4.1. It
    is no weight, and the network keeps its own.

    Args:
        network: what `archkit.nn.build` made, on any device but `meta`, which holds no numbers; perhaps
            wrapped.
        weights: a `state_dict`, a checkpoint or a module that holds one, or the path of a `.safetensors`
            file.
        library: whose names the keys are, as for `key_map`.

    Raises:
        WeightsError: a key is missing or unknown, or a tensor has another shape. The message names it as
            the library does, and the network is left as it was. Or there are no weights in what was given,
            the file cannot be read, the network lies on `meta`, or the library's ResNet has no name for a
            layer.
    """
    while (inside := inner(network)) is not None:
        network = inside
    if not isinstance(network, Network):
        raise WeightsError(
            f"weights are loaded into what archkit.nn.build makes, not into {type(network).__name__}"
        )
    if any(p.is_meta for p in network.parameters()):
        raise WeightsError("the network lies on the meta device: build it on a device that holds numbers")
    keys = key_map(network.spec, library)
    given = _read(Path(weights)) if isinstance(weights, str | Path) else weights
    found = find_weights(given, [key for key in keys if not key.endswith(COUNTER)])
    shapes = state_shapes(network.spec)
    where = f" ({found.found})" if str(found.found) else ""
    expected = {there: shapes[here] for there, here in keys.items()}
    called = renumbered(found.tensors, expected)
    tensors = {
        called[key]: _squeezed(tensor, expected.get(called[key], ())) for key, tensor in found.tensors.items()
    }
    try:
        check_state(
            {key: tuple(tensor.shape) for key, tensor in tensors.items()},
            expected,
            f"the weights{where} do not fit {network.spec}",
        )
    except WeightsError as error:
        raise WeightsError(f"{error}{_meant(network.spec, found.tensors, library)}") from None
    renamed = {keys[key]: tensor for key, tensor in tensors.items()}
    own = network.state_dict()
    before = {key: tensor.clone() for key, tensor in own.items()}
    try:
        nn.Module.load_state_dict(network, {key: renamed.get(key, before[key]) for key in shapes})
    except RuntimeError as error:  # a tensor that cannot be copied; torch has copied the others
        nn.Module.load_state_dict(network, before)
        raise WeightsError(f"the weights{where} cannot be copied: {error}") from error
    return found.found


def _meant(spec: ArchSpec, tensors: Iterable[str], library: Library) -> str:
    """The end of an error where the keys would fit by another library's names, or without how they begin."""
    came = {key for key in tensors if not key.endswith(COUNTER)}
    start = next(iter(came), "").partition(".")[0] + "."
    whole, begun = [], []
    for other in LIBRARIES:
        try:
            expected = {key for key in key_map(spec, other) if not key.endswith(COUNTER)}
        except WeightsError:  # that library has no name for a layer
            continue
        if came == expected:
            whole.append(other)
        elif came == {start + key for key in expected}:
            begun.append(other)
    names = " or ".join(f"library={other!r}" for other in whole or begun)
    known = library in (whole or begun)
    if whole:
        return "" if known else f"; these are the names that {names} reads"
    if begun:
        return f"; every key begins with {start!r}: take that off" + ("" if known else f", and give {names}")
    return ""


def check_state(
    came: Mapping[str, tuple[int, ...]], expected: Mapping[str, tuple[int, ...]], what: str
) -> None:
    """Checks that a `state_dict` has the keys and shapes that are expected.

    Args:
        came: its keys and shapes.
        expected: the same, as they should be; those that count batches may be missing from `came`.
        what: how the error begins.

    Raises:
        WeightsError: a key is missing or unknown, or has another shape.
    """
    missing = [key for key in expected if key not in came and not key.endswith(COUNTER)]
    unknown = [key for key in came if key not in expected]
    other = [
        f"{key} is {_by(came[key])}, expected {_by(expected[key])}"
        for key in expected
        if key in came and came[key] != expected[key]
    ]
    if missing or unknown or other:
        kinds = (("missing", missing), ("not expected", unknown), ("of another shape", other))
        raise WeightsError(
            f"{what}: " + "; ".join(f"{len(keys)} {kind}: {_few(keys)}" for kind, keys in kinds if keys)
        )


def _squeezed(tensor: Tensor, expected: tuple[int, ...]) -> Tensor:
    """A tensor; the weight of a conv as that of a linear layer where one is expected, or the reverse.

    A conv whose window is the whole map is a linear layer, and a linear layer at each position a 1x1 conv.
    """
    shape = tuple(tensor.shape)
    if len(shape) == len(expected) or not shape or not expected or shape[0] != expected[0]:
        return tensor
    return tensor.reshape(expected) if prod(shape) == prod(expected) else tensor


def _read(path: Path) -> dict[str, Tensor]:
    # Imported here: only a file needs it.
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        hint = (
            "" if path.suffix == ".safetensors" else " (only safetensors files are read, never pickled ones)"
        )
        raise WeightsError(f"cannot read {path}: {error}{hint}") from error


def _by(shape: Sequence[int]) -> str:
    return "x".join(map(str, shape)) or "a single number"


def _few(keys: Sequence[str]) -> str:
    more = len(keys) - _SHOWN
    return ", ".join(keys[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
