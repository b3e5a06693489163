"""How fast networks are counted in arrays: compiled, by numpy alone, and one by one.

The three take turns in one process. Only a ratio is asserted: that of compiled to one by one.

    python benchmarks/arrays.py [--networks 10000000] [--json]
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from importlib.util import find_spec
from unittest import mock

import numpy as np
from machine import machine

from archkit.count import arrays, totals
from archkit.spec import parse

LIKE = parse("[1,1,1,1]x[8,8,8,8]")
ONE_BY_ONE = 20_000  # networks that the scalar counter is timed on
GOAL = 50e6  # networks a second on 2 quiet cores, compiled
LEAST_OVER_SCALAR = 300.0
ROUNDS = 5


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--networks", type=int, default=10_000_000)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    if find_spec("numba") is None:
        print("error: numba is not installed: pip install numba", file=sys.stderr)
        return 1
    draw = np.random.default_rng(0)
    blocks = draw.integers(1, 5, (args.networks, 4), dtype=np.uint8)
    channels = draw.integers(1, 65, (args.networks, 4), dtype=np.uint16) * np.uint16(8)
    few = args.networks // 10
    specs = [
        LIKE.replace(blocks=tuple(map(int, b)), channels=tuple(map(int, c)))
        for b, c in zip(blocks[:ONE_BY_ONE], channels[:ONE_BY_ONE], strict=True)
    ]
    arrays.count_arrays(LIKE, blocks[:10], channels[:10])  # compiles
    rates: dict[str, list[float]] = {"compiled": [], "numpy": [], "one by one": []}
    for _ in range(ROUNDS):
        start = time.perf_counter()
        params, _ = arrays.count_arrays(LIKE, blocks, channels)
        rates["compiled"].append(args.networks / (time.perf_counter() - start))
        with mock.patch.object(arrays, "find_spec", return_value=None):
            start = time.perf_counter()
            arrays.count_arrays(LIKE, blocks[:few], channels[:few])
            rates["numpy"].append(few / (time.perf_counter() - start))
        start = time.perf_counter()
        scalar = [totals(spec).params for spec in specs]
        rates["one by one"].append(len(specs) / (time.perf_counter() - start))
    if scalar != params[: len(specs)].tolist():
        print("error: the counts in arrays and one by one differ", file=sys.stderr)
        return 1
    middle = {name: statistics.median(samples) for name, samples in rates.items()}
    ratio = middle["compiled"] / middle["one by one"]
    environment = machine("numpy", "numba")
    if args.json:
        print(json.dumps({"networks_a_second": rates, "ratio": ratio, "environment": environment}))
    else:
        for name, samples in rates.items():
            low, high = min(samples) / 1e6, max(samples) / 1e6
            print(f"{name:11} {middle[name] / 1e6:9.3f} million a second (median; {low:.3f} to {high:.3f})")
        reached = "reached" if middle["compiled"] >= GOAL else "not reached"
        print(f"compiled is {ratio:.0f} times as fast as one by one")
        print(f"the goal of {GOAL / 1e6:.0f} million a second: {reached}")
    if ratio < LEAST_OVER_SCALAR:
        print(f"error: {ratio:.0f} times as fast is less than {LEAST_OVER_SCALAR:.0f}", file=sys.stderr)
    return 0 if ratio >= LEAST_OVER_SCALAR else 1


if __name__ == "__main__":
    sys.exit(main())
