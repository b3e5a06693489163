"""How long the budget solver takes, each task in its own process, and how it compares with plainer ways.

    python benchmarks/solver.py [--large] [--json]

Each time is the median of three. `--large` adds, once, five stages up to width 1,024 under 20M parameters.
Only two ratios are asserted: the solver's table against a plain one in numpy, and the listing against a loop
that builds torch modules.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import numpy as np
from machine import in_own_process, machine

from archkit.budget import Budget, Objective, candidates, count_within, sample, solve
from archkit.count import totals
from archkit.spec import SPACES, ArchSpec, parse, parse_space

FIVE_MILLION = Budget.read({"max_params": "5M"})
TRILLIONS = "[1..]*4x[8..512:8] order=nondecreasing"
LARGE = "[1..]*5x[8..1024:8] order=nondecreasing"
ROUNDS = 3
LEAST_OVER_TORCH = 100.0
LEAST_OVER_PLAIN = 1.0


def plain_count(widths: list[int], stages: int, limit: int) -> int:
    """The same count by the first table that comes to mind: (stage, width, parameters left), in 8s."""

    def params(blocks: tuple[int, ...], channels: tuple[int, ...]) -> int:
        return int(totals(ArchSpec.make(blocks, channels)).params)

    head = {c: 10 * c // 8 for c in widths}
    alone = {c: (params((1,), (c,)) - 10) // 8 - head[c] for c in widths}
    other = {c: (params((2,), (c,)) - params((1,), (c,))) // 8 for c in widths}
    first = {
        (a, c): (params((1, 1), (a, c)) - 10) // 8 - alone[a] - head[c]
        for a in widths
        for c in widths
        if a <= c
    }
    cells = (limit - 10) // 8 + 1

    def any_depth(table: np.ndarray, step: int) -> np.ndarray:
        for at in range(step, cells, step):
            table[at : at + step] += table[at - step : at][: cells - at]
        return table

    ends = {}
    for c in widths:
        table = np.zeros(cells, dtype=np.int64)
        table[head[c] :] = 1
        ends[c] = any_depth(table, other[c])
    for _ in range(stages - 1):
        before = {}
        for a in widths:
            table = np.zeros(cells, dtype=np.int64)
            for c in widths:
                if c >= a and first[a, c] < cells:
                    table[first[a, c] :] += ends[c][: cells - first[a, c]]
            before[a] = any_depth(table, other[a])
        ends = before
    return sum(int(ends[c][cells - 1 - alone[c]]) for c in widths if alone[c] < cells)


def work(what: str) -> object:
    space = parse_space(LARGE if what == "large" else TRILLIONS)
    if what == "count":
        return count_within(space, FIVE_MILLION)
    if what == "plain":
        return plain_count(list(range(8, 513, 8)), 4, 5_000_000)
    if what == "large":
        return count_within(space, Budget.read({"max_params": "20M"}))
    best = solve(space, FIVE_MILLION, Objective.read("entropy"), 10)
    return len(sample(space, FIVE_MILLION, 1_000)) + len(best.networks)


def seconds_of(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def write_list() -> float:
    """`archkit enumerate` to a Parquet file, as a whole process."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-c", "from archkit.cli import main; main()", "enumerate"]
        command += ["--space", "paper"]
        command += ["--max-params", "5M", "--output", str(Path(folder) / "nets.parquet")]
        return seconds_of(lambda: subprocess.run(command, check=True, capture_output=True))


def build_loop(n: int) -> None:
    from archkit.nn import build

    for row in islice(candidates(parse_space(SPACES["paper"]), FIVE_MILLION), n):
        sum(p.numel() for p in build(parse(row.spec)).parameters())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--large", action="store_true")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--only", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.only:
        start = time.perf_counter()
        found = work(args.only)
        seconds = time.perf_counter() - start
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        print(json.dumps({"seconds": seconds, "gib": most, "found": found}))
        return 0
    runs = {
        what: [in_own_process(what) for _ in range(ROUNDS)] for what in ("count", "plain", "best and sample")
    }
    if args.large:
        runs["large"] = [in_own_process("large")]
    middle = {what: statistics.median(run["seconds"] for run in each) for what, each in runs.items()}
    memory = {what: max(run["gib"] for run in each) for what, each in runs.items()}
    counts = {what: each[0]["found"] for what, each in runs.items()}
    if counts["count"] != counts["plain"]:
        print(f"error: the counts differ: {counts['count']:,} and {counts['plain']:,}", file=sys.stderr)
        return 1
    listing = statistics.median(write_list() for _ in range(ROUNDS))
    rows = count_within(parse_space(SPACES["paper"]), FIVE_MILLION)
    build_loop(3)  # warms up
    built = 30 / statistics.median(seconds_of(lambda: build_loop(30)) for _ in range(ROUNDS))
    ratios = {
        "the count over a plain table in numpy": middle["plain"] / middle["count"],
        "the list over building torch modules": rows / listing / built,
    }
    environment = machine("numpy", "torch")
    if args.json:
        times = {what: [run["seconds"] for run in each] for what, each in runs.items()}
        found = {**counts, "list": rows}
        figures = {
            "seconds": times,
            "gib": memory,
            "parquet_seconds": listing,
            "ratios": ratios,
            "networks": found,
        }
        print(json.dumps({**figures, "environment": environment}))
    else:
        print(f"count {counts['count']:,} networks: {middle['count']:.2f} s, {memory['count']:.2f} GiB")
        print(f"by a plain table in numpy: {middle['plain']:.2f} s, {memory['plain']:.2f} GiB")
        print(f"10 best of them by entropy and 1,000 samples: {middle['best and sample']:.2f} s")
        if args.large:
            large = f"{middle['large']:.1f} s, {memory['large']:.2f} GiB"
            print(f"count {counts['large']:,} networks to width 1,024: {large}")
        print(f"list {rows:,} networks to Parquet, the whole process: {listing:.2f} s")
        print(f"build torch modules: {built:,.0f} networks/s")
        for name, ratio in ratios.items():
            print(f"{name}: {ratio:,.1f} times as fast")
    short = [
        f"{name}: {ratio:,.1f} times as fast is less than {least:,.0f}"
        for (name, ratio), least in zip(ratios.items(), (LEAST_OVER_PLAIN, LEAST_OVER_TORCH), strict=True)
        if ratio < least
    ]
    for text in short:
        print(f"error: {text}", file=sys.stderr)
    return 1 if short else 0


if __name__ == "__main__":
    sys.exit(main())
