"""The table of docs/bench.md: what each recipe that ships was measured to reach, and where."""

from __future__ import annotations

from pathlib import Path

from figures_runs import sections_of, times
from figures_table import table

from archkit.bench.recipe import Recipe, load_recipe, override, recipe_names
from archkit.bench.report import Group, Section, network_name


def recipes(results: Path) -> str:
    """What each recipe that ships was measured to reach, and where; and which were not measured."""
    rows = []
    for name in recipe_names():
        shipped = load_recipe(name)
        found = [
            reached(group, section)
            for runs in sorted(results.glob("*/runs"))
            for section in sections_of(runs)
            for group in section.groups
            if same_training(group.recipe, shipped)
        ]
        rows += [(f"`{name}`", *row) for row in found] or [
            (f"`{name}`", "-", "-", "not measured yet", "-", "-")
        ]
    heads = ("recipe", "network", "parameters", "test accuracy", "training of a run, s", "where")
    return table(heads, rows, right=heads[2:5])


def same_training(recipe: Recipe, shipped: Recipe) -> bool:
    """Whether a recipe differs from one that ships in nothing but how fast it is computed."""
    how = [(key, getattr(shipped, key)) for key in ("name", "compile", "precision")]
    return recipe.name == shipped.name and override(recipe, how) == shipped


def reached(group: Group, section: Section) -> tuple[str, ...]:
    """A row of `recipes`: the mean over the seeds, with the interval where there are several."""
    data, n = section.data, group.test.n
    what = f"{100 * group.test.mean:.2f}%, "
    if group.test.interval is None:
        what += f"{n} run" if n == 1 else f"mean of {n} runs"
    else:
        low, high = group.test.interval
        what += f"mean of {n} runs (95% interval {100 * low:.2f} to {100 * high:.2f})"
    _, label, seconds, _, _, device = times(group, "")
    changed = label.removeprefix(group.recipe.name).strip()
    parts = [f"{data.name}, {group.runs[0].result.data.train:,} images trained on", device, changed]
    network = network_name(group.spec, data)
    return f"`{network}`", f"{group.params:,}", what, seconds, "; ".join(filter(None, parts))
