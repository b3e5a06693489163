"""How long `solve` takes in large spaces, each task in its own process, and whether its answer is proved.

    python benchmarks/best.py [--json]

Times are user seconds, once each. Two things are asserted: every answer is exact, and the coarser spaces pay:
thousands of times as many width profiles take less than 20 times as long as a space where each is
bounded by itself.
"""

from __future__ import annotations

import json
import resource
import sys
from typing import Final

from machine import each_in_its_process, machine

from archkit.budget import Budget, Objective, levels, solve
from archkit.spec import parse_space

FIVE: Final = {"max_params": "5M"}
BOTH: Final = {"max_params": "5M", "max_macs": "300M"}
RESNET50: Final = {"max_params": "25.6M", "max_macs": "4.1G"}
BOTTLENECK: Final = "block=bottleneck stem=conv7 input=3x224x224 classes=1000"
TASKS: Final = {
    "steps of 8": ("[1..9]*4x[8..512:8] order=nondecreasing", BOTH, "capacity"),
    "steps of 8, each profile by itself": ("[1..9]*4x[8..512:8] order=nondecreasing", BOTH, "capacity"),
    "steps of 1": ("[1..9]*4x[8..512] order=nondecreasing", BOTH, "capacity"),
    "widths in any order": ("[1..]*4x[8..512:8]", FIVE, "entropy"),
    "six stages": ("[1..9]*6x[8..512:8] order=nondecreasing", BOTH, "capacity"),
    "eight stages of 1 or 2 blocks": ("[1..2]*8x[8..512:8] order=nondecreasing", BOTH, "capacity"),
    "no end of blocks": ("[1..]*4x[8..512:8] order=nondecreasing", BOTH, "entropy"),
    "bottlenecks": (f"[1..]*4x[16..512:8] {BOTTLENECK} order=nondecreasing", RESNET50, "entropy"),
}
MOST_TIMES: Final = 20.0


def work(task: str) -> dict[str, object]:
    """Solve one task, and say how long it took and how much it held."""
    text, limits, by = TASKS[task]
    if task.endswith("by itself"):
        levels._SMALL = sys.maxsize  # the plain way is not offered otherwise
    best = solve(parse_space(text), Budget.read(limits), Objective.read(by), 3)
    used = resource.getrusage(resource.RUSAGE_SELF)
    return {
        "seconds": used.ru_utime,
        "gib": used.ru_maxrss / 2**20,
        "profiles": best.profiles,
        "exact": best.exact,
        "spec": best.networks[0].network.spec,
        "value": best.networks[0].value,
    }


def main() -> int:
    asked = each_in_its_process(__doc__, TASKS, work)
    if asked is None:
        return 0
    found, as_json = asked
    times = found["steps of 1"]["seconds"] / found["steps of 8, each profile by itself"]["seconds"]
    if as_json:
        print(json.dumps({"tasks": found, "ratio": times, "environment": machine("numpy")}))
    else:
        for task, one in found.items():
            print(f"{task}: {one['profiles']:,} width profiles, {one['seconds']:.1f} s, {one['gib']:.2f} GiB")
            print(f"    {one['spec']}: {one['value']:,.4f}{'' if one['exact'] else ', not proved'}")
        print(f"steps of 1 against steps of 8 by themselves: {times:,.1f} times as long")
    wrong = [f"{task} is not proved" for task, one in found.items() if not one["exact"]]
    if found["steps of 8"]["value"] != found["steps of 8, each profile by itself"]["value"]:
        wrong.append("the two ways to solve the steps of 8 differ")
    if times > MOST_TIMES:
        wrong.append(f"{times:,.1f} times as long is more than {MOST_TIMES:,.0f}")
    for text in wrong:
        print(f"error: {text}", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
