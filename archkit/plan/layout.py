"""`layout`: ArchSpec -> Plan."""

from __future__ import annotations

from archkit.plan.layers import BlockPlan, Kind, Layer, Plan, Shape, StagePlan
from archkit.spec import ArchSpec
from archkit.spec.blocks import PREACT, body_convs, eca_kernel, out_channels, se_width
from archkit.spec.vocabulary import Attention, strided

__all__ = ["layout"]


def layout(spec: ArchSpec) -> Plan:
    """Lays a network out.

    >>> from archkit.spec import parse
    >>> plan = layout(parse("[2,1,1,1]x[64,128,256,512]"))
    >>> plan.stem[0].name, plan.stem[0].in_shape, plan.stem[0].out_shape
    ('stem.conv', (3, 32, 32), (64, 32, 32))
    >>> plan.head[-1].name, plan.head[-1].in_shape, plan.head[-1].out_shape
    ('head.fc', (512,), (10,))
    """
    stem = _stem(spec)
    stages = []
    shape: Shape = stem[-1].out_shape
    for i, n in enumerate(spec.blocks):
        blocks = []
        for j in range(n):
            block = _block(spec, i, first=j == 0, shape=shape, name=f"stage{i + 1}.block{j + 1}")
            blocks.append(block)
            shape = block.tail[0].out_shape
        stages.append(StagePlan(name=f"stage{i + 1}", blocks=tuple(blocks)))
    return Plan(spec=spec, stem=stem, stages=tuple(stages), head=_head(spec, shape))


class _Chain:
    """Layers one behind another, each taking the shape that the last put out."""

    def __init__(self, spec: ArchSpec, prefix: str, shape: Shape) -> None:
        self.spec = spec
        self.prefix = prefix
        self.shape = shape
        self.layers: list[Layer] = []

    def add(
        self,
        name: str,
        kind: Kind,
        out: Shape | None = None,
        *,
        kernel: int = 0,
        stride: int = 1,
        padding: int = 0,
        groups: int = 1,
        bias: bool = False,
        ceil: bool = False,
    ) -> None:
        out = self.shape if out is None else out
        self.layers.append(
            Layer(
                name=f"{self.prefix}.{name}",
                kind=kind,
                in_shape=self.shape,
                out_shape=out,
                kernel=kernel,
                stride=stride,
                padding=padding,
                groups=groups,
                bias=bias,
                ceil=ceil,
            )
        )
        self.shape = out

    def conv(self, name: str, kernel: int, c_out: int, *, stride: int = 1, groups: int = 1) -> None:
        _, h, w = self.shape
        self.add(
            name,
            "conv",
            (c_out, strided(h, stride), strided(w, stride)),
            kernel=kernel,
            stride=stride,
            padding=kernel // 2,
            groups=groups,
            bias=self.spec.bias,
        )

    def norm(self, name: str) -> None:
        if self.spec.norm.kind == "batch":
            self.add(name, "batch_norm")
        elif self.spec.norm.kind == "group":
            self.add(name, "group_norm", groups=self.spec.norm.groups)

    def relu(self, name: str) -> None:
        self.add(name, "relu")

    def anti_alias(self, name: str) -> None:
        """Halves the map: averages of 2x2 (the floor), or a blur (the ceiling)."""
        c, h, w = self.shape
        if self.spec.aa == "avg":
            self.add(name, "avg_pool", (c, h // 2, w // 2), kernel=2, stride=2)
        else:
            self.add(name, "blur_pool", (c, strided(h, 2), strided(w, 2)), kernel=3, stride=2, padding=1)

    def done(self) -> tuple[Layer, ...]:
        return tuple(self.layers)


def _stem(spec: ArchSpec) -> tuple[Layer, ...]:
    chain = _Chain(spec, "stem", spec.input)
    kind, widths = spec.stem.kind, spec.stem.widths
    if len(widths) == 1:
        kernel, stride = (3, 1) if kind == "conv3" else (7, 2)
        chain.conv("conv", kernel, widths[0], stride=stride)
    else:
        for i, width in enumerate(widths, 1):
            chain.conv(f"conv{i}", 3, width, stride=2 if i == 1 else 1)
            if i < len(widths):
                chain.norm(f"norm{i}")
                chain.relu(f"relu{i}")
    if not spec.preact:
        # The first pre-activation block norms and activates what the stem puts out.
        chain.norm("norm")
        chain.relu("relu")
    chain.layers.extend(_attention(spec, spec.stem_attn, "stem", chain.shape))
    _stem_pool(spec, chain)
    return chain.done()


def _stem_pool(spec: ArchSpec, chain: _Chain) -> None:
    c, h, w = chain.shape
    if spec.stem_pool == "max":
        if spec.aa == "none":
            chain.add("pool", "max_pool", (c, strided(h, 2), strided(w, 2)), kernel=3, stride=2, padding=1)
            return
        if spec.aa == "blur":
            chain.add("pool", "max_pool", kernel=3, padding=1)
        chain.anti_alias("aa")
    elif spec.stem_pool == "conv":
        chain.conv("pool_conv", 3, c, stride=2 if spec.aa == "none" else 1)
        if spec.aa != "none":
            chain.anti_alias("aa")
        if not spec.preact:
            chain.norm("pool_norm")
            chain.relu("pool_relu")


def _block(spec: ArchSpec, stage: int, *, first: bool, shape: Shape, name: str) -> BlockPlan:
    kind, c = spec.block[stage], spec.channels[stage]
    stride = spec.stride[stage] if first else 1
    preact = kind in PREACT
    pre = _Chain(spec, name, shape)
    if preact:
        pre.norm("norm1")
        pre.relu("relu1")
    body = _Chain(spec, name, shape)
    convs = body_convs(
        kind,
        shape[0],
        c,
        kernel=spec.kernel[stage],
        groups=spec.groups,
        base_width=spec.base_width,
        reduce=spec.reduce,
    )
    for i, conv in enumerate(convs, 1):
        if preact and i > 1:
            body.norm(f"norm{i}")
            body.relu(f"relu{i}")
        halve = conv.strided and stride == 2 and spec.aa != "none"
        conv_stride = stride if conv.strided and not halve else 1
        body.conv(f"conv{i}", conv.kernel, conv.c_out, stride=conv_stride, groups=conv.groups)
        if not preact:
            body.norm(f"norm{i}")
            if i < len(convs):
                body.relu(f"relu{i}")
        if halve:
            body.anti_alias("aa")
    attention = _attention(spec, spec.attn, name, body.shape)
    shortcut: tuple[Layer, ...] = ()
    if first and spec.projects(stage, shape[0]):
        shortcut = _shortcut(spec, stage, name, shape)
    tail = _Chain(spec, name, body.shape)
    tail.add("add", "add")
    if not preact:
        tail.relu(f"relu{len(convs)}")
    return BlockPlan(
        name=name,
        pre=pre.done(),
        body=body.done(),
        attention=attention,
        shortcut=shortcut,
        tail=tail.done(),
    )


def _attention(spec: ArchSpec, attn: Attention, name: str, shape: Shape) -> tuple[Layer, ...]:
    """Channel attention, under `name.attn`; its convs have a bias whatever the others have."""
    if attn.kind == "none":
        return ()
    c = shape[0]
    chain = _Chain(spec, f"{name}.attn", shape)
    chain.add("squeeze", "squeeze", (c, 1, 1))
    if attn.kind == "eca":
        k = eca_kernel(c)
        chain.add("conv", "conv1d", kernel=k, padding=k // 2)
    else:
        width = se_width(attn.kind, c, attn.reduction)
        chain.add("fc1", "conv", (width, 1, 1), kernel=1, bias=True)
        chain.relu("relu")
        chain.add("fc2", "conv", (c, 1, 1), kernel=1, bias=True)
    chain.add("sigmoid", "sigmoid")
    chain.shape = shape
    chain.add("scale", "scale")
    return chain.done()


def _shortcut(spec: ArchSpec, stage: int, name: str, shape: Shape) -> tuple[Layer, ...]:
    kind, stride = spec.shortcut[stage], spec.stride[stage]
    _, h, w = shape
    c_out = int(out_channels(spec.block[stage], spec.channels[stage]))
    size = (strided(h, stride), strided(w, stride))
    chain = _Chain(spec, f"{name}.shortcut", shape)
    if kind == "pad":
        chain.add("pad", "zero_pad", (c_out, *size), stride=stride)
        return chain.done()
    if kind == "avg" and stride != 1:
        chain.add("pool", "avg_pool", (shape[0], *size), kernel=stride, stride=stride, ceil=True)
    kernel = 3 if kind == "conv3" else 1
    chain.conv("conv", kernel, c_out, stride=1 if kind == "avg" else stride)
    if not spec.preact:
        # He et al. 2016b project with a conv alone: the norm has come before it.
        chain.norm("norm")
    return chain.done()


def _head(spec: ArchSpec, shape: Shape) -> tuple[Layer, ...]:
    chain = _Chain(spec, "head", shape)
    if spec.preact:
        chain.norm("norm")
        chain.relu("relu")
    c, h, w = shape
    if spec.pool is None:
        chain.add("pool", "global_pool", (c, 1, 1))
    else:
        size = (h // spec.pool, w // spec.pool)
        chain.add("pool", "avg_pool", (c, *size), kernel=spec.pool, stride=spec.pool)
    c, h, w = chain.shape
    chain.add("flatten", "flatten", (c * h * w,))
    chain.add("fc", "linear", (spec.classes,), bias=True)
    return chain.done()
