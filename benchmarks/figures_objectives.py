"""The tables of docs/budgets.md: how each objective orders published networks, and what shapes those have."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from figures_table import read, table

from archkit.budget.published import RANGES, published, sources

__all__ = ["objectives", "objectives_by_table", "shapes", "small_orders"]

_SHOWN = ("capacity", "entropy, max-rho 0.3", "macs", "activations")  # of those in the table of tables


def objectives(results: Path) -> str:
    """The shares of pairs and the regrets of every objective, with their intervals."""
    found = read(results / "cpu/objectives.json")
    heads = ("objective", "within 10%", "within 25%", "regret: parameters", "MACs", "both")
    rows = [
        (
            f"`{name}`",
            *(said(one) for one in row["pairs"].values()),
            *(said(one) for one in row["regret"].values()),
        )
        for name, row in found["objectives"].items()
    ]
    pairs, choices = found["pairs"], found["choices"]
    said_of = (
        f"{found['networks']} networks of {found['recipes']} recipes; {pairs['1.1']:,} pairs within 10% and"
        f" {pairs['1.25']:,} within 25% of each other's parameters; {choices['params']} choices under a limit"
        f" on parameters, {choices['macs']} on MACs, {choices['params+macs']} on both. In brackets, the 95%"
        " interval."
    )
    return f"{said_of}\n\n{table(heads, rows, right=heads[1:])}"


def objectives_by_table(results: Path) -> str:
    """The share of pairs within 10% by table, the sources, and their licences."""
    found = read(results / "cpu/objectives.json")["objectives"]
    shares = [found[name]["pairs"]["1.1"]["tables"] for name in _SHOWN]
    rows = []
    for name, source in sources().items():
        n = sum(one.table == name for one in published())
        cells = [f"{share[name]:.2f}" if name in share else "-" for share in shares]
        rows.append((name, f"{n}", source["data"], source["repository"], source["licence"], *cells))
    heads = ("table", "networks", "data", "repository", "licence", *(f"`{name}`" for name in _SHOWN))
    return table(heads, rows, right=(heads[1], *heads[5:]))


def shapes(_results: Path) -> str:
    """The range of every measure, by kind of network."""
    measures = next(iter(RANGES.values()))
    rows = [
        (measure, *(" to ".join(f"{end:g}" for end in RANGES[kind][measure]) for kind in RANGES))
        for measure in measures
    ]
    return table(("measure", *RANGES), rows)


def small_orders(results: Path) -> str:
    """The share of pairs of the small networks trained here that every objective has in the right order."""
    found = read(results / "small-orders/pairs.json")
    low, high = found["accuracy"]
    seeds = found["seeds"]
    said_of = (
        f"{found['networks']} networks, {found['pairs']} pairs; accuracies from {low:.2%} to {high:.2%}."
        f" {seeds['networks']} of them were trained with a second seed: both seeds have {seeds['alike']} of"
        f" {seeds['pairs']} pairs in the same order, and the standard deviation over seeds is"
        f" {100 * seeds['deviation']:.2f} points. In brackets, the 95% interval of a bootstrap"
        " over the networks."
    )
    heads = ("objective", "pairs in the right order")
    rows = [
        (f"`{name}`", said({"mean": one["share"], **one}))
        for name, one in sorted(found["objectives"].items(), key=lambda row: -row[1]["share"])
    ]
    return f"{said_of}\n\n{table(heads, rows, right=heads[1:])}"


def said(one: dict[str, Any]) -> str:
    low, high = one["interval"]
    return f"{one['mean']:.2f} ({low:.2f} to {high:.2f})"
