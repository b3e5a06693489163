"""The closed form: what a stage costs, without laying it out.

A stage of n blocks costs `first_block(c_in, c) + (n - 1) * other_block(c)`. The functions here use
only `+ - * //`, so that channels may be Python integers, of any size, or integer arrays of one
shape: the same form serves one network, millions of them, and the solver. The tests hold it to the
plan's sum, layer by layer.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from archkit.spec import ArchSpec, Attention
from archkit.spec.blocks import PREACT, body_convs, eca_kernel, out_channels, se_width
from archkit.spec.vocabulary import strided

__all__ = ["Cost", "block_cost", "head_cost", "stem_cost", "totals"]


class Cost(NamedTuple):
    """What a part of a network costs for one image.

    params: learnable parameters.
    macs: multiply-accumulates of convs and linear layers, bias not counted.
    activations: elements that they put out.
    depth: how many of them stand one behind another; shortcuts and attention not counted.

    Figures are integers, or integer arrays of one shape.
    """

    params: Any
    macs: Any
    activations: Any
    depth: Any


def totals(spec: ArchSpec) -> Cost:
    """What a network costs, by the closed form: microseconds, however deep it is.

    >>> from archkit.spec import parse
    >>> totals(parse("[2,1,1,1]x[64,128,256,512]"))
    Cost(params=4977226, macs=328930304, activations=499722, depth=12)
    """
    maps = spec.maps()
    params, macs, activations, depth = stem_cost(spec, spec.stem.widths)
    c_in = spec.stem_out
    for i, n in enumerate(spec.blocks):
        c = spec.channels[i]
        first = block_cost(spec, i, c_in, c, maps[i], project=spec.projects(i, c_in), stride=spec.stride[i])
        params += first.params
        macs += first.macs
        activations += first.activations
        depth += n * first.depth
        c_in = out_channels(spec.block[i], c)
        if n > 1:
            other = block_cost(spec, i, c_in, c, maps[i + 1], project=False, stride=1)
            params += (n - 1) * other.params
            macs += (n - 1) * other.macs
            activations += (n - 1) * other.activations
    head = head_cost(spec, c_in, maps[-1])
    return Cost(params + head.params, macs + head.macs, activations + head.activations, depth + head.depth)


def stem_cost(spec: ArchSpec, widths: tuple[Any, ...]) -> Cost:
    """Cost of the stem whose convs are so wide."""
    c_in, h, w = spec.input
    kind = spec.stem.kind
    kernel = 7 if kind == "conv7" else 3
    if kind != "conv3":
        h, w = strided(h, 2), strided(w, 2)
    extra = _extra(spec)
    params, macs, activations = 0, 0, 0
    for width in widths:
        weights = kernel * kernel * c_in * width
        params = params + weights + extra * width
        macs = macs + weights * (h * w)
        activations = activations + width * (h * w)
        c_in = width
    if spec.preact and spec.norm.kind != "none":
        params = params - 2 * widths[-1]  # no norm behind the last conv
    depth = len(widths)
    attn = _attention_cost(spec.stem_attn, c_in)
    params, macs, activations = params + attn[0], macs + attn[1], activations + attn[2]
    if spec.stem_pool == "conv":
        size = (h * w) if spec.aa != "none" else strided(h, 2) * strided(w, 2)
        weights = 9 * c_in * c_in
        params = params + weights + (extra - (2 if spec.preact and spec.norm.kind != "none" else 0)) * c_in
        macs = macs + weights * size
        activations = activations + c_in * size
        depth += 1
    return Cost(params, macs, activations, depth)


def block_cost(
    spec: ArchSpec, stage: int, c_in: Any, c: Any, size: tuple[int, int], *, project: Any, stride: int
) -> Cost:
    """Cost of one block.

    Args:
        spec: where everything but the widths is read.
        stage: the stage, from 0.
        c_in: channels that enter.
        c: base width.
        size: H and W of the map that enters.
        project: whether something stands on the shortcut; a boolean array where widths are arrays.
        stride: the block's stride.
    """
    kind = spec.block[stage]
    h, w = size
    here = h * w
    area = here if stride == 1 else strided(h, stride) * strided(w, stride)
    extra = _extra(spec)
    late = stride == 2 and spec.aa != "none"  # the strided conv runs at stride 1, the pooling behind it
    params: Any = 0
    macs: Any = 0
    activations: Any = 0
    convs = body_convs(kind, c_in, c, spec.kernel[stage], spec.groups, spec.base_width, spec.reduce)
    for kernel, conv_in, conv_out, groups, strides in convs:
        if strides and not late:
            here = area
        weights = kernel * kernel * (conv_in if groups == 1 else conv_in // groups) * conv_out
        params += weights + extra * conv_out
        macs += weights * here
        activations += conv_out * here
        if strides:
            here = area
    c_out = convs[-1][2]
    if kind in PREACT:
        # Norms stand before the convs: of what enters, not of what leaves.
        params = params + 2 * (c_in - c_out)
    if spec.attn[0] != "none":
        attn = _attention_cost(spec.attn, c_out)
        params, macs, activations = params + attn[0], macs + attn[1], activations + attn[2]
    shortcut = spec.shortcut[stage]
    if project is not False and shortcut != "pad":
        weights = (9 if shortcut == "conv3" else 1) * c_in * c_out
        normed = extra - (2 if kind in PREACT else 0)
        params = params + project * (weights + normed * c_out)
        macs = macs + project * (weights * area)
        activations = activations + project * (c_out * area)
    depth = len(convs)
    return Cost(params, macs, activations, depth)


def head_cost(spec: ArchSpec, c: Any, size: tuple[int, int]) -> Cost:
    """Cost of the pooling and the linear layer behind `c` channels of an HxW map."""
    cells = 1 if spec.pool is None else (size[0] // spec.pool) * (size[1] // spec.pool)
    weights = c * cells * spec.classes
    norm = 2 * c if spec.preact else 0
    return Cost(weights + spec.classes + norm, weights, spec.classes, 1)


def _extra(spec: ArchSpec) -> int:
    """Parameters for each output channel of a conv besides its weights: its bias and its norm."""
    return spec.bias if spec.norm[0] == "none" else 2 + spec.bias


def _attention_cost(attn: Attention, c: Any) -> tuple[Any, Any, Any]:
    """(parameters, MACs, activations) of channel attention over `c` channels."""
    if attn.kind == "none":
        return 0, 0, 0
    if attn.kind == "eca":
        k = eca_kernel(c) if isinstance(c, int) else _eca_kernels(c)
        return k, k * c, c
    width = se_width(attn.kind, c, attn.reduction)
    return 2 * c * width + width + c, 2 * c * width, width + c


def _eca_kernels(channels: Any) -> Any:
    import numpy as np  # only where the widths are numpy's

    values, at = np.unique(channels, return_inverse=True)
    return np.array([eca_kernel(int(c)) for c in values])[at].reshape(channels.shape)
