"""What a budget buys: which figure of a network goes with its accuracy, inside a fixed budget.

    python benchmarks/budget_buys.py suite > budget-buys.toml      # the networks
    archkit bench budget-buys.toml                                # trains them
    python benchmarks/budget_buys.py table runs/ -o FILE.csv      # the figures, and their rank correlations

Only runs of the same recipe are set against each other; those of a recipe with few networks are left out.

The networks: for each budget, some drawn uniformly from those of the space `paper` that use at least nine
tenths of it, and the solver's best by each objective. The same budgets and seed give the same networks.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from archkit.bench.recipe import recipe_label
from archkit.bench.train.results import RESULT_FILE, Result, read_result
from archkit.budget import Budget, Objective, entropy, sample, solve
from archkit.count import totals
from archkit.spec import SPACES, parse, parse_space

BUDGETS = (270_000, 1_000_000, 5_000_000)
FIGURES = ("params", "macs", "activations", "depth", "entropy")
COLUMNS = ("budget", "spec", *FIGURES, "correct", "total", "accuracy", "seed", "recipe", "device")
LOOSEST = 9 / 10  # share of a budget that a network uses at least
NETWORKS = 20  # of each budget
FEWEST = 5  # networks of a budget and a recipe that have a rank correlation


def networks(budget: int, seed: int) -> list[str]:
    """The specs of one budget: the solver's best by each objective, then samples, none twice."""
    space = parse_space(SPACES["paper"])
    limits = Budget.read({"max_params": str(budget), "min_params": str(int(budget * LOOSEST))})
    best = [
        solve(space, limits, Objective.read(name), 1).networks[0].network.spec
        for name in FIGURES
        if name != "params"
    ]
    drawn = [one.spec for one in sample(space, limits, 2 * NETWORKS, seed=seed)]
    return list(dict.fromkeys([*best, *drawn]))[:NETWORKS]


def suite(recipe: str, epochs: int, seed: int) -> str:
    """The suite's TOML."""
    lines = [
        "# Made by benchmarks/budget_buys.py: networks of the space paper near three budgets.",
        'title = "What a budget buys"',
        'data = "cifar10"',
        "seeds = [0]",
    ]
    for budget in BUDGETS:
        lines += ["", f"# {budget:,} parameters at most, nine tenths of it at least", "[[runs]]", "specs = ["]
        lines += [f'    "{spec}",' for spec in networks(budget, seed)]
        lines += ["]", f'recipe = "{recipe}"', f"set = {{ epochs = {epochs} }}"]
    return "\n".join(lines)


def read_results(folders: Sequence[Path]) -> list[Result]:
    """Every finished run under some folders."""
    found = sorted(path.parent for folder in folders for path in folder.rglob(RESULT_FILE))
    return [read_result(folder) for folder in found]


def row(result: Result) -> dict[str, object] | None:
    """A result's line; None where it is of none of the budgets."""
    spec = parse(result.spec)
    cost = totals(spec)
    near = [b for b in BUDGETS if LOOSEST * b <= cost.params <= b]
    if not near:
        return None
    return {
        "budget": near[0],
        "spec": result.spec,
        "params": cost.params,
        "macs": cost.macs,
        "activations": cost.activations,
        "depth": cost.depth,
        "entropy": round(entropy(spec), 2),
        "correct": result.test.correct,
        "total": result.test.total,
        "accuracy": result.test.correct / result.test.total,
        "seed": result.seed,
        "recipe": recipe_label(result.recipe),
        "device": result.environment.device,
    }


def ranks(values: Sequence[float]) -> np.ndarray:
    """Ranks from 0, equal values sharing the mean of theirs."""
    array = np.asarray(values, dtype=float)
    below = (array[:, None] > array[None, :]).sum(axis=1)
    equal = (array[:, None] == array[None, :]).sum(axis=1)
    return below + (equal - 1) / 2


def spearman(x: Sequence[float], y: Sequence[float]) -> float | None:
    """Spearman's rank correlation, or None where one of them does not vary."""
    a, b = ranks(x), ranks(y)
    return None if not a.std() or not b.std() else float(np.corrcoef(a, b)[0, 1])


def table(folders: Sequence[Path], out: Path | None) -> int:
    """Writes the CSV, and prints the rank correlation of each figure with accuracy by budget."""
    found = [one for one in map(row, read_results(folders)) if one is not None]
    groups: dict[tuple[str, int], list[dict[str, object]]] = {}
    for one in sorted(found, key=lambda one: -float(str(one["accuracy"]))):
        groups.setdefault((str(one["recipe"]), int(str(one["budget"]))), []).append(one)
    groups = {what: mine for what, mine in sorted(groups.items()) if len(mine) >= FEWEST}
    if not groups:
        print(f"no budget has {FEWEST} finished runs of one recipe", file=sys.stderr)
        return 1
    if out is not None:
        out.parent.mkdir(parents=True, exist_ok=True)
        with out.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
            writer.writeheader()
            for mine in groups.values():
                writer.writerows(mine)
    print(f"{'budget':>10} {'networks':>9}", *(f"{name:>12}" for name in FIGURES), " recipe")
    for (recipe, budget), mine in groups.items():
        said = [f"{'-' if rho is None else format(rho, '.2f'):>12}" for rho in correlations(mine)]
        print(f"{budget:>10,} {len(mine):>9}", *said, f" {recipe}")
    return 0


def correlations(rows: Sequence[Mapping[str, object]]) -> list[float | None]:
    """The rank correlation of each of `FIGURES` with accuracy, over some lines of the CSV."""
    accuracy = [float(str(one["accuracy"])) for one in rows]
    return [spearman([float(str(one[name])) for one in rows], accuracy) for name in FIGURES]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("suite", help="print the suite")
    one.add_argument("--recipe", default="fast")
    one.add_argument("--epochs", type=int, default=15)
    one.add_argument("--seed", type=int, default=0)
    two = commands.add_parser("table", help="tabulate finished runs")
    two.add_argument("folders", type=Path, nargs="+")
    two.add_argument("-o", "--out", type=Path)
    args = parser.parse_args()
    if args.command == "table":
        return table(args.folders, args.out)
    print(suite(args.recipe, args.epochs, args.seed))
    return 0


if __name__ == "__main__":
    sys.exit(main())
