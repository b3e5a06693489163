"""How well each objective orders published networks, inside a budget, by their accuracies.

    python benchmarks/objectives.py                  # about a minute
    python benchmarks/objectives.py --json

The networks and their sources are those of `archkit/evidence`. Two of one table and one recipe, whose
parameters are within 10% (or 25%) of each other and whose accuracies differ, are a pair; an objective has
it right if it is higher for the more accurate one, and half right if it is equal for both. The share of
right pairs is that of each table, and their mean.

The regret is of a choice under limits: for each network of a recipe, those of its recipe that have no more
parameters (or MACs, or of both) than it are the ones to choose from, if there are two or more; it is the
accuracy of the best of them less that of the one with the most of the objective, in points. Again the mean
of each table, and their mean.

The intervals are of 500 bootstraps that draw the networks of every recipe anew. They hold for the networks
of these tables; the formulas of `capacity` were chosen on the same tables, so that its figures flatter it.

An objective is a row of `OBJECTIVES`.
"""

from __future__ import annotations

import argparse
import json
import math
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archkit.budget import EXPONENTS, MAX_RHO, Budget, entropy, rho
from archkit.budget.published import published, sources
from archkit.spec import parse

DRAWS = 500
WITHIN = (1.1, 1.25)
LIMITS = (("params",), ("macs",), ("params", "macs"))

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Network:
    table: str
    recipe: str
    accuracy: float
    figures: dict[str, int]
    entropy: float
    rho: float


Score = Callable[[Network], float]


def figure(name: str) -> Score:
    return lambda network: float(network.figures[name])


def product(macs: float, activations: float, params: float) -> Score:
    """The logarithm of a product of powers."""
    powers = {"macs": macs, "activations": activations, "params": params}
    return lambda network: sum(power * math.log(network.figures[name]) for name, power in powers.items())


def entropy_under_rho(network: Network) -> float:
    """Those beyond the limit come last, the farthest beyond it last of all."""
    return network.entropy if network.rho <= MAX_RHO else -network.rho


OBJECTIVES: dict[str, Score] = {
    "capacity": product(**EXPONENTS),
    "entropy, max-rho 0.3": entropy_under_rho,
    "entropy": lambda network: network.entropy,
    "params": figure("params"),
    "macs": figure("macs"),
    "activations": figure("activations"),
    "depth": figure("depth"),
    "training-memory": figure("training_memory"),
    "peak-memory": figure("peak_memory"),
    "macs x activations": product(1, 1, 0),
    "macs x activations x params^1/2": product(1, 1, 1 / 2),
    "macs x activations^5/8 x params^1/4": product(1, 5 / 8, 1 / 4),
    "macs x activations^1/2 x params^1/4": product(1, 1 / 2, 1 / 4),
    "macs x activations^1/4 x params^1/4": product(1, 1 / 4, 1 / 4),
}


def networks() -> list[Network]:
    """The published networks of tables whose rows were trained alike."""
    alike = {name: source.get("one_recipe", True) for name, source in sources().items()}
    found = []
    for one in published():
        if alike[one.table]:
            spec = parse(one.spec)
            figures = Budget().figures(spec, also=("training_memory", "peak_memory"))
            found.append(
                Network(one.table, one.recipe, one.accuracy, figures, float(entropy(spec)), float(rho(spec)))
            )
    return found


class Evidence:
    """The pairs and the choices that objectives are judged by. Legend: N networks, P pairs, C choices."""

    def __init__(self, found: list[Network]) -> None:
        self.networks = found
        self.accuracy = np.array([one.accuracy for one in found])
        self.table = np.array([one.table for one in found])
        self.params = np.array([one.figures["params"] for one in found])
        recipes = defaultdict(list)
        for i, one in enumerate(found):
            recipes[one.table, one.recipe].append(i)
        self.recipes = [np.array(rows) for rows in recipes.values()]
        pairs = [pair for rows in self.recipes for pair in combinations(rows.tolist(), 2)]
        self.pairs = np.array([(i, j) for i, j in pairs if found[i].accuracy != found[j].accuracy])

    def near(self, within: float) -> NDArray[np.int64]:
        """The pairs whose parameters are so near to each other, P x 2."""
        params = self.params[self.pairs]
        return self.pairs[params.max(axis=1) <= within * params.min(axis=1)]

    def weights(self, seed: int) -> Floats:
        """How often a bootstrap draws each network, N."""
        generator = np.random.default_rng(seed)
        drawn = np.zeros(len(self.networks))
        for rows in self.recipes:
            at = generator.integers(0, len(rows), len(rows))
            drawn[rows] = np.bincount(at, minlength=len(rows))
        return drawn

    def choices(self, limits: tuple[str, ...]) -> list[NDArray[np.int64]]:
        """What may be chosen, the network that sets the limits first."""
        found = []
        for rows in self.recipes:
            figures = np.array([[self.networks[i].figures[name] for name in limits] for i in rows])
            for at, row in enumerate(rows.tolist()):
                under = rows[(figures <= figures[at]).all(axis=1)]
                if len(under) > 1:
                    found.append(np.array([row, *under.tolist()]))
        return found


def right(scores: Floats, accuracy: Floats, pairs: NDArray[np.int64]) -> Floats:
    """1 for a pair in the right order, 0 for one in the wrong order, 1/2 for equal scores, P."""
    better = np.sign(accuracy[pairs[:, 0]] - accuracy[pairs[:, 1]])
    gap = (scores[pairs[:, 0]] - scores[pairs[:, 1]]) * better
    return np.where(np.abs(gap) < 1e-9, 0.5, (gap > 0).astype(float))


def by_table(values: Floats, tables: NDArray[np.str_], weights: Floats) -> dict[str, float]:
    """The weighted mean of each table that has any weight."""
    found = {}
    for name in sorted(set(tables.tolist())):
        here = tables == name
        if weights[here].sum() > 0:
            found[name] = float(np.average(values[here], weights=weights[here]))
    return found


def mean(means: dict[str, float]) -> float:
    return sum(means.values()) / len(means)


def judged(values: Floats, tables: NDArray[np.str_], drawn: list[Floats]) -> dict[str, Any]:
    """The mean of the tables, its 95% interval, and each table's."""
    tabled = by_table(values, tables, np.ones(len(values)))
    spread = [mean(by_table(values, tables, weights)) for weights in drawn]
    low, high = np.quantile(spread, [0.025, 0.975]).tolist()
    return {"mean": mean(tabled), "interval": [low, high], "tables": tabled}


def regret(scores: Floats, accuracy: Floats, choices: list[NDArray[np.int64]]) -> Floats:
    """What each choice loses; equally high ones are chosen by lot."""
    found = []
    for _, *under in choices:
        top = scores[under] >= scores[under].max() - 1e-9
        found.append(accuracy[under].max() - accuracy[under][top].mean())
    return np.array(found)


def measured() -> dict[str, Any]:
    """Every objective's figures, and what they are of."""
    evidence = Evidence(networks())
    weights = [evidence.weights(seed) for seed in range(DRAWS)]
    pairs = {within: evidence.near(within) for within in WITHIN}
    choices = {"+".join(limits): evidence.choices(limits) for limits in LIMITS}
    found: dict[str, Any] = {}
    for name, score in OBJECTIVES.items():
        scores = np.array([score(one) for one in evidence.networks])
        row: dict[str, Any] = {"pairs": {}, "regret": {}}
        for within, near in pairs.items():
            tables = evidence.table[near[:, 0]]
            drawn = [one[near[:, 0]] * one[near[:, 1]] for one in weights]
            row["pairs"][str(within)] = judged(right(scores, evidence.accuracy, near), tables, drawn)
        for limits, some in choices.items():
            setters = np.array([int(one[0]) for one in some])
            lost = regret(scores, evidence.accuracy, some)
            row["regret"][limits] = judged(lost, evidence.table[setters], [one[setters] for one in weights])
        found[name] = row
    return {
        "networks": len(evidence.networks),
        "recipes": len(evidence.recipes),
        "pairs": {str(within): len(near) for within, near in pairs.items()},
        "choices": {limits: len(some) for limits, some in choices.items()},
        "objectives": found,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    found = measured()
    if args.json:
        print(json.dumps(found))
        return
    print(f"{'objective':36}  10%   25%   regret: {'  '.join(found['choices'])}")
    for name, row in found["objectives"].items():
        shares = "  ".join(f"{one['mean']:.2f}" for one in row["pairs"].values())
        lost = "  ".join(f"{one['mean']:.2f}" for one in row["regret"].values())
        print(f"{name:36}  {shares}  {lost}")


if __name__ == "__main__":
    main()
