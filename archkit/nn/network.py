"""`build`: ArchSpec -> `nn.Module`, made from the plan."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import nullcontext
from itertools import groupby

import torch
from torch import Tensor, nn

from archkit.nn.layers import Attention, module_for
from archkit.plan import BlockPlan, Layer, Plan, StagePlan, is_attention, layout
from archkit.spec import ArchSpec

__all__ = ["Network", "ResidualBlock", "build"]


class ResidualBlock(nn.Module):
    """`tail(shortcut(s) + attention(body(h)))` with `h = pre(x)`; see `archkit.plan.BlockPlan`."""

    def __init__(self, plan: BlockPlan) -> None:
        super().__init__()
        self._pre = _add_all(self, plan.pre)
        self._body = _add_all(self, plan.body)
        self.attn = Attention(plan.attention) if plan.attention else None
        self.shortcut = _chain(plan.shortcut) if plan.shortcut else None
        # In a pre-activation block a projection reads the activated map (He et al. 2016b).
        self._projects_late = (
            bool(plan.pre) and plan.shortcut[0].kind != "zero_pad" if plan.shortcut else False
        )
        self._tail = _add_all(self, [layer for layer in plan.tail if layer.kind != "add"])

    def forward(self, x: Tensor) -> Tensor:
        """B x C x H x W -> B x C' x H' x W'."""
        h = self._run(self._pre, x)
        out = self._run(self._body, h)
        if self.attn is not None:
            out = self.attn(out)
        if self.shortcut is not None:
            x = self.shortcut(h if self._projects_late else x)
        return self._run(self._tail, out + x)

    def _run(self, names: tuple[str, ...], x: Tensor) -> Tensor:
        for name in names:
            x = getattr(self, name)(x)
        return x


class Network(nn.Module):
    """A network made from a plan: `stem`, `stage1.block1.conv1`, ..., `head.fc`.

    Attributes:
        spec: what it was built from.
    """

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        self.spec = plan.spec
        self.stem = _chain(plan.stem)
        self._stages = tuple(stage.name for stage in plan.stages)
        for stage in plan.stages:
            self.add_module(stage.name, _stage(stage))
        self.head = _chain(plan.head)

    def forward(self, x: Tensor) -> Tensor:
        """B x C x H x W images -> B x K logits."""
        x = self.stem(x)
        for name in self._stages:
            x = getattr(self, name)(x)
        out: Tensor = self.head(x)
        return out


def build(
    spec: ArchSpec, *, device: torch.device | str | None = None, dtype: torch.dtype | None = None
) -> Network:
    """A network with fresh weights, drawn from torch's global generator.

    >>> from archkit.spec import parse
    >>> network = build(parse("[2,1,1,1]x[64,128,256,512]"))
    >>> sum(p.numel() for p in network.parameters())
    4977226
    >>> network(torch.zeros(2, 3, 32, 32)).shape
    torch.Size([2, 10])

    Args:
        spec: the network.
        device: where its weights are made; `"meta"` makes none.
        dtype: of the weights; torch's default unless given.
    """
    # No device given leaves a `with torch.device(...)` around the call in force: torch 2.6 does not
    # report it as the default device.
    with nullcontext() if device is None else torch.device(device):
        network = Network(layout(spec))
    initialise(network)
    return network.to(dtype=dtype) if dtype is not None else network


@torch.no_grad()
def initialise(network: nn.Module) -> None:
    """The paper's initialisation, in place: convs Kaiming normal by fan-out, linear Xavier normal.

    Biases are 0 and norms the identity. (One passage of the paper swaps the two names.)
    """
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Conv1d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        elif isinstance(module, nn.Linear):
            nn.init.xavier_normal_(module.weight)
        else:
            continue
        if module.bias is not None:
            nn.init.zeros_(module.bias)


def _chain(layers: Iterable[Layer]) -> nn.Sequential:
    """Layers one behind another, each under the last part of its name; attention under its own."""
    chain = nn.Sequential()
    for attends, group in groupby(layers, key=is_attention):
        if attends:
            chain.add_module("attn", Attention(tuple(group)))
        else:
            _add_all(chain, group)
    return chain


def _stage(stage: StagePlan) -> nn.Sequential:
    chain = nn.Sequential()
    for block in stage.blocks:
        chain.add_module(block.name.rpartition(".")[2], ResidualBlock(block))
    return chain


def _add_all(parent: nn.Module, layers: Iterable[Layer]) -> tuple[str, ...]:
    names = []
    for layer in layers:
        name = layer.name.rpartition(".")[2]
        parent.add_module(name, module_for(layer))
        names.append(name)
    return tuple(names)
