"""`ArchSpec` -> its canonical text: the inverse of `archkit.spec.parse`."""

from __future__ import annotations

from collections.abc import Sequence

from archkit.spec import vocabulary
from archkit.spec.arch import ArchSpec
from archkit.spec.vocabulary import Attention, Norm

__all__ = ["format_spec"]


def format_spec(spec: ArchSpec) -> str:
    """The canonical text: short, options at their default left out, in a fixed order.

    `parse(format_spec(spec)) == spec` for every spec.
    """
    stages = len(spec.blocks)
    parts = [f"[{_join(spec.blocks)}]x[{_join(spec.channels)}]"]
    for key, default in (("block", "basic"), ("kernel", 3)):
        parts.extend(_by_stage(key, getattr(spec, key), default))
    if spec.stride != vocabulary.default_stride(stages):
        parts.append(f"stride=[{_join(spec.stride)}]")
    parts.extend(_by_stage("shortcut", spec.shortcut, "conv1"))
    for key, default in (("project", "change"), ("groups", 1), ("base_width", 64), ("reduce", 1)):
        if getattr(spec, key) != default:
            parts.append(f"{key}={getattr(spec, key)}")
    parts.extend(_stem_text(spec))
    for key, attn in (("stem_attn", spec.stem_attn), ("attn", spec.attn)):
        if attn.kind != "none":
            parts.append(f"{key}={_kind_text(attn, vocabulary.ATTENTION)}")
    if spec.norm.kind != "batch":
        parts.append("norm=" + _kind_text(spec.norm, vocabulary.NORM))
    if spec.aa != "none":
        parts.append(f"aa={spec.aa}")
    if spec.bias:
        parts.append("bias=yes")
    if spec.pool is not None:
        parts.append(f"pool={spec.pool}")
    if spec.input != vocabulary.DEFAULT_INPUT:
        parts.append(f"input={'x'.join(map(str, spec.input))}")
    if spec.classes != vocabulary.DEFAULT_CLASSES:
        parts.append(f"classes={spec.classes}")
    return " ".join(parts)


def _join(values: Sequence[object]) -> str:
    return ",".join(map(str, values))


def _by_stage(key: str, values: Sequence[object], default: object) -> list[str]:
    if all(value == values[0] for value in values):
        return [] if values[0] == default else [f"{key}={values[0]}"]
    return [f"{key}=[{_join(values)}]"]


def _kind_text(value: Attention | Norm, table: dict[str, int]) -> str:
    kind, number = value
    return kind if number == table[kind] else f"{kind}:{number}"


def _stem_text(spec: ArchSpec) -> list[str]:
    kind, width = spec.stem
    found = []
    if kind == "conv3":
        if width != spec.channels[0]:
            found.append(f"stem={width}")
    elif width == vocabulary.STEM_WIDTH[kind]:
        found.append(f"stem={kind}")
    else:
        found.append(f"stem={kind}:{width}")
    if spec.stem_pool != vocabulary.default_stem_pool(kind):
        found.append(f"stem_pool={spec.stem_pool}")
    return found
