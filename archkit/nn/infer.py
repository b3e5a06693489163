"""`infer`: a ResNet-shaped `nn.Module` -> the ArchSpec that has the same layers.

The spec is read off some of the modules, and then proved on all of them: every layer of its plan is
compared with the module that stands in its place, no module may be left over, and the `state_dict` must
have the shapes of the plan.
"""

from __future__ import annotations

import copy
from typing import Final

import torch
from torch import Tensor, nn

from archkit.errors import InferError, SpecError, WeightsError
from archkit.nn.matching import INERT, mismatch, type_name
from archkit.nn.names import Library, module_names
from archkit.nn.network import Call, Chain, GateModule, Network, build
from archkit.nn.parts import find_parts
from archkit.nn.reading import read_spec
from archkit.nn.weights import check_state, key_map, load_weights, state_shapes
from archkit.plan import layout
from archkit.spec import ArchSpec

__all__ = ["infer"]

_SIZE: Final = (224, 224)
_SHOWN: Final = 4  # differences that an error names

# Modules that run their children in the order that the plan has: full names of their types, so that
# nothing is imported. A subclass is another type, since it may run them in another way.
_CONTAINERS: Final = {
    "archkit": {
        "archkit.nn.network.Network",
        "archkit.nn.network.Chain",
        "archkit.nn.network.BlockModule",
        "archkit.nn.network.GateModule",
    },
    "timm": {
        "timm.models.resnet.ResNet",
        "timm.models.resnet.BasicBlock",
        "timm.models.resnet.Bottleneck",
        "timm.layers.squeeze_excite.SEModule",
        "timm.layers.eca.EcaModule",
        "timm.layers.adaptive_avgmax_pool.SelectAdaptivePool2d",
    },
    "torchvision": {
        "torchvision.models.resnet.ResNet",
        "torchvision.models.resnet.BasicBlock",
        "torchvision.models.resnet.Bottleneck",
    },
}
_SEQUENTIAL: Final = "torch.nn.modules.container.Sequential"


def infer(module: nn.Module, *, input: tuple[int, int, int] | None = None) -> ArchSpec:  # noqa: A002 - the spec's own field
    """The spec whose plan has the layers of a module.

    >>> import torchvision
    >>> from archkit.spec import parse
    >>> infer(torchvision.models.resnet50(), input=(3, 224, 224)) == parse("resnet50")
    True

    It reads ResNets: those that `archkit.nn.build` makes, torchvision's, timm's, and modules of somebody's
    own that call their parts by the same names and run them in the same order. Since it does not know
    how the last ones run, it compares outputs: of a copy with random weights, in float64, on two images
    of the size of `input`.

    Some things a module does not show: the size of its images (`input`); whether a stage that needs no
    shortcut would have a conv or padding there; which of several numbers gives the same widths. Then the
    spec nearest to the defaults is taken. Dropout, stochastic depth, a batch norm's momentum and the
    weights themselves are ignored, since the language has no words for them.

    Args:
        module: on any device, in either mode; it is left as it is.
        input: C, H, W of one image. Unless it is given, an archkit network has its own, and any other
            one 224x224 with as many channels as its first conv takes.

    Raises:
        InferError: the language has no words for something in the module: dilation, another activation,
            the uneven widths that pruning leaves, ... The message names it.
    """
    parts = find_parts(module)
    if input is None:
        channels = parts.stem[0].in_channels if parts.stem else 3
        input = module.spec.input if isinstance(module, Network) else (channels, *_SIZE)  # noqa: A001 - as above
    try:
        spec = read_spec(parts, input)
    except SpecError as error:
        raise InferError(f"the language cannot say this network: {error.reason}") from error
    strangers = _strangers(module, parts.library, len(parts.stages))
    different = _differences(module, spec, parts.library, known=not strangers)
    if different:
        more = f"; and {len(different) - _SHOWN} more" if len(different) > _SHOWN else ""
        raise InferError(f"the nearest spec is {spec}, but " + "; ".join(different[:_SHOWN]) + more)
    try:
        shapes = state_shapes(spec)
        check_state(
            {key: tuple(tensor.shape) for key, tensor in module.state_dict().items()},
            {there: shapes[here] for there, here in key_map(spec, parts.library).items()},
            f"the nearest spec is {spec}, but its state_dict differs",
        )
    except WeightsError as error:
        raise InferError(str(error)) from error
    if strangers:
        _compare_outputs(module, spec, parts.library, strangers)
    return spec


def _differences(module: nn.Module, spec: ArchSpec, library: Library, *, known: bool) -> list[str]:
    """What differs between the plan of a spec and the modules, in words.

    Where it is not known how the modules are run, those without parameters may be missing or stand
    elsewhere, since a forward pass may call functions instead. The outputs will tell.
    """
    modules = dict(module.named_modules())
    names = module_names(spec, library)
    found = []
    for layer in layout(spec):
        name = names.get(layer.name)
        if name is None:
            continue
        if name in modules:
            what = mismatch(layer, modules[name])
            if what is not None:
                found.append(f"{name} {what}")
        elif known:
            found.append(f"{name} is missing, expected a {layer.kind}")
    if known:
        placed = set(names.values())
        for name, part in modules.items():
            if _is_leaf(part) and name not in placed and type_name(part) not in INERT | {_SEQUENTIAL}:
                found.append(f"{name} ({type(part).__name__}) has no place in it")
            if type_name(part) == "timm.layers.squeeze_excite.SEModule" and part.add_maxpool:
                found.append(f"{name} also squeezes by the maximum")
    if known and library == "archkit" and not found:
        expected = dict(build(spec, device="meta").named_modules())
        if list(modules) != list(expected):
            found.append("its modules stand in another order")
        else:
            found.extend(
                f"{name} runs its modules in another way"
                for name, chain in expected.items()
                if isinstance(chain, Chain) and not _runs_alike(chain, modules[name])
            )
    return list(dict.fromkeys(found))  # one relu may serve several layers


def _runs_alike(chain: Chain, module: nn.Module) -> bool:
    """Whether a module that has the children of a chain does the same with them."""
    if type(module) is nn.Sequential:
        return type(chain) is not GateModule and chain.steps == tuple(
            Call(name) for name, _ in chain.named_children()
        )
    return type(module) is type(chain) and module.steps == chain.steps


def _strangers(module: nn.Module, library: Library, stages: int) -> list[str]:
    """The modules with children that may run them in any way."""
    known = _CONTAINERS[library] | {_SEQUENTIAL}
    found = [
        f"{name or 'the module'} ({type(part).__name__})"
        for name, part in module.named_modules()
        if not _is_leaf(part) and type_name(part) not in known
    ]
    if library != "archkit" and stages > 4:
        found.append("layer5")  # the libraries' own forward passes run four
    return found


def _is_leaf(module: nn.Module) -> bool:
    return next(module.children(), None) is None


def _compare_outputs(module: nn.Module, spec: ArchSpec, library: Library, strangers: list[str]) -> None:
    """Compares the outputs of a copy with random weights with those of the network built from the spec.

    Raises:
        InferError: they differ, or cannot be computed.
    """
    who = f"it is not known how {strangers[0]} runs its modules"
    if any(tensor.is_meta for tensor in module.state_dict().values()):
        raise InferError(f"{who}, and on the meta device no outputs can be compared")
    generator = torch.Generator().manual_seed(0)
    theirs = copy.deepcopy(module).to(device="cpu", dtype=torch.float64).eval()
    _draw(theirs, generator)
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        ours = build(spec, device="cpu", dtype=torch.float64).eval()
        load_weights(ours, theirs.state_dict(), library=library)
        images = torch.randn(2, *spec.input, dtype=torch.float64, generator=generator)
        expected = ours(images)
        try:
            came = theirs(images)
        except RuntimeError as error:
            raise InferError(f"{who}, and on an input of {tuple(images.shape)} it fails: {error}") from error
    if not isinstance(came, Tensor) or came.shape != expected.shape or not torch.allclose(came, expected):
        raise InferError(f"{who}, and its outputs are not those of the nearest spec, {spec}")


@torch.no_grad()
def _draw(module: nn.Module, generator: torch.Generator) -> None:
    """Random numbers for all weights and statistics, such that no layer is the identity or zero."""
    for name, tensor in module.state_dict().items():
        if not tensor.is_floating_point():
            continue
        if tensor.ndim > 1:
            tensor.normal_(std=(2 / tensor[0].numel()) ** 0.5, generator=generator)
        elif name.endswith(("weight", "var")):
            tensor.uniform_(0.5, 1.5, generator=generator)
        else:
            tensor.normal_(std=0.1, generator=generator)
