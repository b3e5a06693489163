"""Every measurement on a GPU by one command, in the order of their worth, as far as the time allows.

    python benchmarks/gpu.py --data NAME|DIR --out FOLDER [--minutes 9] [--only STEP ...]

The same command again goes on where the last one stopped: finished runs are not run again, an interrupted one
is resumed. FOLDER then holds what is needed to repeat and to report:

    speed.json            ceilings, floors and images a second (benchmarks/gpu_speed.py)
    runs/                 every run: result.json, epochs.csv and its weights
    budget-buys.toml|csv  the networks of step `budget`, and their figures
    report.md|csv|html    what `archkit report` makes of the runs
    results.tar.gz        all of it but the weights, to take along

Steps: speed, best (the paper's best run, Table 3), time94, under5m, budget, table4.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
# What is started finds this archkit first, and then whatever the caller's own path holds.
PYTHONPATH = [str(HERE.parent), *filter(None, [os.environ.get("PYTHONPATH")])]
ENVIRONMENT = {**os.environ, "PYTHONPATH": os.pathsep.join(PYTHONPATH)}
STEPS = ("speed", "best", "time94", "under5m", "budget", "table4")
GRACE = 20.0  # seconds for a run to leave its checkpoint
LEFT_FOR_REPORTS = 30.0  # seconds


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """What the command line says.

    Attributes:
        data: as `archkit bench --data`.
        out: the folder.
        deadline: of `time.monotonic`, when no step may go on.
        quick: small sizes, to try the script on a CPU.
    """

    data: str
    out: Path
    deadline: float
    quick: bool

    @property
    def left(self) -> float:
        """Seconds until the deadline."""
        return self.deadline - time.monotonic()


def run(plan: Plan, *command: str) -> bool:
    """Runs a command until it ends or the deadline comes; whether it ended, and well."""
    print(f"$ {' '.join(command)}", flush=True)
    with subprocess.Popen([sys.executable, *command], env=ENVIRONMENT) as process:
        try:
            return process.wait(max(1.0, plan.left)) == 0
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(GRACE)
            except subprocess.TimeoutExpired:
                process.kill()
            return False


def bench(plan: Plan, suite: Path) -> bool:
    """Runs a suite, going on with what is there."""
    small = [
        "--epochs",
        "1",
        "--train-size",
        "200",
        "--test-size",
        "100",
        "--batch-size",
        "32",
        "--seeds",
        "0",
    ]
    where = ["--data", plan.data, "--out", str(plan.out / "runs"), "--resume"]
    return run(plan, "-m", "archkit", "bench", str(suite), *where, *(small if plan.quick else []))


def speed(plan: Plan) -> bool:
    """Images a second, unless they are there."""
    out = plan.out / "speed.json"
    quick = ["--quick"] if plan.quick else []
    return out.exists() or run(
        plan, str(HERE / "gpu_speed.py"), "--data", plan.data, "--out", str(out), *quick
    )


def budget(plan: Plan) -> bool:
    """Networks near three budgets: the suite is made once, so that it stays the same."""
    suite = plan.out / "budget-buys.toml"
    if not suite.exists():
        made = subprocess.run(
            [sys.executable, str(HERE / "budget_buys.py"), "suite"],
            capture_output=True,
            text=True,
            check=True,
            env=ENVIRONMENT,
        )
        suite.write_text(made.stdout, encoding="utf-8")
    return bench(plan, suite)


WORK: dict[str, Callable[[Plan], bool]] = {
    "speed": speed,
    "best": lambda plan: bench(plan, HERE / "paper-table3.toml"),
    "time94": lambda plan: bench(plan, HERE / "time-to-94.toml"),
    "under5m": lambda plan: bench(plan, HERE / "under-5m.toml"),
    "budget": budget,
    "table4": lambda plan: bench(plan, HERE / "paper-table4.toml"),
}


def report(plan: Plan) -> None:
    """Reports of the finished runs, and everything but the weights in one file."""
    late = Plan(data=plan.data, out=plan.out, deadline=time.monotonic() + 120, quick=plan.quick)
    runs = plan.out / "runs"
    if any(runs.glob("*/result.json")):
        files = (("--markdown", "report.md"), ("--csv", "report.csv"), ("--html", "report.html"))
        where = [part for option, name in files for part in (option, str(plan.out / name))]
        run(late, "-m", "archkit", "report", str(runs), *where)
        run(late, str(HERE / "budget_buys.py"), "table", str(runs), "-o", str(plan.out / "budget-buys.csv"))
    with tarfile.open(plan.out / "results.tar.gz", "w:gz") as archive:
        for path in sorted(plan.out.rglob("*")):
            if path.is_file() and path.suffix in {".json", ".csv", ".toml", ".md", ".html"}:
                archive.add(path, path.relative_to(plan.out))
    print(f"{plan.out / 'results.tar.gz'}: {(plan.out / 'results.tar.gz').stat().st_size:,} bytes")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", default="cifar10")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=9.0)
    parser.add_argument("--only", nargs="+", choices=STEPS, default=STEPS, metavar="STEP")
    parser.add_argument("--quick", action="store_true")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    deadline = time.monotonic() + 60 * args.minutes - LEFT_FOR_REPORTS
    plan = Plan(data=args.data, out=args.out, deadline=deadline, quick=args.quick)
    ended = {}
    for step in args.only:
        if plan.left <= 0:
            print(f"{step}: no time left")
            ended[step] = False
            continue
        ended[step] = WORK[step](plan)
        print(
            f"{step}: {'done' if ended[step] else 'not finished'}, {max(0.0, plan.left):.0f} s left",
            flush=True,
        )
    report(plan)
    return 0 if all(ended.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
