"""The tables of training runs: their report, how long they took, and the best of them."""

from __future__ import annotations

import csv
import re
import statistics
from pathlib import Path

from figures_table import table

from archkit.bench.report import (
    Group,
    Section,
    data_text,
    find_runs,
    group_runs,
    network_name,
    to_markdown,
)

__all__ = ["best_of_each_recipe", "best_said", "runs_table", "sections_of", "unfinished"]

PARTIAL = ".partial"  # what a run's folder ends in until it is finished
SEEDS = 3  # that a figure of the README's has at least
MOST_PARAMS = 5_000_000


def runs_table(*folders: Path) -> str:
    """The report's tables of the runs in some folders, and how long they took."""
    sections = sections_of(*folders)
    if not sections:
        return ""
    # The report's own heads would stand among the page's.
    text = re.sub(r"^## (.*)$", r"\1:", to_markdown(sections).strip(), flags=re.MULTILINE)
    rows = [
        times(group, network_name(group.spec, section.data))
        for section in sections
        for group in section.groups
    ]
    heads = ("network", "recipe", "training of a run, s", "compiling, s", "images/s", "device")
    return f"{text}\n\n{table(heads, rows, right=heads[2:5])}"


def sections_of(*folders: Path) -> tuple[Section, ...]:
    """The finished runs of some folders, which need not be there."""
    there = [folder for folder in folders if folder.is_dir()]
    return group_runs(find_runs(there)[0]) if there else ()


def times(group: Group, name: str) -> list[str]:
    results = [run.result for run in group.runs]
    compiling = [one.compile_seconds for one in results if one.compile_seconds is not None]
    device = sorted({one.environment.device_text for one in results})
    return [
        name,
        group.label,
        f"{statistics.fmean(one.train_seconds for one in results):,.1f}",
        f"{statistics.fmean(compiling):,.1f}" if compiling else "-",
        f"{statistics.fmean(one.images_per_second for one in results):,.0f}",
        "; ".join(device),
    ]


def unfinished(folder: Path) -> str:
    """The runs that were begun and had no time to end: their epochs, and what they had come to."""
    rows = []
    for path in sorted(folder.glob(f"*{PARTIAL}/epochs.csv")):
        with path.open(encoding="utf-8", newline="") as file:
            epochs = list(csv.DictReader(file))
        if not epochs:
            continue
        last = epochs[-1]
        trained = f"{int(last['train_correct']) / int(last['train_total']):.2%}"
        apart = [int(one["validation_correct"]) / int(one["validation_total"])
                 for one in epochs if one["validation_total"]]  # fmt: skip
        best = f"{max(apart):.2%}" if apart else "-"
        rows.append((f"`{path.parent.name.removesuffix(PARTIAL)}`", last["epoch"], trained, best))
    heads = ("run", "epochs done", "training images right in the last", "best on images set apart")
    title = "Begun and not finished; no figure of the test set comes of these:"
    return f"{title}\n\n{table(heads, rows, right=heads[1:])}" if rows else ""


def best_of_each_recipe(section: Section) -> list[Group]:
    """Of each recipe by name, the best network under 5M parameters that has three seeds."""
    best: dict[str, Group] = {}
    for group in section.groups:
        name = group.recipe.name
        if group.test.n >= SEEDS and group.params <= MOST_PARAMS:
            best[name] = max(best.get(name, group), group, key=lambda one: one.test.mean)
    return list(best.values())


def best_said(group: Group, section: Section, device: str) -> tuple[str, str]:
    low, high = group.test.interval or (group.test.mean, group.test.mean)
    network = f"{network_name(group.spec, section.data)}, {group.params:,} parameters"
    data = data_text(section.data).partition(",")[0]
    seconds = times(group, "")[2]
    return (
        f"{network}, recipe {group.label}, on {data}, {device}",
        f"{100 * group.test.mean:.2f}%, mean of {group.test.n} (95% interval {100 * low:.2f} to"
        f" {100 * high:.2f}), {seconds} s of training each",
    )
