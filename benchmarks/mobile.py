"""How fast mobile networks are counted: arrays of MobileNetV2s, and one from its text to its totals.

Arrays are counted compiled (numba) and one by one; a text beside fvcore on the module of MobileNetV2, which
is built and traced once before the clock starts. Each pair takes turns in one process, and only ratios are
asserted.

    python benchmarks/mobile.py [--networks 1000000] [--rounds 5] [--json]
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
from importlib.util import find_spec

import numpy as np
import torch
from machine import machine

from archkit.count import arrays, totals
from archkit.count.tools import Tool, predict
from archkit.nn import build
from archkit.plan import layout
from archkit.spec import parse

NAME = "mobilenetv2_100"
OPTIONS = (
    "block=mbconv stride=[1,2,2,2,1,2,1] act=relu6 stem=conv3s2 head_conv=1280 input=3x224x224 classes=1000"
)
ONE_BY_ONE = 2_000  # networks that the scalar counter is timed on
TEXTS = 200  # a round
LEAST_OF_ARRAYS = 200.0
LEAST_OF_TEXTS = 250.0


def texts(how_many: int) -> list[str]:
    """Distinct networks of MobileNetV2's seven stages."""
    draw = random.Random(0)  # noqa: S311 - figures to time, not secrets
    found: dict[str, None] = {}
    while len(found) < how_many:
        blocks = ",".join(str(draw.randint(1, 4)) for _ in range(7))
        channels = ",".join(str(8 * draw.randint(1, 40)) for _ in range(7))
        found[f"[{blocks}]x[{channels}] {OPTIONS}"] = None
    return list(found)


def in_arrays(networks: int, rounds: int) -> dict[str, list[float]]:
    """Networks a second, compiled and one by one.

    Raises:
        ValueError: the two do not count alike.
    """
    like, draw = parse(NAME), np.random.default_rng(0)
    blocks = draw.integers(1, 5, (networks, 7), dtype=np.uint8)
    channels = draw.integers(1, 41, (networks, 7), dtype=np.uint16) * np.uint16(8)
    pairs = zip(blocks[:ONE_BY_ONE].tolist(), channels[:ONE_BY_ONE].tolist(), strict=True)
    specs = [like.replace(blocks=tuple(b), channels=tuple(c)) for b, c in pairs]
    arrays.count_arrays(like, blocks[:10], channels[:10])  # compiles
    rates: dict[str, list[float]] = {"compiled": [], "one by one": []}
    for _ in range(rounds):
        start = time.perf_counter()
        params, _ = arrays.count_arrays(like, blocks, channels)
        rates["compiled"].append(networks / (time.perf_counter() - start))
        start = time.perf_counter()
        scalar = [totals(spec).params for spec in specs]
        rates["one by one"].append(len(specs) / (time.perf_counter() - start))
        if scalar != params[: len(specs)].tolist():
            raise ValueError("the counts in arrays and one by one differ")
    return rates


def from_text(rounds: int) -> dict[str, list[float]]:
    """The microseconds that each text and each trace took.

    Raises:
        ValueError: fvcore's figure is not the one that was predicted.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # it warns when it is imported
        from fvcore.nn import FlopCountAnalysis
    network = build(parse(NAME)).eval()
    images = torch.zeros(1, *network.spec.input)
    if FlopCountAnalysis(network, images).total() != predict(layout(parse(NAME)), Tool.fvcore)[0].total:
        raise ValueError("fvcore reports another figure than was predicted")
    new = texts((rounds + 1) * TEXTS)
    taken: dict[str, list[float]] = {"text to totals": [], "fvcore": []}
    for turn in range(rounds + 1):
        for text in new[turn * TEXTS : (turn + 1) * TEXTS]:
            start = time.perf_counter_ns()
            totals(parse(text))
            if turn:  # the first round warms up
                taken["text to totals"].append((time.perf_counter_ns() - start) / 1e3)
        start = time.perf_counter_ns()
        FlopCountAnalysis(network, images).total()
        if turn:
            taken["fvcore"].append((time.perf_counter_ns() - start) / 1e3)
    return taken


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--networks", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true", help="all samples as one JSON object")
    args = parser.parse_args()
    if find_spec("numba") is None:
        print("error: numba is not installed: pip install numba", file=sys.stderr)
        return 1
    logging.disable(logging.WARNING)  # fvcore names the operators that it has no rule for
    rates, taken = in_arrays(args.networks, args.rounds), from_text(args.rounds)
    middle = {name: statistics.median(samples) for name, samples in (rates | taken).items()}
    ratios = {
        "arrays": (middle["compiled"] / middle["one by one"], LEAST_OF_ARRAYS),
        "texts": (middle["fvcore"] / middle["text to totals"], LEAST_OF_TEXTS),
    }
    if args.json:
        found = {"networks_a_second": rates, "microseconds": taken}
        found |= {"ratios": {name: ratio for name, (ratio, _) in ratios.items()}}
        print(json.dumps({**found, "environment": machine("numpy", "numba", "fvcore", "torch")}))
    else:
        for name in rates:
            print(f"{name:15} {middle[name] / 1e6:12.4f} million networks a second (median)")
        for name in taken:
            print(f"{name:15} {middle[name]:12,.1f} µs (median)")
        print(f"compiled is {ratios['arrays'][0]:,.0f} times as fast as one by one")
        print(f"one text to its totals is {ratios['texts'][0]:,.0f} times as fast as fvcore's trace")
    for name, (ratio, least) in ratios.items():
        if ratio < least:
            print(f"error: {name}: {ratio:,.0f} times as fast is less than {least:,.0f}", file=sys.stderr)
    return 0 if all(ratio >= least for ratio, least in ratios.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
