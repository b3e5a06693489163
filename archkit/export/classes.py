"""The source of one class: what its constructor makes, and its forward pass."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from archkit.errors import ExportError
from archkit.export.alike import Entry, Kind, Meets
from archkit.export.arguments import Arguments
from archkit.export.spellings import ACTIVATIONS, SPELLINGS, structure
from archkit.plan import Gate, Layer, Node, Residual

__all__ = ["GateClass", "Writer", "entered", "left"]

_WIDE: Final = 88  # columns of an expression, before it is given a name
_LONG: Final = 100  # of a line, before its arguments stand on their own
# What begins a new line of a forward pass where the line has one of them already.
_HEAVY: Final = frozenset(
    {"conv", "conv1d", "linear", "max_pool", "avg_pool", "blur_pool", "pad", "zero_pad"}
)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class GateClass:
    """The class of a gate, and the arguments that each of the network's gates has.

    Attributes:
        name: of the class.
        given: for each gate, by the name that it has in the plan, its arguments behind the channels.
        names: what they are called; those in `widths` are channels.
        widths: the names of those that are channels.
    """

    name: str
    given: Mapping[str, tuple[Any, ...]]
    names: tuple[str, ...]
    widths: frozenset[str]


@dataclass(slots=True, eq=False)
class _At:
    """The channels of the map: how they are written, and their number in each block."""

    text: str
    values: tuple[Any, ...]


@dataclass(slots=True, eq=False)
class Writer:
    """Writes the parts of a class while it walks along its nodes.

    Attributes:
        kind: the class.
        arguments: of its constructor.
        gates: the class of each gate, by the name that the gate has in the plan.
        made: the lines of the constructor.
        run: the lines of the forward pass.
    """

    kind: Kind
    arguments: Arguments
    gates: Mapping[str, GateClass]
    made: list[str] = field(default_factory=list)
    run: list[str] = field(default_factory=list)
    _columns: Iterator[tuple[Entry, ...]] = field(init=False)
    _at: _At = field(init=False)

    def __post_init__(self) -> None:
        self._columns = iter(self.kind.columns())
        widths = tuple(entered(member) for member in self.kind.members)
        self._at = _At(self.arguments.entering or self.arguments.channels(widths), widths)

    def forward(self, depth: int) -> str:
        """Writes all of it, and returns the expression of what leaves."""
        text = self._chain(self.kind.nodes, "x", depth)
        # What has just been given a name needs none.
        last = self.run[-1].removeprefix(f"{text} = ") if self.run else ""
        return self.run.pop().removeprefix(f"{text} = ") if self.run and last != self.run[-1] else text

    def sequential(self, nodes: Sequence[Node] | None = None) -> list[str]:
        """The lines of `nn.Sequential(OrderedDict(...))` with the modules of a chain."""
        lines = []
        for node in self.kind.nodes if nodes is None else nodes:
            if isinstance(node, Residual) or (isinstance(node, Layer) and node.kind == "conv1d"):
                what = "a sum" if isinstance(node, Residual) else "a conv along the channels"
                raise ExportError(
                    f"{what} outside a block has no way to be written as a module of its own: pytorch cannot"
                    " have this network; onnx and torch-export can"
                )
            lines.append(f"    {_last(node.name)}={self._module(node, next(self._columns))},")
        return ["nn.Sequential(OrderedDict(", *lines, "))"] if lines else ["nn.Sequential()"]

    def _chain(self, nodes: Sequence[Node], source: str, depth: int) -> str:
        """Writes nodes that read the variable `source`; each depth has a variable of its own."""
        own = ("x", "out", "inner")[depth] if depth < 3 else f"inner{depth - 1}"
        text, loaded = source, False

        def named() -> None:
            nonlocal text, loaded
            if not text.isidentifier():
                self.run.append(f"{own} = {text}")
                text = own
            loaded = False

        for node in nodes:
            if isinstance(node, Residual):
                named()
                text = self._sum(node, text, own, depth)
                loaded = True
                continue
            column = next(self._columns)
            heavy = isinstance(node, Gate) or node.kind in _HEAVY
            if (heavy and loaded) or len(text) > _WIDE:
                named()
            text = self._call(node, column, text)
            loaded = loaded or heavy
        return text

    def _sum(self, node: Residual, source: str, own: str, depth: int) -> str:
        before = self._at
        body = self._chain(node.body, source, depth + 1)
        inner = ("out", "inner")[depth] if depth < 2 else f"inner{depth}"
        if not body.isidentifier():
            self.run.append(f"{inner} = {body}")
            body = inner
        after, self._at = self._at, before
        aside = self.sequential(node.shortcut) if node.shortcut else None
        self._at = after
        meets = [one for one in next(self._columns) if isinstance(one, Meets)]
        side = source
        if aside is not None:
            name = _last(_first_name(node.shortcut).rpartition(".")[0])
            self._shortcut(name, aside, [one.projects for one in meets])
            side = f"self.{name}({source})"
        condition = self.arguments.present([one.adds for one in meets], "adds")
        if condition is None:
            return f"{body} + {side}"
        self.made.append(f"self.adds = {condition}")
        self.run.append(f"{own} = {body} + {side} if self.adds else {body}")
        return own

    def _shortcut(self, name: str, lines: list[str], projects: list[bool]) -> None:
        condition = self.arguments.present(projects, "projects")
        if condition is None:
            self.made += [f"self.{name} = {lines[0]}", *lines[1:]]
            return
        self.made += [f"self.{name} = nn.Identity()", f"if {condition}:"]
        self.made += [f"    self.{name} = {lines[0]}", *(f"    {line}" for line in lines[1:])]

    def _call(self, node: Layer | Gate, column: tuple[Entry, ...], x: str) -> str:
        """The expression for a node, whose module is made if it has one."""
        if isinstance(node, Layer):
            call = SPELLINGS[node.kind].call
            if node.kind in ACTIVATIONS:
                return f"{self._function(column)}({x})"
            if call is not None and "{layer}" not in call:
                self._module(node, column)  # where it leaves the channels
                return call.format(x=x if " + " not in x else f"({x})")
            name = node.own_name
            self._make(name, self._module(node, column))
            return f"self.{name}({x})" if call is None else call.format(layer=f"self.{name}", x=x)
        name = _last(node.name)
        self._make(name, self._module(node, column))
        return f"self.{name}({x})"

    def _make(self, name: str, module: str) -> None:
        line = f"self.{name} = {module}"
        if len(line) <= _LONG:
            self.made.append(line)
            return
        start, _, arguments = line.removesuffix(")").partition("(")
        self.made += [f"{start}(", f"    {arguments}", ")"]

    def _function(self, column: tuple[Entry, ...]) -> str:
        functions = [ACTIVATIONS[one.kind] if isinstance(one, Layer) else None for one in column]
        text = self.arguments.plain(functions, "act")
        if "." in text:
            return text
        line = f"self.{text} = {text}"
        if line not in self.made:
            self.made.append(line)
        return f"self.{text}"

    def _module(self, node: Layer | Gate, column: tuple[Entry, ...]) -> str:
        """The call that makes a node's module; the map has the channels that leave it afterwards."""
        if isinstance(node, Gate):
            return self._gate(node, column)
        layers = [one if isinstance(one, Layer) else None for one in column]
        spelling, at = SPELLINGS[node.kind], self._at
        out = tuple(None if one is None else one.out_shape[0] for one in layers)
        source = {"c": at.text, **structure(node)}
        leaves = at.text
        for name in spelling.values:
            if name == "c_out":
                source[name] = leaves = self.arguments.channels(out)
                continue
            values = [None if one is None else getattr(one, name) for one in layers]
            if name == "padding":
                kernels = [None if one is None else one.kernel for one in layers]
                source[name] = self.arguments.padding(values, kernels, source.get("kernel", "0"))
            elif name == "groups":
                source[name] = self.arguments.groups(values, at.values, at.text)
            else:
                source[name] = self.arguments.plain(values, name)
        if node.kind == "flatten":
            leaves = self.arguments.channels(out)
        self._at = _At(leaves, out)
        return spelling.module(source)

    def _gate(self, node: Gate, column: tuple[Entry, ...]) -> str:
        kind = self.gates[node.name]
        rows = [None if one is None else kind.given[one.name] for one in column]  # type: ignore[union-attr]  # a column of gates
        written = [self._at.text]
        for i, name in enumerate(kind.names):
            values = [None if row is None else row[i] for row in rows]
            what = name.rstrip("0123456789")
            find = self.arguments.channels if name in kind.widths else self.arguments.plain
            written.append(find(values, what))
        return f"{kind.name}({', '.join(written)})"


def entered(nodes: Sequence[Node]) -> int:
    """The channels that enter a chain."""
    first = nodes[0]
    while isinstance(first, Residual):
        first = first.body[0]
    found: int = (first.scale if isinstance(first, Gate) else first).in_shape[0]
    return found


def left(nodes: Sequence[Node]) -> int:
    """The channels that leave it."""
    last = nodes[-1]
    layer = last if isinstance(last, Layer) else last.scale if isinstance(last, Gate) else last.add
    found: int = layer.out_shape[0]
    return found


def _first_name(nodes: Sequence[Node]) -> str:
    return nodes[0].add.name if isinstance(nodes[0], Residual) else nodes[0].name


def _last(name: str) -> str:
    return name.rpartition(".")[2]
