"""`ArchSpec`: one network, as a frozen value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import lru_cache
from typing import Any, Final

from archkit.spec.blocks import PREACT, out_channels
from archkit.spec.validate import validate
from archkit.spec.vocabulary import (
    ATTENTION,
    BATCH_NORM,
    DEFAULT_CLASSES,
    DEFAULT_INPUT,
    LIMITS,
    NO_ATTENTION,
    NORM,
    STEM_WIDTH,
    AntiAlias,
    Attention,
    Block,
    Norm,
    Project,
    Shortcut,
    Stem,
    StemPool,
    default_stem_pool,
    default_stride,
    strided,
)

__all__ = ["ArchSpec"]


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
        stem_attn: channel attention behind the stem, before its pooling.
        attn: channel attention at the end of each residual branch.
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
    stem_attn: Attention = NO_ATTENTION
    attn: Attention = NO_ATTENTION
    norm: Norm = BATCH_NORM
    aa: AntiAlias = "none"
    bias: bool = False
    pool: int | None = None
    input: tuple[int, int, int] = DEFAULT_INPUT
    classes: int = DEFAULT_CLASSES

    def __post_init__(self) -> None:
        validate(self)

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
        stem_attn: Attention | str = "none",
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
        if isinstance(stem_attn, str):
            stem_attn = Attention(stem_attn, ATTENTION.get(stem_attn, 0))
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
            stem_attn=stem_attn,
            attn=attn,
            norm=norm,
            **others,
        )

    @classmethod
    def plain(cls, blocks: tuple[int, ...], channels: tuple[int, ...]) -> ArchSpec | None:
        """`make(blocks, channels)` in a tenth of the time, or None where that would raise.

        With every option at its default, only these integers can be wrong, so only they are checked.
        """
        stages = len(blocks)
        (least, most), (narrowest, widest) = LIMITS["blocks"], LIMITS["channels"]
        if not (
            0 < stages == len(channels) <= LIMITS["stages"].high
            and least <= min(blocks)
            and max(blocks) <= most
            and narrowest <= min(channels)
            and max(channels) <= widest
        ):
            return None
        found = object.__new__(cls)
        for put, value in _plain_fields(stages):
            put(found, value)
        _PUT["blocks"](found, blocks)
        _PUT["channels"](found, channels)
        _PUT["stem"](found, Stem("conv3", channels[0]))
        return found

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

    def projects(self, stage: int, c_in: int) -> bool:
        """Whether the shortcut of the first block of `stage` projects, where `c_in` channels enter."""
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
        from archkit.spec.canonical import format_spec  # a cycle otherwise: it reads ArchSpecs

        return format_spec(self)


# What sets a field of a frozen value that is being made, as the dataclass itself does.
_PUT: Final = {f.name: getattr(ArchSpec, f.name).__set__ for f in fields(ArchSpec)}


@lru_cache
def _plain_fields(stages: int) -> tuple[tuple[Any, Any], ...]:
    """The fields that only the number of stages decides, where all options are at their defaults."""
    like = ArchSpec.make((1,) * stages, (1,) * stages)
    own = ("blocks", "channels", "stem")
    return tuple((put, getattr(like, name)) for name, put in _PUT.items() if name not in own)
