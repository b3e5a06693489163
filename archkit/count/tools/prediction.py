"""`predict`: a tool's figures for a plan."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from archkit.blocks.sides import by_sides
from archkit.count.tools.rules import NOT_IN_PYCLS, OLDER_PTFLOPS, RULES
from archkit.count.tools.terms import Rule, Tool
from archkit.errors import SpecError
from archkit.plan import Layer, Plan

__all__ = ["Prediction", "Tool", "figures", "predict"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Prediction:
    """One figure that a tool prints for one image, and what it is made of.

    Attributes:
        tool: who prints it.
        quantity: what it is called there. A tool's word need not be archkit's: fvcore's flops and
            ptflops's macs are both multiply-adds and more, each with terms of its own.
        terms: `(name, figure)` of everything that is counted and is not 0; they add up to `total`.
    """

    tool: Tool
    quantity: str
    terms: tuple[tuple[str, int], ...]

    @property
    def total(self) -> int:
        """The figure."""
        return sum(figure for _, figure in self.terms)


def predict(plan: Plan, tool: Tool) -> tuple[Prediction, ...]:
    """What `tool` prints for the module that `archkit.nn.build` makes, in eval mode, for one image.

    >>> from archkit.plan import layout
    >>> from archkit.spec import parse
    >>> plan = layout(parse("[2,1,1,1]x[64,128,256,512]"))
    >>> flops, activations = predict(plan, Tool.fvcore)
    >>> flops.total
    329937920
    >>> flops.terms[2:]
    (('batch norm, 2 an element', 999424), ('global pooling, 1 an input element', 8192))

    Raises:
        SpecError: the plan has a layer that the tool has no rule for and could not be asked about:
            pycls counts networks of its own and has none of the layers of `NOT_IN_PYCLS`, and its kernels
            are square.
    """
    layers = _by_kind(plan)
    for what, layer in _not_in_pycls(layers) if tool is Tool.pycls else ():
        raise SpecError(f"pycls has no {what} and so no figure for {layer.name}")
    return tuple(
        Prediction(tool=tool, quantity=rule.quantity, terms=_terms(rule, layers)) for rule in RULES[tool]
    )


def figures(plan: Plan) -> Iterator[tuple[str, str, int]]:
    """Every figure that a tool prints for a plan: the tool, what it calls the figure, and the figure.

    Beside the tools that can be asked there is what ptflops printed before it looked at functions too: the
    figures that many tables still have.
    """
    layers = _by_kind(plan)
    for tool, rules in RULES.items():
        if tool is Tool.pycls and any(_not_in_pycls(layers)):
            continue
        for rule in rules:
            yield tool.value, rule.quantity, sum(figure for _, figure in _terms(rule, layers))
    yield "an older ptflops", "macs", sum(figure for _, figure in _terms(OLDER_PTFLOPS, layers))


def _not_in_pycls(layers: dict[str, list[Layer]]) -> Iterator[tuple[str, Layer]]:
    """What pycls has no figure for, and a layer that is one."""
    for kind in NOT_IN_PYCLS:
        if kind in layers:
            yield kind, layers[kind][0]
    for layer in layers["conv"]:
        if isinstance(layer.kernel, tuple):
            yield f"conv of {by_sides(layer.kernel)}", layer


def _by_kind(plan: Plan) -> dict[str, list[Layer]]:
    layers: dict[str, list[Layer]] = defaultdict(list)
    for layer in plan:
        layers[layer.kind].append(layer)
    return layers


def _terms(rule: Rule, layers: dict[str, list[Layer]]) -> tuple[tuple[str, int], ...]:
    found = (
        (term.name, sum(term.figure(layer) for kind in term.kinds for layer in layers.get(kind, ())))
        for term in rule.terms
    )
    return tuple((name, figure) for name, figure in found if figure)
