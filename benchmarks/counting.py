"""How long one spec takes from text to totals, beside fvcore on the module that is already built.

The two take turns in one process, so that both see the same machine. Every spec is a new text, so that
nothing is answered from memory; fvcore's module is built and traced once before the clock starts. Only the
ratio is asserted: the script exits with 1 if it is under 1,000, or if fvcore's figure is not the one that was
predicted.

    python benchmarks/counting.py [--rounds 11] [--json]
"""

from __future__ import annotations

import argparse
import json
import logging
import random
import statistics
import sys
import time
import warnings

import torch
from machine import machine

from archkit.count import totals
from archkit.count.tools import Tool, predict
from archkit.nn import build
from archkit.plan import layout
from archkit.spec import parse

TRACED = "[2,1,1,1]x[64,128,256,512]"
SPECS_A_ROUND = 500
LEAST_ROUNDS = 5
LEAST_RATIO = 1_000.0
GOAL = 100.0  # microseconds, on a quiet machine: printed, not asserted


def texts(how_many: int) -> list[str]:
    """Distinct networks of four stages, about as large as the one that fvcore traces."""
    draw = random.Random(0)  # noqa: S311 - figures to time, not secrets
    found: dict[str, None] = {}
    while len(found) < how_many:
        blocks = ",".join(str(draw.randint(1, 4)) for _ in range(4))
        channels = ",".join(str(8 * draw.randint(1, 64)) for _ in range(4))
        found[f"[{blocks}]x[{channels}]"] = None
    return list(found)


def measure(rounds: int) -> tuple[list[float], list[float], int]:
    """The microseconds that each spec and each trace took, and fvcore's figure."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # it warns when it is imported
        from fvcore.nn import FlopCountAnalysis
    network = build(parse(TRACED)).eval()
    images = torch.zeros(1, *network.spec.input)

    def trace() -> int:
        return int(FlopCountAnalysis(network, images).total())

    flops = trace()
    specs = texts((rounds + 1) * SPECS_A_ROUND)
    counted: list[float] = []
    traced: list[float] = []
    for turn in range(rounds + 1):
        for text in specs[turn * SPECS_A_ROUND : (turn + 1) * SPECS_A_ROUND]:
            start = time.perf_counter_ns()
            totals(parse(text))
            stop = time.perf_counter_ns()
            if turn:  # the first round warms up
                counted.append((stop - start) / 1e3)
        start = time.perf_counter_ns()
        trace()
        stop = time.perf_counter_ns()
        if turn:
            traced.append((stop - start) / 1e3)
    return counted, traced, flops


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=11, help=f"at least {LEAST_ROUNDS}")
    parser.add_argument("--json", action="store_true", help="all samples as one JSON object")
    args = parser.parse_args()
    if args.rounds < LEAST_ROUNDS:
        parser.error(f"--rounds takes at least {LEAST_ROUNDS}, not {args.rounds}")
    logging.disable(logging.WARNING)  # fvcore names the operators that it has no rule for
    counted, traced, flops = measure(args.rounds)
    one, other = statistics.median(counted), statistics.median(traced)
    ratio = other / one
    where = {**machine("fvcore", "torch"), "threads of torch": torch.get_num_threads()}
    if args.json:
        samples = {"text to totals": counted, "fvcore": traced}
        median = {"text to totals": one, "fvcore": other}
        print(json.dumps({"microseconds": samples, "median": median, "ratio": ratio, "environment": where}))
    else:
        for name, taken in (("text to totals", counted), ("fvcore, module built", traced)):
            low, middle, high = min(taken), statistics.median(taken), max(taken)
            print(f"{name:21} {low:12,.1f} {middle:12,.1f} {high:12,.1f} µs ({len(taken):,} samples)")
        print("(min, median, max)")
        print(", ".join(f"{key} {value}" for key, value in where.items()))
        print(f"one spec from text to totals is {ratio:,.0f} times as fast as fvcore's trace")
        print(f"text to totals is {'under' if one < GOAL else 'not under'} {GOAL:.0f} µs here (median)")
    predicted = predict(layout(parse(TRACED)), Tool.fvcore)[0].total
    if flops != predicted:
        print(f"error: fvcore reports {flops:,}, but {predicted:,} was predicted", file=sys.stderr)
    if ratio < LEAST_RATIO:
        print(f"error: {ratio:,.0f} times as fast is less than {LEAST_RATIO:,.0f}", file=sys.stderr)
    return 0 if ratio >= LEAST_RATIO and flops == predicted else 1


if __name__ == "__main__":
    sys.exit(main())
