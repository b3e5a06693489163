"""The parts of a ResNet's module tree, whatever its library calls them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Literal, TypeAlias, TypeVar

from torch import nn

from archkit.errors import InferError
from archkit.nn.layers import BlurPool, ChannelNorm, RmsNorm, SimpleNorm, ZeroPad
from archkit.nn.matching import INERT, type_name
from archkit.nn.names import Library, module_names
from archkit.nn.network import Chain
from archkit.spec import ArchSpec

__all__ = [
    "FoundBlock",
    "Parts",
    "SeenShortcut",
    "UnknownNamesError",
    "common_norm",
    "find_parts",
    "padded",
    "seen_norm",
    "seen_shortcut",
]

M = TypeVar("M", bound=nn.Module)
_NORMS: Final = nn.GroupNorm | nn.modules.batchnorm._BatchNorm | ChannelNorm | RmsNorm | SimpleNorm

SeenShortcut: TypeAlias = Literal["none", "conv1", "conv3", "avg", "pad", "conv1 or avg"]
"""A shortcut as far as it shows: in archkit's own modules, average pooling by 1 leaves no trace."""


class UnknownNamesError(InferError):
    """A module calls its parts by the names of no library."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FoundBlock:
    """One residual block.

    Attributes:
        name: its name in the module, for errors.
        convs: the two or three of the residual branch, in order.
        aa: anti-aliasing, or None.
        attn: attention, or None.
        shortcut: what stands on the shortcut.
        shortcut_norm: whether it has a norm; None where it has no conv.
        aa_behind: how many convs stand before the anti-aliasing, where there is one.
    """

    name: str
    convs: tuple[nn.Conv2d, ...]
    aa: nn.Module | None
    attn: nn.Module | None
    shortcut: SeenShortcut
    shortcut_norm: bool | None = None
    aa_behind: int = 0

    @property
    def basic(self) -> bool:
        """Whether it is a basic block; a bottleneck otherwise."""
        return len(self.convs) == 2

    @property
    def c_in(self) -> int:
        """Channels that enter."""
        return self.convs[0].in_channels

    @property
    def c_out(self) -> int:
        """Channels that it puts out."""
        return self.convs[-1].out_channels

    @property
    def stride(self) -> int:
        """Stride of the whole block."""
        return 2 if self.aa is not None else max(conv.stride[0] for conv in self.convs[:2])

    @property
    def strided(self) -> int | None:
        """Which conv carries the stride, from 1; None where none does."""
        if self.aa is not None:
            return self.aa_behind
        return next((i for i, conv in enumerate(self.convs, 1) if conv.stride[0] != 1), None)


@dataclass(frozen=True, kw_only=True, slots=True)
class Parts:
    """The parts of a ResNet.

    Attributes:
        library: the one that gives its parts these names, or None.
        stem: the stem's convs.
        stem_pool: the layers between the stem and the first stage, in order, without norms and
            activations.
        stem_attn: attention behind the stem, or None.
        stem_norm: whether the stem ends in a norm.
        norm: one of the norms, or None.
        stages: the blocks of each stage.
        preact: whether the blocks norm and activate before each conv.
        pool: of the head, or None where it has no module.
        fc: of the head.
        names: of modules that stand elsewhere than the library has them, by the plan's names; of all that
            have weights, where there is no library.
    """

    library: Library | None
    stem: tuple[nn.Conv2d, ...]
    stem_pool: tuple[nn.Module, ...]
    stem_attn: nn.Module | None
    norm: nn.Module | None
    stages: tuple[tuple[FoundBlock, ...], ...]
    preact: bool
    pool: nn.Module | None
    fc: nn.Linear
    stem_norm: bool = True
    names: Mapping[str, str] = field(default_factory=dict)

    def places(self, spec: ArchSpec) -> dict[str, str]:
        """The names of a spec's layers in the module."""
        usual = {} if self.library is None else module_names(spec, self.library)
        return {**usual, **self.names}


def find_parts(module: nn.Module) -> Parts:
    """The parts of a module that is built as archkit, timm or torchvision build a ResNet.

    Raises:
        InferError: a part is missing or of another type; an `UnknownNamesError` where none has such a name.
    """
    if _child(module, "stem") is not None and _child(module, "stage1") is not None:
        return _archkit(module)
    if _child(module, "conv1") is not None and _child(module, "layer1") is not None:
        return _library(module, "timm" if _child(module, "global_pool") is not None else "torchvision")
    raise UnknownNamesError(
        f"{type(module).__name__} is no ResNet: it has neither conv1, layer1, ... as torchvision and timm"
        " call them, nor stem, stage1, ... as archkit does"
    )


def _library(module: nn.Module, library: Library) -> Parts:
    stages = _stages(module, "layer", own=False)
    path = _fc_path(module)
    return Parts(
        library=library,
        stem=tuple(conv for conv in _chain(_child(module, "conv1")) if isinstance(conv, nn.Conv2d)),
        stem_pool=_poolings(_child(module, "maxpool")),
        stem_attn=None,
        norm=common_norm(module),
        stages=stages,
        preact=False,
        pool=_child(module, "global_pool.pool" if library == "timm" else "avgpool"),
        fc=_need(module, path, nn.Linear),
        names={"head.fc": path},
    )


def _fc_path(module: nn.Module) -> str:
    """Where the linear layer stands: `fc`, or in a chain of that name where the others do nothing."""
    fc = _child(module, "fc")
    if isinstance(fc, nn.Sequential):
        live = [name for name, part in fc.named_children() if type_name(part) not in INERT]
        if len(live) == 1:
            return f"fc.{live[0]}"
    return "fc"


def common_norm(module: nn.Module) -> nn.Module | None:
    """A norm of the sort that most of a module's norms are, or None where it has none."""
    norms = [m for m in module.modules() if isinstance(m, _NORMS)]
    sorts = [(getattr(norm, "num_groups", None), norm.eps) for norm in norms]
    return norms[sorts.index(Counter(sorts).most_common(1)[0][0])] if norms else None


def _archkit(module: nn.Module) -> Parts:
    stem = _need(module, "stem", nn.Module)
    preact = _child(module, "head.norm") is not None
    return Parts(
        library="archkit",
        stem=tuple(
            conv
            for name, conv in stem.named_children()
            if isinstance(conv, nn.Conv2d) and name != "pool_conv"
        ),
        stem_pool=tuple(
            child for name, child in stem.named_children() if name in ("pool_pad", "pool", "pool_conv", "aa")
        ),
        stem_attn=_child(module, "stem.attn"),
        stem_norm=_child(module, "stem.norm") is not None,
        norm=common_norm(module),
        stages=_stages(module, "stage", own=True),
        preact=preact,
        pool=_child(module, "head.pool"),
        fc=_need(module, "head.fc", nn.Linear),
    )


def _stages(module: nn.Module, prefix: str, *, own: bool) -> tuple[tuple[FoundBlock, ...], ...]:
    """The blocks of `layer1`, `layer2`, ..., up to the first that is missing or an Identity."""
    stages: list[tuple[FoundBlock, ...]] = []
    while isinstance(stage := _child(module, f"{prefix}{len(stages) + 1}"), nn.Sequential) and len(stage):
        name = f"{prefix}{len(stages) + 1}"
        stages.append(tuple(_block(child, f"{name}.{key}", own=own) for key, child in stage.named_children()))
    if not stages:
        raise InferError(
            f"{prefix}1 is {type(_child(module, f'{prefix}1')).__name__}, expected blocks in a Sequential"
        )
    return tuple(stages)


def _block(block: nn.Module, name: str, *, own: bool) -> FoundBlock:
    convs: list[nn.Conv2d] = []
    while (conv := _child(block, f"conv{len(convs) + 1}")) is not None:
        if not isinstance(conv, nn.Conv2d):
            raise InferError(f"{name}.conv{len(convs) + 1} is {type(conv).__name__} where a conv is expected")
        convs.append(conv)
    if len(convs) not in (2, 3):
        raise InferError(
            f"{name} ({type(block).__name__}) has {len(convs)} convs, conv1, ...;"
            " a basic block has two and a bottleneck three"
        )
    shortcut = _live(_child(block, "shortcut" if own else "downsample"))
    aa, parts = _live(_child(block, "aa")), list(block.children())
    found = FoundBlock(
        name=name,
        convs=tuple(convs),
        aa=aa,
        attn=_live(_child(block, "attn" if own else "se")),
        shortcut="none" if shortcut is None else seen_shortcut(_chain(shortcut), own=own),
        shortcut_norm=seen_norm(_chain(shortcut)),
        aa_behind=0 if aa is None else sum(parts.index(conv) < parts.index(aa) for conv in convs),
    )
    return found if own else padded(found)


def padded(block: FoundBlock) -> FoundBlock:
    """The block; if nothing stands on its shortcut although its map changes, zero-padding must."""
    if block.shortcut == "none" and (block.stride != 1 or block.c_in != block.c_out):
        return replace(block, shortcut="pad")
    return block


def seen_shortcut(chain: Sequence[nn.Module], *, own: bool) -> SeenShortcut:
    """What a shortcut that consists of these modules is."""
    first = chain[0]
    if isinstance(first, ZeroPad):
        return "pad"
    if not isinstance(first, nn.Conv2d):
        return "avg"  # this is the pooling, or the Identity that stands there where the stride is 1
    if first.kernel_size == (3, 3):
        return "conv3"
    return "conv1 or avg" if own and first.stride == (1, 1) else "conv1"


def seen_norm(chain: Sequence[nn.Module]) -> bool | None:
    """Whether there is a norm among the modules of a shortcut; None where there is no conv."""
    convs = any(isinstance(part, nn.Conv2d) for part in chain)
    return any(isinstance(part, _NORMS) for part in chain) if convs else None


def _poolings(module: nn.Module | None) -> tuple[nn.Module, ...]:
    """The convs and pools in the chain that timm calls `maxpool`."""
    kinds = (nn.Conv2d, nn.MaxPool2d, nn.AvgPool2d, BlurPool)
    blur = "timm.layers.blur_pool.BlurPool2d"
    chain = _chain(_live(module))
    return tuple(child for child in chain if isinstance(child, kinds) or type_name(child) == blur)


def _chain(module: nn.Module | None) -> tuple[nn.Module, ...]:
    if module is None:
        return ()
    return tuple(module.children()) if isinstance(module, nn.Sequential | Chain) else (module,)


def _live(module: nn.Module | None) -> nn.Module | None:
    """The module, unless it does nothing."""
    empty = isinstance(module, nn.Sequential) and not len(module)
    return None if empty or isinstance(module, nn.Identity) else module


def _child(module: nn.Module, path: str) -> nn.Module | None:
    for name in path.split("."):
        found = getattr(module, name, None)
        if not isinstance(found, nn.Module):
            return None
        module = found
    return module


def _need(module: nn.Module, path: str, kind: type[M]) -> M:
    found = _child(module, path)
    if not isinstance(found, kind):
        came = "missing" if found is None else type(found).__name__
        raise InferError(f"{path} is {came}, expected {getattr(kind, '__name__', kind)}")
    return found
