"""`audit`: of each figure, whether it is what the network costs, or what explains it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from archkit.count.audit.tables import Cell, Table
from archkit.count.closed import totals
from archkit.count.reconcile import Explanation, reconcile
from archkit.count.reconcile.readings import PLAIN
from archkit.errors import BudgetError, SpecError
from archkit.spec import ArchSpec, parse

__all__ = ["Audited", "Verdict", "audit"]

Verdict: TypeAlias = Literal["as written", "explained", "not explained", "not known"]
"""What is said of a figure: the network as it is written prints so; something explains it; nothing does; the
network or the figure cannot be read."""

_TOOL: Final = re.compile(r" as (.+) counts it$")


@dataclass(frozen=True, kw_only=True, slots=True)
class Audited:
    """A figure and what is said of it.

    Attributes:
        cell: the figure, and where it stands.
        verdict: what is said.
        spec: the network; None if it is not known.
        explanation: the simplest one; where nothing explains the figure, a network near by, a slip, or None.
    """

    cell: Cell
    verdict: Verdict
    spec: ArchSpec | None
    explanation: Explanation | None

    @property
    def own(self) -> int | None:
        """What the network as it is written has of what the column counts; None if it is not known."""
        if self.spec is None:
            return None
        cost = totals(self.spec)
        return int({"params": cost.params, "macs": cost.macs, "flops": 2 * cost.macs}[self.cell.quantity])

    @property
    def reason(self) -> str:
        """The explanation in a few words."""
        if self.spec is None:
            return "the network is not known"
        if self.verdict == "not known":
            return "the figure cannot be read"
        found = self.explanation
        if found is None:
            return f"as written it has {self.own:,}"
        tool = _TOOL.search(found.reading)
        parts = [" ".join(found.changes)]
        if tool is not None:
            parts.append(f"by {tool[1]}")
        elif found.reading != PLAIN[self.cell.quantity]:
            parts.append(f"counts {found.reading}")
        said = ", ".join(part for part in parts if part)
        return f"near by: {said}" if found.near else said


def audit(tables: Iterable[Table], *, max_changes: int = 1) -> Iterator[Audited]:
    """What is said of each figure of some tables, in their order.

    Args:
        tables: as `read_tables` gives them.
        max_changes: of the notation, that are combined to explain a figure. A figure of few digits fits some
            combination by chance, whatever it is.
    """
    known: dict[tuple[str, str, str], Audited] = {}
    for table in tables:
        for cell in table.cells():
            key = cell.name, cell.figure, cell.quantity
            if key not in known:
                known[key] = _audited(cell, max_changes)
            found = known[key]
            yield Audited(cell=cell, verdict=found.verdict, spec=found.spec, explanation=found.explanation)


def _audited(cell: Cell, max_changes: int) -> Audited:
    spec = _network(cell.name)
    if spec is None:
        return Audited(cell=cell, verdict="not known", spec=None, explanation=None)
    try:
        found = reconcile(spec, cell.figure, quantity=cell.quantity, max_changes=max_changes)
    except BudgetError:
        return Audited(cell=cell, verdict="not known", spec=spec, explanation=None)
    first = found[0] if found else None
    verdict: Verdict = "explained"
    if first is None or first.near or first.slip:
        verdict = "not explained"
    elif not first.changes and first.reading == PLAIN[cell.quantity]:
        verdict = "as written"
    return Audited(cell=cell, verdict=verdict, spec=spec, explanation=first)


def _network(name: str) -> ArchSpec | None:
    """The network that a name or a notation means.

    Names stand in tables as `ResNet-50`, `ResNeXt-101 (32x4d)`, `resnet50.a1_in1k` and `ResNet50_Weights.V1`.
    """
    plain = re.sub(r"[\s(]+", "_", name.lower().partition(".")[0].removesuffix("_weights")).rstrip(")")
    for text in dict.fromkeys(
        (name, plain, re.sub(r"(?<=[a-z])-(?=[0-9])", "", plain, count=1), plain.replace("-", ""))
    ):
        try:
            return parse(text)
        except SpecError:
            continue
    return None
