"""How long exact counts, samples and fronts take under several limits, each task in its own process.

    python benchmarks/joint.py [--json]

Times are user seconds, once each. Every answer is held against the known one; every sample
must fit.
"""

from __future__ import annotations

import json
import resource
import sys
from typing import Final

from machine import each_in_its_process, machine

from archkit.budget import Budget, count_within, pareto, read_directions, sample
from archkit.spec import parse, parse_space

STEPS_OF_8: Final = "[1..]*4x[8..512:8] order=nondecreasing"
BOTTLENECKS: Final = (
    "[1..]*4x[16..512:8] block=bottleneck stem=conv7 input=3x224x224 classes=1000 order=nondecreasing"
)
BOTH: Final = {"max_params": "5M", "max_macs": "300M"}
NARROW: Final = {**BOTH, "min_params": "4.9M", "max_depth": "40"}
RESNET50: Final = {"max_params": "25.6M", "max_macs": "4.1G"}
DRAWN: Final = 100

TASKS: Final = {
    "count": (STEPS_OF_8, BOTH, "count", 787_617_410_180),
    "count, four ends": (STEPS_OF_8, NARROW, "count", 1_413_838),
    "count, bottlenecks": (BOTTLENECKS, RESNET50, "count", 4_094_622_831_238),
    f"{DRAWN} samples": (STEPS_OF_8, BOTH, "sample", DRAWN),
    "front of params,+macs": (STEPS_OF_8, {"max_params": "5M"}, "front", 2_464),
}


def work(task: str) -> dict[str, object]:
    """Do one task, and say how long it took and how much it held."""
    text, limits, what, _ = TASKS[task]
    space, budget = parse_space(text), Budget.read(limits)
    if what == "count":
        found = count_within(space, budget)
    elif what == "sample":
        found = sum(budget.fits(parse(row.spec)) for row in sample(space, budget, DRAWN))
    else:
        found = len(pareto(space, budget, read_directions("params,+macs")))
    used = resource.getrusage(resource.RUSAGE_SELF)
    return {"found": found, "seconds": used.ru_utime, "gib": used.ru_maxrss / 2**20}


def main() -> int:
    asked = each_in_its_process(__doc__, TASKS, work)
    if asked is None:
        return 0
    found, as_json = asked
    if as_json:
        print(json.dumps({"tasks": found, "environment": machine("numpy")}))
    else:
        for task, one in found.items():
            print(f"{task}: {one['found']:,} networks, {one['seconds']:.1f} s, {one['gib']:.2f} GiB")
    wrong = [
        f"{task}: {found[task]['found']:,} networks, not {right:,}"
        for task, (*_, right) in TASKS.items()
        if found[task]["found"] != right
    ]
    for text in wrong:
        print(f"error: {text}", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
