"""`infer`: an `nn.Module` -> the ArchSpec that has the same layers.

The spec is read off some of the modules, and then proved on all of them: every layer of its plan is
compared with the module that stands in its place, no module may be left over, the `state_dict` must
have the shapes of the plan, and the module must compute what the network of the spec computes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from torch import nn

from archkit.errors import InferError, SpecError, WeightsError
from archkit.nn.matching import INERT, mismatch, type_name
from archkit.nn.names import Library, module_names
from archkit.nn.network import Call, Chain, GateModule, Network, build
from archkit.nn.outputs import OutputsError, alterations, compare_outputs, run_on_meta, unwrapped
from archkit.nn.parts import Parts, UnknownNamesError, find_parts
from archkit.nn.reading import READ, read_spec
from archkit.nn.seen_network import is_seen
from archkit.nn.seen_proof import infer_seen
from archkit.nn.structure import find_structure
from archkit.nn.weights import check_state, keys_of, state_shapes
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
        "archkit.nn.layers.MixConv",
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

    It reads what `archkit.nn.build` makes; timm's and torchvision's ResNets, EfficientNets, MobileNets,
    MnasNets, RegNets, ConvNeXts and VGGs, timm's ResNetV2s, and what is made of their blocks; and ResNets of
    somebody's own, whatever their parts are called: a stage is a container of blocks, and a block has two
    convs or three beside its shortcut. `torch.compile`, `DataParallel` and their like are looked through.

    The module runs, in eval mode: it and the network of the spec get the same random weights, in float64,
    and their outputs for two images of the size of `input` must agree. Only of a ResNet on the meta device
    there are no numbers to compare. There a module must run and put out the right shape, and must be made of
    types whose forward passes are known (archkit's, torchvision's, timm's) without a hook or a forward pass
    of its own; otherwise the error names what could not be compared.

    Some things a module does not show: the size of its images (`input`); whether a stage that needs no
    shortcut would have a conv or padding there; which of several numbers gives the same widths. Then the
    spec nearest to the defaults is taken. Dropout, stochastic depth, a batch norm's momentum, what a module
    does in training mode alone, and the weights themselves are ignored, since the language has no words
    for them. Nor has it one for where option A puts its zeros: behind the old channels, or half before.

    Args:
        module: on any device, in either mode; it is left as it is.
        input: C, H, W of one image. Unless it is given, an archkit network has its own, and any other
            one 224x224 with as many channels as its first conv takes.

    Raises:
        InferError: the language has no words for something in the module: dilation, another activation,
            the uneven widths that pruning leaves, ... The message names it.
    """
    if not isinstance(module, nn.Module):
        raise InferError(f"{type(module).__name__} is no nn.Module")
    module = unwrapped(module)
    if isinstance(module, Network) and not _is_resnet(module.spec):
        return _own(module, input)
    if is_seen(module):
        return infer_seen(module, input)
    found: Parts | None = None
    try:
        found = find_parts(module)
        return _proved(module, found, found.places, input)
    except InferError as error:
        # Its parts may be called otherwise, or stand elsewhere.
        try:
            structure = find_structure(module)
            return _proved(module, structure.parts, lambda spec: structure.names(layout(spec)), input)
        except InferError as other:
            known = type_name(module) in set().union(*_CONTAINERS.values())
            if found is None and not known and isinstance(other, OutputsError):
                raise other from None  # all but what it computes fits
            if isinstance(error, UnknownNamesError):
                raise InferError(f"{error}; and read by its structure, {other}") from error
            raise error from None


def _is_resnet(spec: ArchSpec) -> bool:
    """Whether its stem, its blocks and its head are among those that `archkit.nn.reading` can read."""
    blocks = {setting.family.name for setting in spec.parts.stages}
    stem = spec.stem.kind not in ("none", "overlap-act")
    return blocks <= READ and stem and not spec.head_conv and not spec.head_hidden


def _own(module: Network, size: tuple[int, int, int] | None) -> ArchSpec:
    """The spec of a network of archkit's that is no ResNet: what it was built from, if it still is that.

    Raises:
        InferError: it has been changed since.
    """
    try:
        spec = module.spec if size is None else module.spec.replace(input=size)
    except SpecError as error:
        raise InferError(f"the language cannot say this network: {error.reason}") from error
    return _checked(module, spec, "archkit", lambda spec: module_names(spec, "archkit"))


def _proved(
    module: nn.Module,
    parts: Parts,
    names_of: Callable[[ArchSpec], dict[str, str]],
    size: tuple[int, int, int] | None,
) -> ArchSpec:
    """The spec of the parts, if the module is what it says.

    Args:
        module: the whole.
        parts: of the module.
        names_of: the names of a spec's layers in the module.
        size: of the images, if it is known.

    Raises:
        InferError: it is not.
    """
    if size is None:
        channels = parts.stem[0].in_channels if parts.stem else 3
        size = module.spec.input if isinstance(module, Network) else (channels, *_SIZE)
    try:
        spec = read_spec(parts, size)
    except SpecError as error:
        raise InferError(f"the language cannot say this network: {error.reason}") from error
    return _checked(module, spec, parts.library, names_of)


def _checked(
    module: nn.Module,
    spec: ArchSpec,
    library: Library | None,
    names_of: Callable[[ArchSpec], dict[str, str]],
) -> ArchSpec:
    """The spec, if the module is what it says.

    Raises:
        InferError: it is not.
    """
    nearest = f"the nearest spec is {spec}, but "
    try:
        names = names_of(spec)
    except InferError as error:
        raise InferError(nearest + str(error)) from error
    strangers = _strangers(module, library, len(spec.blocks))
    different = _differences(module, spec, names, library, known=not strangers)
    if different:
        more = f"; and {len(different) - _SHOWN} more" if len(different) > _SHOWN else ""
        raise InferError(nearest + "; ".join(different[:_SHOWN]) + more)
    try:
        keys = keys_of(spec, names, type(module).__name__)
        shapes = state_shapes(spec)
        check_state(
            {key: tuple(tensor.shape) for key, tensor in module.state_dict().items()},
            {there: shapes[here] for there, here in keys.items()},
            f"{nearest}its state_dict differs",
        )
    except WeightsError as error:
        raise InferError(str(error)) from error
    shared = _shared(module)
    if shared is not None:
        raise InferError(f"{nearest}{shared[0]} and {shared[1]} are one tensor")
    doubts = [f"it is not known how {stranger} runs its modules" for stranger in strangers]
    doubts += alterations(module)
    if not any(tensor.is_meta for tensor in module.state_dict().values()):
        compare_outputs(module, spec, keys, why=doubts[0] if doubts else None)
    elif doubts:
        raise OutputsError(f"{doubts[0]}, and on the meta device no outputs can be compared")
    elif library != "archkit":  # its own modules say what they run, and have been compared
        run_on_meta(module, spec)
    return spec


def _shared(module: nn.Module) -> tuple[str, str] | None:
    """The names of two parameters that are one."""
    seen: dict[int, str] = {}
    for name, parameter in module.named_parameters(remove_duplicate=False):
        if id(parameter) in seen:
            return seen[id(parameter)], name
        seen[id(parameter)] = name
    return None


def _differences(
    module: nn.Module, spec: ArchSpec, names: Mapping[str, str], library: Library | None, *, known: bool
) -> list[str]:
    """What differs between the plan of a spec and the modules, in words.

    Where it is not known how the modules are run, those without parameters may be missing or stand
    elsewhere, since a forward pass may call functions instead. The outputs will tell.
    """
    modules = dict(module.named_modules())
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
            inside = name in placed or name.rpartition(".")[0] in placed
            if _is_leaf(part) and not inside and type_name(part) not in INERT | {_SEQUENTIAL}:
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


def _strangers(module: nn.Module, library: Library | None, stages: int) -> list[str]:
    """The modules with children that may run them in any way."""
    known = {_SEQUENTIAL} if library is None else {_SEQUENTIAL, *_CONTAINERS[library]}
    found = [
        f"{name or 'the module'} ({type(part).__name__})"
        for name, part in module.named_modules()
        if not _is_leaf(part) and type_name(part) not in known
    ]
    if library is None and not found:
        found.append(f"the module ({type(module).__name__})")
    elif library != "archkit" and stages > 4:
        found.append("layer5")  # the libraries' own forward passes run four
    return found


def _is_leaf(module: nn.Module) -> bool:
    """Whether a module stands for a layer; the chain of a stem that is not there stands for none."""
    return next(module.children(), None) is None and not isinstance(module, Chain)
