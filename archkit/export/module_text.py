"""`module_text`: a network as one Python module that needs torch alone, as somebody would write it."""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any, Final

from archkit import __version__
from archkit.count import totals
from archkit.export.about import About
from archkit.export.alike import Kind, kinds_of
from archkit.export.arguments import Arguments
from archkit.export.classes import GateClass, Writer, entered, left
from archkit.export.spellings import HELPERS
from archkit.plan import Gate, Node, Plan, Residual, layout
from archkit.spec import parse

__all__ = ["module_text"]

_HEAD: Final = '''"""{spec}

{prose}

    network = load()
    logits = network(images)  # B x {shape} in float32 -> B x {classes}

{images}
"""

from __future__ import annotations

{standard}
import torch
from torch import Tensor, nn
{functional}'''

_NETWORK: Final = '''
class Network(nn.Module):
    """The whole network: a stem, {stages}, a head."""

    def __init__(self) -> None:
        super().__init__()
{made}
    def forward(self, x: Tensor) -> Tensor:
        """B x {shape} images -> B x {classes} logits."""
{run}

WEIGHTS = Path(__file__).with_suffix(".pt")


def load(weights: Path = WEIGHTS) -> Network:
    """The network with its weights, for inference."""
    network = Network()
    network.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True))
    return network.eval()
'''

_TYPES: Final = {"True": "bool", "False": "bool"}
_STAGES: Final = """c = {c}
for i, rows in enumerate(STAGES, 1):
    stage = nn.Sequential()
    for count, block, c_out, *more in rows:
        for _ in range(count):
            stage.add_module(f"block{{len(stage) + 1}}", block(c, c_out, *more))
            c = c_out
    self.add_module(f"stage{{i}}", stage)
"""


def module_text(about: About) -> str:
    """The source of a network's module.

    Raises:
        ExportError: a part of it cannot be written.
    """
    plan = layout(parse(about.spec))
    gates, gate_text = _gates(plan)
    blocks, block_text = _blocks(plan, gates)
    spec = plan.spec
    shape = " x ".join(map(str, spec.input))
    made = [f"self.stem = {_joined(_sequential(plan.stem, gates))}"]
    made += _STAGES.format(c=left(plan.stem) if plan.stem else spec.input[0]).splitlines()
    made += [f"self.head = {_joined(_sequential(plan.head, gates))}"]
    run = []
    if about.folded:
        made += [
            f'self.register_buffer("{name}", torch.tensor({name.upper()})[:, None, None], persistent=False)'
            for name in ("mean", "std")
        ]
        run += ["x = (x - self.mean) / self.std"]
    run += ["x = self.stem(x)", "for i in range(1, len(STAGES) + 1):"]
    run += ['    x = getattr(self, f"stage{i}")(x)', "return self.head(x)"]
    whole = _NETWORK.format(
        stages="a stage" if len(plan.stages) == 1 else f"{len(plan.stages)} stages",
        made=_indented(made, 2) + "\n",
        shape=shape,
        classes=spec.classes,
        run=_indented(run, 2) + "\n",
    )
    body = _helpers(plan) + gate_text + block_text + _stages(plan, blocks) + "\n" + whole
    cost = totals(spec)
    uses = {"OrderedDict(": "collections import OrderedDict", "Callable[": "collections.abc import Callable"}
    standard = [f"from {name}" for use, name in uses.items() if use in body] + ["from pathlib import Path"]
    head = _HEAD.format(
        spec=_filled(about.spec),
        prose=_filled(
            f"A network of {cost.params:,} parameters and {cost.macs:,} multiply-accumulates for one"
            f" {'x'.join(map(str, spec.input))} image, written by archkit {__version__}. It needs torch"
            f" alone, and takes its weights ({about.weights}) from the .pt file beside this one:"
        ),
        shape=shape,
        images=_filled(f"Images are {about.images}."),
        classes=spec.classes,
        standard="\n".join(standard) + "\n",
        functional="from torch.nn import functional as F\n" if "F." in body else "",
    )
    return head + _constants(about) + body


def _constants(about: About) -> str:
    lines = []
    if about.classes is not None:
        lines += ["CLASSES = (", *(f"    {name!r}," for name in about.classes), ")"]
    if about.mean is not None and about.std is not None:
        lines += [f"MEAN = {about.mean!r}  # of the pixels by channel, 0 to 255", f"STD = {about.std!r}"]
    return "\n" + "\n".join(lines) + "\n" if lines else ""


def _helpers(plan: Plan) -> str:
    """The classes that torch lacks."""
    kinds = {layer.kind for layer in plan}
    needed = dict.fromkeys(one for kind, them in HELPERS.items() if kind in kinds for one in them)
    return "".join(f"\n\n{inspect.getsource(one)}" for one in needed)


def _gates(plan: Plan) -> tuple[dict[str, GateClass], str]:
    """The class of each gate by the gate's name, and the text of these classes."""
    gates = {gate.factors: gate for _, nodes in plan.parts() for gate in _gates_of(nodes)}
    found: dict[str, GateClass] = {}
    text = ""
    for number, kind in enumerate(kinds_of(gates), 1):
        widths = tuple(entered(member) for member in kind.members)
        arguments = Arguments({"c": widths}, "squeezed")
        writer = Writer(kind, arguments, found)
        factors = writer.forward(1)
        name = "Gate" if number == 1 else f"Gate{number}"
        writer.run.append(f"return x * {factors}")
        text += _class(name, "Channel attention: a factor for each channel of the map.", writer, ("c",))
        rows = list(zip(*arguments.added.values(), strict=True)) or [() for _ in kind.members]
        one = GateClass(
            name=name,
            given={gates[member].name: row for member, row in zip(kind.members, rows, strict=True)},
            names=tuple(arguments.added),
            widths=arguments.widths,
        )
        found |= dict.fromkeys(one.given, one)
    return found, text


def _gates_of(nodes: Iterable[Node]) -> Iterable[Gate]:
    for node in nodes:
        if isinstance(node, Gate):
            yield node
        elif isinstance(node, Residual):
            yield from _gates_of((*node.body, *node.shortcut))


def _blocks(plan: Plan, gates: Mapping[str, GateClass]) -> tuple[dict[str, tuple[Any, ...]], str]:
    """For each block by its name its class and arguments, and the text of the classes."""
    families: dict[Any, dict[tuple[Node, ...], str]] = {}
    for setting, stage in zip(plan.spec.parts.stages, plan.stages, strict=True):
        members = families.setdefault(setting.family, {})
        members.update((block.nodes, block.name) for block in stage.blocks)
    found: dict[str, tuple[Any, ...]] = {}
    text = ""
    for family, members in families.items():
        for number, kind in enumerate(kinds_of(members), 1):
            name = _class_name(family.name) + ("" if number == 1 else str(number))
            arguments = _block_arguments(kind)
            writer = Writer(kind, arguments, gates)
            writer.run.append(f"return {writer.forward(0)}")
            text += _class(name, f"A block of {family.source}.", writer, ("c_in", "c_out"))
            rows = list(zip(*arguments.added.values(), strict=True)) or [() for _ in kind.members]
            for member, row in zip(kind.members, rows, strict=True):
                found[members[member]] = (name, left(member), *row)
    return found, text


def _block_arguments(kind: Kind) -> Arguments:
    leaving = tuple(left(member) for member in kind.members)
    entering = tuple(entered(member) for member in kind.members)
    return Arguments({"c_out": leaving, "c_in": entering}, "hidden")


def _class_name(family: str) -> str:
    name = "".join(word.capitalize() for word in family.split("-"))
    return name if name.endswith("Bottleneck") else f"{name}Block"


def _class(name: str, says: str, writer: Writer, given: Sequence[str]) -> str:
    arguments = writer.arguments
    taken = [f"{one}: int" for one in given]
    for one, values in arguments.added.items():
        known = {int: "int", tuple: "tuple[int, ...]"}
        kind = known.get(type(values[0])) or _TYPES.get(values[0], "Callable[[Tensor], Tensor]")
        taken.append(f"{one}: {kind}")
    made = [f"{local} = {text}" for local, text in arguments.local.items()] + writer.made
    return (
        f'\n\nclass {name}(nn.Module):\n    """{says}"""\n\n'
        f"    def __init__(self, {', '.join(taken)}) -> None:\n        super().__init__()\n"
        f"{_indented(made, 2)}\n\n    def forward(self, x: Tensor) -> Tensor:\n{_indented(writer.run, 2)}\n"
    )


def _stages(plan: Plan, blocks: Mapping[str, tuple[Any, ...]]) -> str:
    """The table of all stages: alike blocks that follow each other share a row."""
    lines = [
        "# For each stage: how many blocks, their class, the channels that leave them, further arguments."
    ]
    lines.append("STAGES = (")
    for stage in plan.stages:
        rows = [
            f"({', '.join(map(str, (len(list(alike)), *row)))})"
            for row, alike in groupby(blocks[block.name] for block in stage.blocks)
        ]
        line = f"    ({', '.join(rows)}{',' if len(rows) == 1 else ''}),"
        lines += [line] if len(line) <= 100 else ["    (", *(f"        {row}," for row in rows), "    ),"]
    return "\n\n" + "\n".join([*lines, ")"]) + "\n"


def _sequential(nodes: tuple[Node, ...], gates: Mapping[str, GateClass]) -> list[str]:
    if not nodes:
        return ["nn.Sequential()"]
    return Writer(Kind(nodes=nodes, members=[nodes]), Arguments({}, ""), gates).sequential()


def _filled(text: str) -> str:
    # In a docstring: a run's folder may be called anything.
    text = text.replace("\\", "\\\\").replace('"', "'")
    return textwrap.fill(text, 105, break_long_words=False, break_on_hyphens=False)


def _joined(lines: Sequence[str]) -> str:
    return "\n".join(lines)


def _indented(lines: Iterable[str], depth: int) -> str:
    return "\n".join("    " * depth + one if one else one for line in lines for one in line.split("\n"))
