"""Times of the budget solver, and its rate against a loop that builds torch modules.

    python benchmarks/solver.py [--large]

Every figure is the best of three in one process, so that ratios compare like with like. `--large`
adds five stages up to width 1,024 under 20M, which takes about 3 GiB.
"""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable
from itertools import islice

from archkit.budget import Budget, Objective, candidates, count_within, sample, solve
from archkit.spec import DEFAULT_SPACE, parse, parse_space

FIVE_MILLION = Budget.read({"max_params": "5M"})
LARGE = parse_space("[1..]*4x[8..512:8] order=nondecreasing")


def best_of(n: int, work: Callable[[], object]) -> float:
    """The least of n times, in seconds."""
    times = []
    for _ in range(n):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def build_loop(n: int) -> None:
    from archkit.nn import build

    for row in islice(candidates(parse_space(DEFAULT_SPACE), FIVE_MILLION), n):
        sum(p.numel() for p in build(parse(row.spec)).parameters())


def main() -> None:
    seconds = best_of(3, lambda: count_within(LARGE, FIVE_MILLION))
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"count {count_within(LARGE, FIVE_MILLION):,} networks: {seconds:.2f} s, {memory:.2f} GiB at most")
    seconds = best_of(3, lambda: sample(LARGE, FIVE_MILLION, 1_000))
    print(f"1,000 samples of them, count included: {seconds:.2f} s")
    seconds = best_of(3, lambda: solve(LARGE, FIVE_MILLION, Objective.read("entropy"), 10))
    print(f"10 best of them by entropy: {seconds:.2f} s")
    listed = sum(1 for _ in candidates(parse_space(DEFAULT_SPACE), FIVE_MILLION))
    seconds = best_of(3, lambda: sum(1 for _ in candidates(parse_space(DEFAULT_SPACE), FIVE_MILLION)))
    rate = listed / seconds
    print(f"list the default space: {rate:,.0f} networks/s")
    built = 30 / best_of(3, lambda: build_loop(30))
    print(f"build torch modules and count them: {built:,.1f} networks/s, {rate / built:,.0f} times slower")
    if "--large" in sys.argv[1:]:
        space = parse_space("[1..]*5x[8..1024:8] order=nondecreasing")
        budget = Budget.read({"max_params": "20M"})
        start = time.perf_counter()
        count = count_within(space, budget)
        print(f"count {count:,} networks to width 1,024: {time.perf_counter() - start:.1f} s")


if __name__ == "__main__":
    main()
