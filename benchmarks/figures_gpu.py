"""The tables of what is measured on a GPU, from the folders that `benchmarks/gpu.py` packed."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from budget_buys import FIGURES, correlations
from figures_runs import runs_table, unfinished
from figures_table import read, table

__all__ = ["at_once", "budget", "checks", "each_gpu", "gpu_folders", "gpu_runs", "speed"]

KERNELS_SHOWN = 6  # of a profile
GAINS = {
    "images/s, batch 256": (256, "median", 1),
    "images/s, batch 1,024": (1024, "median", 1),
    "kernels, batch 256": (256, "kernel_seconds", -1),
}
NOTHING = "Nothing has been measured on a GPU yet."
NOT_THIS = "Not measured yet."


def gpu_folders(results: Path) -> list[Path]:
    return sorted(path.parent for path in results.glob("*/where.json"))


def each_gpu(results: Path, part: Callable[[Path], str | None]) -> str:
    """What a part says of every GPU, under the device's name and the commit; or that there is nothing."""
    found = []
    for folder in gpu_folders(results):
        if text := part(folder):
            where = read(folder / "where.json")
            versions = where["machine"]
            above = (
                f"{where['device']}; driver {where['driver']}, torch {versions['torch']}, Python"
                f" {versions['python']}; commit {(where['commit'] or 'unknown')[:12]};"
                f" `benchmarks/results/{folder.name}`."
            )
            found.append(f"{above}\n\n{text}")
    return "\n\n".join(found) or (NOT_THIS if gpu_folders(results) else NOTHING)


def speed(folder: Path) -> str | None:
    path = folder / "speed.json"
    if not path.exists():
        return None
    found = read(path)
    ceiling = found["ceilings"]
    above = (
        f"Matrix product {ceiling['operations_per_second'] / 1e12:,.0f} T operations/s, copy"
        f" {ceiling['bytes_per_second'] / 1e9:,.0f} GB/s."
    )
    rows = []
    for one in found["results"]:
        least = one["floor"]["images_per_second"]
        said = (
            [one["failure"], "-"]
            if "failure" in one
            else [
                f"{one['median']:,.0f}",
                f"{one['median'] / least:.0%}",
            ]
        )
        rows.append(
            [one["network"], one["setup"], f"{one['batch']:,}", *said, f"{least:,.0f}", f"{one['goal']:,}"]
        )
    for one in found["for_scale"]:
        said = one.get("failure") or f"{one['median']:,.0f}"
        rows.append([one["title"], "for scale", f"{one.get('batch', '-')}", said, "-", "-", "-"])
    heads = ("network", "set-up", "batch", "images/s", "of the floor's", "floor, images/s", "goal")
    text = f"{above}\n\n{table(heads, rows, right=heads[2:])}"
    if steps := gains(found["results"]):
        heads = ("set-up", "over", *GAINS)
        text += f"\n\nWhat each set-up brought, of resnet10:\n\n{table(heads, steps, right=heads[2:])}"
    profiled = [one for one in found["results"] if one.get("kernels")]
    if timed := [one for one in profiled if one.get("kernel_seconds")]:
        steps = [step_time(one) for one in timed]
        heads = ("network", "set-up", "batch", "step, ms", "kernels of it, ms", "share")
        text += (
            "\n\nHow long of a step the device is at work; for the rest it waits for the host. The kernels of"
            f" five steps, added up:\n\n{table(heads, steps, right=heads[2:])}"
        )
    best = max(profiled, key=lambda one: float(one["median"]), default=None)
    eager = [one for one in profiled if one is not best and one["setup"].endswith("eager")]
    for one in [best, max(eager, key=lambda one: profiled.index(one), default=None)]:
        if one is not None:
            kernels = [
                (f"`{kernel_name(name)}`", f"{share:.1%}") for name, share in one["kernels"][:KERNELS_SHOWN]
            ]
            title = f"Where the time goes: {one['network']}, {one['setup']}, batch {one['batch']}."
            text += f"\n\n{title}\n\n{table(('kernel', 'share'), kernels, right=('share',))}"
    return text


def kernel_name(name: str) -> str:
    """So much of it as tells what it does."""
    return re.sub(r"^void |at::native::|c10::|\(anonymous namespace\)::", "", name)[:80]


def gains(results: Sequence[Any]) -> list[list[str]]:
    """By how much each set-up of resnet10 was faster than the one before, and its kernels were shorter."""
    mine = [one for one in results if one["network"] == "resnet10" and "median" in one]
    setups = list(dict.fromkeys(one["setup"] for one in mine))

    def of(setup: str, batch: int, field: str) -> float | None:
        found = [one for one in mine if one["setup"] == setup and one["batch"] == batch]
        return found[0].get(field) if found else None

    rows = []
    for before, setup in pairwise(setups):
        cells = []
        for batch, field, power in GAINS.values():
            one, other = of(setup, batch, field), of(before, batch, field)
            cells.append(f"{(one / other) ** power:.2f}" if one and other else "-")
        rows.append([setup, before, *cells])
    return rows


def step_time(one: Any) -> list[str]:
    """A step's milliseconds, and those in which the device is at work."""
    step, kernels = one["batch"] / one["median"], one["kernel_seconds"]
    return [
        one["network"],
        one["setup"],
        f"{one['batch']:,}",
        f"{1e3 * step:.2f}",
        f"{1e3 * kernels:.2f}",
        f"{kernels / step:.0%}",
    ]


def checks(folder: Path) -> str | None:
    """What works on the device, and what failed."""
    path = folder / "check.json"
    if not path.exists():
        return None
    rows = [
        (one["what"], "failed" if one["failed"] else "works", one["said"]) for one in read(path)["checks"]
    ]
    return table(("what", "", "said"), rows)


def at_once(folder: Path) -> str | None:
    path = folder / "at-once.json"
    if not path.exists():
        return None
    found = read(path)
    rows = [
        (
            f"{one['jobs']}{', under MPS' if one.get('mps') else ''}",
            "-" if one["images_per_second"] is None else f"{one['images_per_second']:,.0f}",
        )
        for one in found["results"]
    ]
    heads = ("runs at once", f"images/s of {found['spec']}, together")
    return table(heads, rows, right=heads)


def gpu_runs(folder: Path) -> str | None:
    parts = [runs_table(folder / "runs"), unfinished(folder / "runs")]
    return "\n\n".join(filter(None, parts)) or None


def budget(folder: Path) -> str | None:
    path = folder / "budget-buys.csv"
    if not path.exists():
        return None
    with path.open(encoding="utf-8", newline="") as file:
        lines = list(csv.DictReader(file))
    groups: dict[tuple[str, int], list[dict[str, str]]] = {}
    for line in lines:
        groups.setdefault((line["recipe"], int(line["budget"])), []).append(line)
    rows = [
        [
            f"{most:,}",
            recipe,
            str(len(mine)),
            *("-" if rho is None else f"{rho:+.2f}" for rho in correlations(mine)),
        ]
        for (recipe, most), mine in sorted(groups.items())
    ]
    heads = ("budget", "recipe", "networks", *FIGURES)
    return "Spearman's rank correlation with accuracy:\n\n" + table(heads, rows, right=("budget", *heads[2:]))
