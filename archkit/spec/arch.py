"""`ArchSpec`: one network, as a frozen value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, Final, Literal, NamedTuple, TypeAlias, get_args

from archkit.errors import SpecError
from archkit.spec.blocks import EXPANSION, PREACT, body_convs, out_channels

__all__ = [
    "LIMITS",
    "AntiAlias",
    "ArchSpec",
    "Attention",
    "Block",
    "Limit",
    "Norm",
    "Project",
    "Shortcut",
    "Stem",
    "StemPool",
]

Block: TypeAlias = Literal["basic", "bottleneck", "preact", "preact-bottleneck"]
Shortcut: TypeAlias = Literal["conv1", "conv3", "avg", "pad"]
Project: TypeAlias = Literal["change", "stage"]
StemPool: TypeAlias = Literal["none", "max", "conv"]
AntiAlias: TypeAlias = Literal["none", "avg", "blur"]


class Stem(NamedTuple):
    """What stands before the first stage.

    kind: `conv3`, one 3x3 conv of stride 1; `conv7`, one 7x7 conv of stride 2 (He et al. for ImageNet);
        `deep`, three 3x3 convs of `width`, `width` and `2 * width` channels, the first of stride 2
        (ResNet-C and -D); `tiered`, the same with `3 * (width // 4)`, `width`, `2 * width` (timm's -T).
    width: channels.
    """

    kind: str
    width: int

    @property
    def widths(self) -> tuple[int, ...]:
        """Output channels of each conv."""
        if self.kind == "deep":
            return (self.width, self.width, 2 * self.width)
        if self.kind == "tiered":
            return (3 * (self.width // 4), self.width, 2 * self.width)
        return (self.width,)


class Attention(NamedTuple):
    """Channel attention at the end of each residual branch: `none`, `se` or `eca`.

    reduction: of squeeze-and-excitation (channels over squeezed channels); 0 for the others.
    """

    kind: str
    reduction: int = 0


class Norm(NamedTuple):
    """What normalises after each conv: `batch`, `group` or `none`; `groups` is 0 but for `group`."""

    kind: str
    groups: int = 0


NO_ATTENTION: Final = Attention("none")
BATCH_NORM: Final = Norm("batch")


class Limit(NamedTuple):
    """The range that a number of the language must lie in, both ends included."""

    low: int
    high: int


LIMITS: Final = {
    "stages": Limit(1, 32),
    "blocks": Limit(1, 100_000),
    "channels": Limit(1, 65_536),
    "kernel": Limit(1, 31),
    "stride": Limit(1, 8),
    "groups": Limit(1, 65_536),
    "base_width": Limit(1, 65_536),
    "reduce": Limit(1, 64),
    "stem": Limit(1, 65_536),
    "attn": Limit(1, 65_536),
    "norm": Limit(1, 65_536),
    "pool": Limit(1, 16_384),
    "classes": Limit(1, 10_000_000),
    "input channels": Limit(1, 65_536),
    "input size": Limit(1, 16_384),
}

STEM_WIDTH: Final = {"conv3": None, "conv7": 64, "deep": 32, "tiered": 32}
"""Kinds of stem and their default width; None is the first stage's."""

ATTENTION: Final = {"none": 0, "se": 16, "eca": 0}
"""Kinds of attention and their default reduction (Hu et al. 2018, section 6)."""

NORM: Final = {"batch": 0, "group": 32, "none": 0}
"""Kinds of norm and their default number of groups (Wu and He 2018, section 4.1)."""

DEFAULT_INPUT: Final = (3, 32, 32)
DEFAULT_CLASSES: Final = 10


@dataclass(frozen=True, kw_only=True, slots=True)
class ArchSpec:
    """One ResNet-shaped network. Make one with `parse`, or with `ArchSpec.make`.

    A tuple has one entry for each stage. Everything is checked when the value is made: an ArchSpec
    that exists can be laid out, counted and built.

    Attributes:
        blocks: blocks of each stage.
        channels: base width of each stage ("planes"); a bottleneck puts out four times that.
        block: kind of block.
        kernel: K of the basic block's convs and the bottleneck's middle one; odd.
        stride: stride of the first block of each stage.
        shortcut: what stands on the shortcut where stride or channels change: a 1x1 conv, a 3x3
            conv, average pooling and a 1x1 conv (ResNet-D), or zero-padding (option A of He et al.).
        project: where that stands: where the shape changes, or at the first block of every stage.
        groups: groups of a bottleneck's middle conv (ResNeXt's cardinality).
        base_width: width of that conv for each group at 64 channels.
        reduce: divisor of the width of a block's first conv (2 in SENet-154).
        stem: the stem and its width.
        stem_pool: what halves the map after the stem: nothing, max pooling, or a conv of stride 2.
        attn: channel attention.
        norm: normalisation.
        aa: anti-aliasing: a block's conv of stride 2 becomes one of stride 1 and this pooling, and so
            does the stem's pooling.
        bias: whether the convs have a bias (those of the blocks, the stem and the shortcut).
        pool: window of the average pooling before the head, or None for the whole map.
        input: C, H, W of one image.
        classes: outputs of the head.

    Raises:
        SpecError: a field is out of range or contradicts another.
    """

    blocks: tuple[int, ...]
    channels: tuple[int, ...]
    block: tuple[Block, ...]
    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    shortcut: tuple[Shortcut, ...]
    project: Project = "change"
    groups: int = 1
    base_width: int = 64
    reduce: int = 1
    stem: Stem
    stem_pool: StemPool = "none"
    attn: Attention = NO_ATTENTION
    norm: Norm = BATCH_NORM
    aa: AntiAlias = "none"
    bias: bool = False
    pool: int | None = None
    input: tuple[int, int, int] = DEFAULT_INPUT
    classes: int = DEFAULT_CLASSES

    def __post_init__(self) -> None:
        _check_stages(self)
        _check_numbers(self)
        _check_words(self)
        _check_shapes(self)

    @classmethod
    def make(
        cls,
        blocks: Sequence[int],
        channels: Sequence[int],
        *,
        block: Block | Sequence[Block] = "basic",
        kernel: int | Sequence[int] = 3,
        stride: Sequence[int] | None = None,
        shortcut: Shortcut | Sequence[Shortcut] = "conv1",
        stem: Stem | str | int | None = None,
        stem_pool: StemPool | None = None,
        attn: Attention | str = "none",
        norm: Norm | str = "batch",
        **others: Any,
    ) -> ArchSpec:
        """An ArchSpec from short forms: one value for all stages, a kind without its number.

        >>> str(ArchSpec.make((2, 1, 1, 1), (64, 128, 256, 512)))
        '[2,1,1,1]x[64,128,256,512]'

        `stride` is 1 for the first stage and 2 for the others unless given; the stem is one 3x3
        conv as wide as the first stage unless given; the stems that halve the map are followed by
        max pooling unless `stem_pool` says otherwise. `others` are fields of ArchSpec.

        Raises:
            SpecError: as ArchSpec.
        """
        blocks, channels = tuple(blocks), tuple(channels)
        stages = len(blocks)
        if stem is None:
            stem = "conv3"
        if isinstance(stem, int):
            stem = Stem("conv3", stem)
        elif isinstance(stem, str):
            width = STEM_WIDTH.get(stem)
            stem = Stem(stem, width if width is not None else channels[0] if channels else 1)
        if stem_pool is None:
            stem_pool = default_stem_pool(stem.kind)
        if isinstance(attn, str):
            attn = Attention(attn, ATTENTION.get(attn, 0))
        if isinstance(norm, str):
            norm = Norm(norm, NORM.get(norm, 0))
        return cls(
            blocks=blocks,
            channels=channels,
            block=(block,) * stages if isinstance(block, str) else tuple(block),
            kernel=(kernel,) * stages if isinstance(kernel, int) else tuple(kernel),
            stride=(1,) + (2,) * (stages - 1) if stride is None else tuple(stride),
            shortcut=(shortcut,) * stages if isinstance(shortcut, str) else tuple(shortcut),
            stem=stem,
            stem_pool=stem_pool,
            attn=attn,
            norm=norm,
            **others,
        )

    def replace(self, **changes: Any) -> ArchSpec:
        """This network with some fields changed; short forms as in `make`.

        Where the number of stages changes, every field of one entry a stage must be given, or be
        the same for all stages; strides at their default stay at their default, and so does a stem
        as wide as the first stage.

        Raises:
            SpecError: as ArchSpec.
        """
        now = {f.name: getattr(self, f.name) for f in fields(self)}
        stages = len(changes.get("blocks", self.blocks))
        if stages != len(self.blocks):
            for name in ("block", "kernel", "shortcut"):
                if len(set(now[name])) == 1:
                    now[name] = now[name][0]
            if self.stride == default_stride(len(self.blocks)):
                now["stride"] = None
        if self.stem == ("conv3", self.channels[0]):
            now["stem"] = None
        if "stem" in changes and self.stem_pool == default_stem_pool(self.stem.kind):
            now["stem_pool"] = None
        return ArchSpec.make(**{**now, **changes})

    @property
    def preact(self) -> bool:
        """Whether the blocks norm and activate before each conv."""
        return self.block[0] in PREACT

    @property
    def stem_out(self) -> int:
        """Channels that the stem puts out."""
        return self.stem.widths[-1]

    @property
    def features(self) -> int:
        """Channels that the last stage puts out."""
        return int(out_channels(self.block[-1], self.channels[-1]))

    def stage_inputs(self) -> tuple[int, ...]:
        """Channels that enter each stage."""
        outs = [out_channels(k, c) for k, c in zip(self.block, self.channels, strict=True)]
        return (self.stem_out, *outs[:-1])

    def projects(self, stage: int) -> bool:
        """Whether the shortcut of the first block of `stage` changes the shape (or always projects)."""
        c_in = self.stage_inputs()[stage]
        changes = self.stride[stage] != 1 or c_in != out_channels(self.block[stage], self.channels[stage])
        return changes or (self.project == "stage" and self.shortcut[stage] != "pad")

    def maps(self) -> tuple[tuple[int, int], ...]:
        """H and W of the map that enters the first stage, then of what each stage puts out.

        Every conv is padded by half its kernel, so a stride s takes H to ceil(H / s); anti-aliasing
        by averages takes H to floor(H / 2).
        """
        _, h, w = self.input
        if self.stem.kind != "conv3":
            h, w = strided(h, 2), strided(w, 2)
        if self.stem_pool != "none":
            h, w = (h // 2, w // 2) if self.aa == "avg" else (strided(h, 2), strided(w, 2))
        found = [(h, w)]
        for stride in self.stride:
            if stride != 1:
                h, w = strided(h, stride), strided(w, stride)
            found.append((h, w))
        return tuple(found)

    def __str__(self) -> str:
        """The canonical text; see `archkit.spec.format_spec`."""
        from archkit.spec.text import format_spec  # a cycle otherwise: text makes ArchSpecs

        return format_spec(self)


def default_stride(stages: int) -> tuple[int, ...]:
    """1 for the first stage, 2 for each other."""
    return (1,) + (2,) * (stages - 1)


def default_stem_pool(kind: str) -> StemPool:
    """Max pooling after the stems made for large images, nothing after one 3x3 conv."""
    return "none" if kind == "conv3" else "max"


def strided(size: int, stride: int) -> int:
    """Rows that are left of `size` after a stride, where the padding is half the kernel."""
    return -(-size // stride)


def check_number(name: str, value: int, field: tuple[str, int | None]) -> None:
    """Holds a number to `LIMITS[name]`.

    Raises:
        SpecError: it is no integer, or out of range.
    """
    low, high = LIMITS[name]
    if isinstance(value, bool) or not isinstance(value, int):
        raise SpecError(f"{name} must be an integer, not {value!r}", field=field)
    if not low <= value <= high:
        raise SpecError(f"{name} must be {low:,} to {high:,}, not {value:,}", field=field)


def _check_stages(spec: ArchSpec) -> None:
    stages = len(spec.blocks)
    if stages > LIMITS["stages"].high or stages < 1:
        raise SpecError(
            f"a network has 1 to {LIMITS['stages'].high} stages, not {stages}", field=("blocks", None)
        )
    if len(spec.channels) != stages:
        raise SpecError(
            f"{_several(len(spec.channels), 'channel')} for {_several(stages, 'stage')}",
            field=("channels", None),
            hint="one number of channels for each stage",
        )
    for name in ("block", "kernel", "stride", "shortcut"):
        if len(getattr(spec, name)) != stages:
            raise SpecError(
                f"{name} has {_several(len(getattr(spec, name)), 'entry')} for {_several(stages, 'stage')}",
                field=(name, None),
            )


def _check_numbers(spec: ArchSpec) -> None:
    for name in ("blocks", "channels", "kernel", "stride"):
        for i, value in enumerate(getattr(spec, name)):
            check_number(name, value, (name, i))
    for i, k in enumerate(spec.kernel):
        if k % 2 == 0:
            raise SpecError(f"a kernel is odd, not {k}", field=("kernel", i))
    for name in ("groups", "base_width", "reduce", "classes"):
        check_number(name, getattr(spec, name), (name, None))
    check_number("stem", spec.stem.width, ("stem", None))
    if spec.pool is not None:
        check_number("pool", spec.pool, ("pool", None))
    if len(spec.input) != 3:
        raise SpecError("input is channels x height x width, as in 3x32x32", field=("input", None))
    for name, size in zip(("input channels", "input size", "input size"), spec.input, strict=True):
        check_number(name, size, ("input", None))


_CHOICES: Final = {
    "block": tuple(EXPANSION),
    "shortcut": get_args(Shortcut),
    "project": get_args(Project),
    "stem_pool": get_args(StemPool),
    "aa": get_args(AntiAlias),
}


def choices(name: str) -> tuple[str, ...]:
    """The words that a field takes, the default first."""
    return {"stem": tuple(STEM_WIDTH), "attn": tuple(ATTENTION), "norm": tuple(NORM)}.get(name) or _CHOICES[
        name
    ]


def _check_words(spec: ArchSpec) -> None:
    for name, known in _CHOICES.items():
        value = getattr(spec, name)
        for i, word in enumerate(value if isinstance(value, tuple) else (value,)):
            if word not in known:
                raise _unknown_word(name, word, known, i if isinstance(value, tuple) else None)
    for name, table in (("stem", STEM_WIDTH), ("attn", ATTENTION), ("norm", NORM)):
        kind = getattr(spec, name)[0]
        if kind not in table:
            raise _unknown_word(name, kind, tuple(table), None)
    for name, kind, number in (("attn", "se", spec.attn.reduction), ("norm", "group", spec.norm.groups)):
        if getattr(spec, name).kind == kind:
            check_number(name, number, (name, None))
        elif number:
            raise SpecError(f"{name}={getattr(spec, name).kind} takes no number", field=(name, None))
    if spec.stem.kind == "tiered" and spec.stem.width < 4:
        raise SpecError("a tiered stem is at least 4 wide", field=("stem", None))


def _check_shapes(spec: ArchSpec) -> None:
    """What only several fields together can get wrong."""
    if len({kind in PREACT for kind in spec.block}) > 1:
        raise SpecError("blocks with and without pre-activation cannot be mixed", field=("block", None))
    if spec.preact and spec.norm.kind == "none":
        raise SpecError("a pre-activation block needs a norm", field=("norm", None))
    basic = next((i for i, kind in enumerate(spec.block) if EXPANSION[kind] == 1), None)
    if basic is not None and (spec.groups != 1 or spec.base_width != 64):
        name = "groups" if spec.groups != 1 else "base_width"
        raise SpecError(f"{name} needs bottlenecks; stage {basic + 1} has basic blocks", field=(name, None))
    if "pad" in spec.shortcut:
        # Zero-padding can only add channels.
        for i, c_in in enumerate(spec.stage_inputs()):
            if spec.shortcut[i] == "pad" and out_channels(spec.block[i], spec.channels[i]) < c_in:
                raise SpecError(
                    f"shortcut=pad cannot take {c_in} channels to fewer in stage {i + 1}",
                    field=("shortcut", i),
                )
    if spec.groups != 1 or spec.reduce != 1 or spec.norm.kind == "group" or spec.base_width != 64:
        _check_widths(spec)
    if spec.pool is not None:
        h, w = spec.maps()[-1]
        if spec.pool > min(h, w):
            raise SpecError(f"pool={spec.pool} is larger than the last map, {h}x{w}", field=("pool", None))
    if spec.aa != "none":
        _check_anti_alias(spec)


def _check_anti_alias(spec: ArchSpec) -> None:
    """Averaging drops an odd row, which the shortcut keeps; blurring reflects, which needs two rows."""
    maps = spec.maps()
    pooled = [maps[i] for i, stride in enumerate(spec.stride) if stride == 2]
    if spec.aa == "avg" and any(h % 2 or w % 2 for h, w in pooled):
        raise SpecError("aa=avg needs maps of an even height and width", field=("aa", None))
    if spec.stem_pool != "none":
        _, h, w = spec.input
        pooled.append((h, w) if spec.stem.kind == "conv3" else (strided(h, 2), strided(w, 2)))
    if any(min(size) < 2 for size in pooled):
        raise SpecError(f"aa={spec.aa} needs maps of at least 2x2", field=("aa", None))


def _check_widths(spec: ArchSpec) -> None:
    """Every conv has at least one channel that its groups divide, and so has every norm."""
    normed = [(0, width) for width in (spec.stem.widths[:-1] if spec.preact else spec.stem.widths)]
    for i, (kind, c, c_in) in enumerate(zip(spec.block, spec.channels, spec.stage_inputs(), strict=True)):
        convs = body_convs(kind, c_in, c, groups=spec.groups, base_width=spec.base_width, reduce=spec.reduce)
        for conv in convs:
            if conv.c_out < 1:
                raise SpecError(f"a conv of stage {i + 1} has no channels left", field=("channels", i))
            if conv.c_in % conv.groups:
                raise SpecError(
                    f"groups={conv.groups} does not divide {conv.c_in} channels in stage {i + 1}",
                    field=("groups", None),
                )
            normed.append((i, conv.c_in if spec.preact else conv.c_out))
    if spec.norm.kind == "group":
        for i, width in [*normed, (len(spec.blocks) - 1, spec.features)]:
            if width % spec.norm.groups:
                raise SpecError(
                    f"norm=group:{spec.norm.groups} does not divide {width} channels in stage {i + 1}",
                    field=("norm", None),
                )


def _unknown_word(name: str, word: Any, known: Sequence[str], index: int | None) -> SpecError:
    return SpecError(f"{name} is {' | '.join(known)}, not {word}", field=(name, index))


def _several(n: int, noun: str) -> str:
    plural = noun[:-1] + "ies" if noun.endswith("y") else noun + "s"
    return f"{n} {noun if n == 1 else plural}"
