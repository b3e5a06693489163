"""Which objective puts 24 small networks in the order of the accuracies that training gives them.

    python benchmarks/small_orders.py suite > benchmarks/small-orders.toml   # the networks
    archkit bench benchmarks/small-orders.toml --data DIR                    # trains them: hours on a CPU
    python benchmarks/small_orders.py judge runs/ -o networks.csv            # the table, and what came out

The hypothesis, written before the first run: `capacity` orders at least 65% of the pairs rightly, and
`entropy, max-rho 0.3` fewer than `capacity`.

The networks have 76,000 to 80,000 parameters and 3M to 40M MACs: the solver's best by each objective, then
three drawn from each sixth of that range of MACs (on a logarithmic scale), every network of a sixth as
likely as every other. So parameters tell nothing, and what is asked is what the rest of a budget should
be spent on. The recipe is short, two epochs of all 50,000 images, because two cores train them; a network
that needs long to train is worse off by it. The order is that of the first seed. A third of the networks,
every third of the list, is trained with a second seed, which says how much of an order is luck.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import sys
from collections.abc import Sequence
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any

import numpy as np
from budget_buys import read_results
from objectives import OBJECTIVES, Network, right

from archkit.bench.recipe import recipe_label
from archkit.budget import Budget, Objective, entropy, rho, sample, solve
from archkit.spec import parse, parse_space

SPACE = "[1..9]*2..4x[4..80:4] order=nondecreasing"
PARAMS = (76_000, 80_000)
MACS = (3_000_000, 40_000_000)
STRATA = 6
DRAWN = 3  # of each stratum
SECOND = 3  # every so-manieth network has a second seed
RECIPE = "fast"
SET = 'epochs = 2, batch_size = 64, precision = "float32", optimizer.lr = 0.1'
HYPOTHESIS = 0.65  # of the pairs, by capacity
BOOTSTRAPS = 2_000
COLUMNS = ("spec", "params", "macs", "activations", "depth", "entropy", "rho", "correct", "total", "seed")


def limits(macs: tuple[int, int]) -> Budget:
    least, most = (str(end) for end in PARAMS)
    return Budget.read(
        {"min_params": least, "max_params": most, "min_macs": str(macs[0]), "max_macs": str(macs[1])}
    )


def networks(seed: int) -> list[str]:
    """The best by each objective, none twice, then those drawn."""
    space = parse_space(SPACE)
    objectives = [
        Objective.read("capacity"),
        Objective.read("entropy"),
        Objective.read("entropy", max_rho=1e9),  # no limit
        *(Objective.read(name) for name in ("macs", "activations", "params", "depth")),
    ]
    found = [solve(space, limits(MACS), one, 1).networks[0].network.spec for one in objectives]
    ends = np.geomspace(*MACS, STRATA + 1).round().astype(int).tolist()
    for low, high in pairwise(ends):
        found += [one.spec for one in sample(space, limits((low, high)), DRAWN, seed=seed)]
    return list(dict.fromkeys(found))


def suite(seed: int) -> str:
    """The suite's TOML: all networks by the first seed, then a third of them by the second."""
    found = networks(seed)
    lines = [
        "# Made by benchmarks/small_orders.py, which says what it is for and what is expected of it.",
        f'title = "Which objective orders {len(found)} small networks rightly"',
        'data = "cifar10"',
    ]
    for seeds, some in ((0, found), (1, found[::SECOND])):
        lines += ["", "[[runs]]", f"seeds = [{seeds}]", "specs = ["]
        lines += [f'    "{spec}",' for spec in some]
        lines += ["]", f'recipe = "{RECIPE}"', f"set = {{ {SET} }}"]
    return "\n".join(lines)


def row(result: Any) -> dict[str, Any]:
    spec = parse(result.spec)
    figures = Budget().figures(spec, also=("training_memory", "peak_memory"))
    return {
        **figures,
        "spec": result.spec,
        "entropy": float(entropy(spec)),
        "rho": float(rho(spec)),
        "correct": result.test.correct,
        "total": result.test.total,
        "seed": result.seed,
        "recipe": recipe_label(result.recipe),
    }


def judged(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The share of pairs that each objective orders rightly, and how many pairs two seeds order alike.

    Args:
        rows: of one recipe, as `row` gives them; only those of seed 0 are ordered.
    """
    first = [one for one in rows if one["seed"] == 0]
    found = [Network("", "", one["correct"] / one["total"], one, one["entropy"], one["rho"]) for one in first]
    accuracy = np.array([one.accuracy for one in found])
    pairs = np.array([(i, j) for i, j in combinations(range(len(found)), 2) if accuracy[i] != accuracy[j]])
    generator = np.random.default_rng(0)
    drawn = [np.bincount(generator.integers(0, len(found), len(found)), minlength=len(found))
             for _ in range(BOOTSTRAPS)]  # fmt: skip
    weights = [one[pairs[:, 0]] * one[pairs[:, 1]] for one in drawn]
    weights = [one for one in weights if one.any()]  # few networks may give a draw of one alone
    shares = {}
    for name, score in OBJECTIVES.items():
        hits = right(np.array([score(one) for one in found]), accuracy, pairs)
        spread = [np.average(hits, weights=one) for one in weights]
        low, high = np.quantile(spread, [0.025, 0.975]).tolist()
        shares[name] = {"share": float(hits.mean()), "interval": [low, high]}
    return {
        "networks": len(found),
        "pairs": len(pairs),
        "objectives": shares,
        "accuracy": [float(accuracy.min()), float(accuracy.max())],
        "seeds": agreement(rows),
    }


def agreement(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Of networks with two seeds: the pairs that both order alike, and the standard deviation of a seed."""
    by_seed: dict[str, dict[int, float]] = {}
    for one in rows:
        by_seed.setdefault(one["spec"], {})[one["seed"]] = one["correct"] / one["total"]
    twice = [(found[0], found[1]) for found in by_seed.values() if len(found) == 2]
    pairs = list(combinations(twice, 2))
    alike = [(a[0] - b[0]) * (a[1] - b[1]) > 0 for a, b in pairs]
    deviation = math.sqrt(sum((a - b) ** 2 / 2 for a, b in twice) / len(twice)) if twice else None
    return {"networks": len(twice), "pairs": len(pairs), "alike": sum(alike), "deviation": deviation}


def judge(folders: Sequence[Path], out: Path | None, *, as_json: bool) -> int:
    """Writes the CSV, and prints what came out."""
    rows = sorted(
        map(row, read_results(folders)), key=lambda one: (one["seed"], -one["correct"], one["spec"])
    )
    if len({one["recipe"] for one in rows}) != 1 or sum(one["seed"] == 0 for one in rows) < 2:
        print("there must be finished runs of one recipe, two or more of them with seed 0", file=sys.stderr)
        return 1
    if out is not None:
        with out.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS, extrasaction="ignore", lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
    found = judged(rows)
    if as_json:
        print(json.dumps(found))
        return 0
    print(f"{found['networks']} networks, {found['pairs']} pairs")
    for name, one in found["objectives"].items():
        low, high = one["interval"]
        print(f"{name:36}  {one['share']:.2f}  ({low:.2f} to {high:.2f})")
    seeds = found["seeds"]
    print(f"two seeds order {seeds['alike']} of {seeds['pairs']} pairs alike, {seeds['networks']} networks")
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("suite", help="print the suite")
    one.add_argument("--seed", type=int, default=0)
    two = commands.add_parser("judge", help="say what finished runs show")
    two.add_argument("folders", type=Path, nargs="+")
    two.add_argument("-o", "--out", type=Path)
    two.add_argument("--json", action="store_true")
    args = parser.parse_args()
    if args.command == "judge":
        return judge(args.folders, args.out, as_json=args.json)
    print(suite(args.seed))
    return 0


if __name__ == "__main__":
    sys.exit(main())
