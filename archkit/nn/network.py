"""`build`: ArchSpec -> `nn.Module`, made from the tree that its plan is.

Whatever family a block is of, its plan has layers, gates and residuals one behind another. A `Chain` runs
them, and in it every module has the name that its layer has in the plan.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import nullcontext
from typing import NamedTuple, TypeAlias

import torch
from torch import Tensor, nn

from archkit.nn.kinds import MODULES
from archkit.nn.layers import BlurPool
from archkit.plan import Gate, Layer, Node, Plan, Residual, Stage, layout, may_overwrite
from archkit.spec import ArchSpec

__all__ = [
    "BlockModule",
    "Call",
    "Chain",
    "GateModule",
    "Network",
    "Step",
    "Sum",
    "build",
    "drop_bodies",
    "initialise",
]


class Call(NamedTuple):
    """A step that calls a child, or hands it to the function that knows how to call it."""

    name: str
    run: Callable[[nn.Module, Tensor], Tensor] | None = None


class Sum(NamedTuple):
    """A step that adds the body's output and the shortcut's, or the map itself where there is none.

    While training, the body's output is left out for an image with the probability `drop`, and divided by the
    probability of the contrary otherwise.
    """

    body: tuple[Step, ...]
    shortcut: str | None
    drop: float = 0.0


Step: TypeAlias = "Call | Sum"


class Chain(nn.Module):
    """Nodes of a plan, run one behind another.

    The modules of its layers are its children, those in the body of a residual too. A gate and the
    shortcut of a residual are chains of their own.

    Attributes:
        steps: what it does, in order.
    """

    def __init__(self, nodes: Iterable[Node]) -> None:
        super().__init__()
        self.steps = self._add_all(nodes)

    def forward(self, x: Tensor) -> Tensor:
        """B x the shape that enters the first node -> B x the shape that leaves the last."""
        return self._run(self.steps, x)

    def _run(self, steps: tuple[Step, ...], x: Tensor) -> Tensor:
        for step in steps:
            if isinstance(step, Sum):
                out = self._run(step.body, x)
                if step.drop and self.training:
                    out = out * _kept(out, step.drop)
                x = out + (x if step.shortcut is None else getattr(self, step.shortcut)(x))
            elif step.run is not None:
                x = step.run(getattr(self, step.name), x)
            else:
                x = getattr(self, step.name)(x)
        return x

    def _add_all(self, nodes: Iterable[Node]) -> tuple[Step, ...]:
        steps: list[Step] = []
        before: Node | None = None
        for node in nodes:
            if isinstance(node, Layer):
                self._add(node.own_name, _module_of(node, in_place=may_overwrite(before)))
                steps.append(Call(node.own_name, MODULES[node.kind].run))
            elif isinstance(node, Gate):
                name = node.name.rpartition(".")[2]
                self._add(name, GateModule(node.factors))
                steps.append(Call(name))
            else:
                body = self._add_all(node.body)
                steps.append(Sum(body, self._add_shortcut(node.shortcut)))
            before = node
        return tuple(steps)

    def _add_shortcut(self, nodes: tuple[Node, ...]) -> str | None:
        if not nodes:
            return None
        first = nodes[0].add if isinstance(nodes[0], Residual) else nodes[0]
        name = first.name.split(".")[-2]  # of the branch that it stands in
        self._add(name, Chain(nodes))
        return name

    def _add(self, name: str, module: nn.Module) -> None:
        if name in self._modules:
            raise ValueError(f"two parts of one chain are called {name}")
        self.add_module(name, module)


class GateModule(Chain):
    """`x * factors(x)`: channel attention, say. Its chain makes the factors."""

    def forward(self, x: Tensor) -> Tensor:
        """B x C x H x W -> the same."""
        return x * self._run(self.steps, x)


class BlockModule(Chain):
    """One block of a network, of any family."""


class Network(nn.Module):
    """A network made from a plan: `stem`, `stage1.block1.conv1`, ..., `head.fc`.

    Attributes:
        spec: what it was built from.
    """

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        self.spec = plan.spec
        self.stem = Chain(plan.stem)
        self._stages = tuple(stage.name for stage in plan.stages)
        for stage in plan.stages:
            self.add_module(stage.name, _stage(stage))
        self.head = Chain(plan.head)
        self.register_load_state_dict_post_hook(_fill_filters)  # type: ignore[no-untyped-call]  # torch gives it no types

    def forward(self, x: Tensor) -> Tensor:
        """B x C x H x W images -> B x K logits."""
        x = self.stem(x)
        for name in self._stages:
            x = getattr(self, name)(x)
        out: Tensor = self.head(x)
        return out


def drop_bodies(network: Network, last: float) -> None:
    """Stochastic depth (Huang et al. 2016): bodies of residual blocks are left out while training.

    Args:
        network: the network; of each of its blocks, the residuals that are in no other one count.
        last: the probability for the last block, to which it rises evenly from block to block.
    """
    blocks = [module for module in network.modules() if isinstance(module, BlockModule)]
    for number, block in enumerate(blocks, 1):
        block.steps = tuple(
            step._replace(drop=last * number / len(blocks)) if isinstance(step, Sum) else step
            for step in block.steps
        )


def build(
    spec: ArchSpec | str, *, device: torch.device | str | None = None, dtype: torch.dtype | None = None
) -> Network:
    """A network with fresh weights, drawn from torch's global generator.

    >>> from archkit.spec import parse
    >>> network = build(parse("[2,1,1,1]x[64,128,256,512]"))
    >>> sum(p.numel() for p in network.parameters())
    4977226
    >>> network(torch.zeros(2, 3, 32, 32)).shape
    torch.Size([2, 10])

    Args:
        spec: the network, or its text.
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
    """Draws the weights anew as in the paper: convs Kaiming normal by fan-out, linear Xavier normal.

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


@torch.no_grad()
def _fill_filters(network: nn.Module, _keys: object) -> None:
    """Fills the filters of blur pooling, which no `state_dict` holds, whenever one is loaded.

    After `to_empty` they may hold anything, and where weights were assigned to a network of the meta device
    they lie there yet.
    """
    weight = next(network.parameters())
    for part in network.modules():
        if isinstance(part, BlurPool):
            part.beside(weight)


def _kept(x: Tensor, drop: float) -> Tensor:
    """B x 1 x 1 x 1: 0 with the probability `drop`, from torch's global generator, else 1 / (1 - drop)."""
    factors = x.new_empty((len(x), *(1 for _ in x.shape[1:])))
    return factors.bernoulli_(1 - drop).div_(1 - drop)


def _stage(stage: Stage) -> nn.Sequential:
    chain = nn.Sequential()
    for block in stage.blocks:
        chain.add_module(block.name.rpartition(".")[2], BlockModule(block.nodes))
    return chain


def _module_of(layer: Layer, *, in_place: bool) -> nn.Module:
    """The module of a layer; it works in place only where it may.

    Raises:
        ValueError: the layer joins two inputs, and so has no module.
    """
    make = MODULES[layer.kind].make
    if make is None:
        raise ValueError(f"{layer.name} joins two inputs, so it stands in a gate or a residual alone")
    module = make(layer)
    if getattr(module, "inplace", False) and not in_place:
        module.inplace = False  # type: ignore[assignment]  # mypy takes it for a tensor or a module
    return module
