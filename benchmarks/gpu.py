"""Every measurement on a GPU by one command, in the order of their worth, as far as the time allows.

    python benchmarks/gpu.py --data NAME|DIR --out FOLDER [--minutes 9] [--only MEASUREMENT[=MINUTES] ...]

The same command again goes on where the last one stopped: finished runs are not run again, an interrupted one
is resumed. The files of `check`, `speed` and `at-once` are kept as they are; delete one, and it is measured
anew. If a measurement fails, the next one still has its turn; one with MINUTES stops after them. FOLDER then
holds what is needed to repeat and to report:

    where.json            the device, its driver, the versions, the commit, each command
    check.json            what works on this device (benchmarks/gpu_check.py)
    speed.json            ceilings, floors and images a second (benchmarks/gpu_speed.py)
    at-once.json          how many small networks at once are worth it (benchmarks/at_once.py)
    runs/                 every run: result.json, epochs.csv and its weights
    budget-buys.toml|csv  the networks of `budget`, and their figures
    report.md|csv|html    what `archkit report` makes of the runs
    results.tar.gz        all of it but the weights, to take along

Unpacked into a folder of `benchmarks/results`, it is what `benchmarks/figures.py` writes the pages from.

Measurements, in this order unless `--only` gives another: check, speed, at-once, best (the paper's best run,
then Table 3), time94, recipes (what each reaches, one seed), under5m, budget, steps (what each field of
`strong` brings), table4. What `speed` and `at-once` measure decides how the others run: `time94`, `recipes`,
`under5m` and `steps` are compiled in the way that was fastest; `recipes`, `budget` and `table4` take as many
runs at once as were worth it, under NVIDIA's MPS if that was worth it. The paper's recipes say float32; they
run in TF32, in which torch computes their convolutions on such a device unless told otherwise, and every
result says so. `--commit` names the commit where a copy has no git repository.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tarfile
import time
import traceback
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from gpu_speed import SETUPS
from machine import command, machine
from mps import has_mps, mps

from archkit.bench.train.correct import CORRECT_FILE

HERE = Path(__file__).parent
SPEED_MINUTES = 6.0  # if they are over, the set-ups that compile slowest are left out
AT_ONCE = ("1", "2", "4", "8")
WORTH = 1.1  # times the images a second, for as many runs at once to be worth the memory
AS_TORCH = ("--set", "precision=tf32")
LAST_SETUP = 25.0  # seconds that a set-up of `speed` takes at most, nearly always
GRACE = 20.0  # seconds for a run to leave its checkpoint
LEFT_FOR_REPORTS = 30.0  # seconds
PACKED = {".json", ".csv", ".toml", ".md", ".html"}  # endings of what is taken along


@dataclass(frozen=True, kw_only=True, slots=True)
class Session:
    """One call of this script, as the command line has it.

    Attributes:
        data: as `archkit bench --data`.
        out: the folder.
        deadline: of `time.monotonic`, after which nothing goes on.
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


def environment() -> dict[str, str]:
    """What is started finds this archkit first, and then whatever the caller's own path holds."""
    paths = [str(HERE.parent), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}


def completed(session: Session, *command: str) -> bool:
    """Runs a command until it ends or the deadline comes; True if it ended, and without an error."""
    print(f"$ {' '.join(command)}", flush=True)
    with subprocess.Popen([sys.executable, *command], env=environment()) as process:
        try:
            return process.wait(max(1.0, session.left)) == 0
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(GRACE)
            except subprocess.TimeoutExpired:
                process.kill()
            return False


def bench(session: Session, suite: Path, *options: str, at_once: bool = False) -> bool:
    """Runs a suite, going on with what is there; several runs at once where that was found to be worth it."""
    jobs, shared = together(session) if at_once else (1, False)
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
    where = ["--data", session.data, "--out", str(session.out / "runs"), "--resume"]
    options = (*options, *(("--jobs", str(jobs)) if jobs > 1 else ()), *(small if session.quick else ()))
    with mps() if shared else nullcontext(False) as under:
        if shared and not under:
            print("MPS does not start here: the runs take turns", flush=True)
        return completed(session, "-m", "archkit", "bench", str(suite), *where, *options)


def check(session: Session) -> bool:
    """What works here, unless that is known."""
    out = session.out / "check.json"
    return out.exists() or completed(session, str(HERE / "gpu_check.py"), "--out", str(out))


def speed(session: Session) -> bool:
    """Images a second, unless they are there."""
    out = session.out / "speed.json"
    quick = ["--quick"] if session.quick else []
    minutes = str(min(60 * SPEED_MINUTES, max(1.0, session.left - LAST_SETUP)) / 60)
    where = ["--data", session.data, "--out", str(out), "--minutes", minutes]
    return out.exists() or completed(session, str(HERE / "gpu_speed.py"), *where, *quick)


def at_once(session: Session) -> bool:
    """How many runs at once are worth it, unless that is known."""
    out = session.out / "at-once.json"
    options = ["--quick", "--jobs", "1", "2"] if session.quick else ["--jobs", *AT_ONCE]
    if has_mps():
        options.append("--mps")
    where = ["--data", session.data, "--out", str(out), "--set", "precision=tf32"]
    return out.exists() or completed(session, str(HERE / "at_once.py"), *where, *options)


def read(path: Path) -> Any:
    """What a measurement has written; None where it has not been made."""
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def fastest(session: Session) -> Sequence[str]:
    """The way of compiling in which resnet10 trained fastest at the recipes' batch, as options."""
    compiles = {
        title: str(changes["compile"]) for title, changes in SETUPS if changes["precision"] == "bfloat16"
    }
    found = [
        one
        for one in (read(session.out / "speed.json") or {"results": []})["results"]
        if one["network"] == "resnet10"
        and one["batch"] == 256
        and one["setup"] in compiles
        and "median" in one
    ]
    if not found:
        return ()
    best = max(found, key=lambda one: float(one["median"]))
    return ("--set", f"compile={compiles[best['setup']]}")


def together(session: Session) -> tuple[int, bool]:
    """The fewest runs at once that come within a tenth of the most images a second, and whether under MPS."""
    measured = (read(session.out / "at-once.json") or {"results": []})["results"]
    rates = {
        (one["jobs"], one.get("mps", False)): float(one["images_per_second"])
        for one in measured
        if one["images_per_second"]
    }
    if not rates:
        return 1, False
    return min(how for how, rate in rates.items() if WORTH * rate >= max(rates.values()))


def budget(session: Session) -> bool:
    """Networks near three budgets: the suite is made once, so that it stays the same."""
    suite = session.out / "budget-buys.toml"
    if not suite.exists():
        made = subprocess.run(
            [sys.executable, str(HERE / "budget_buys.py"), "suite"],
            capture_output=True,
            text=True,
            check=True,
            env=environment(),
        )
        suite.write_text(made.stdout, encoding="utf-8")
    return bench(session, suite, at_once=True)


WORK: dict[str, Callable[[Session], bool]] = {
    "check": check,
    "speed": speed,
    "at-once": at_once,
    "best": lambda session: bench(session, HERE / "paper-table3.toml", *AS_TORCH),
    "time94": lambda session: bench(session, HERE / "time-to-94.toml", *fastest(session)),
    "recipes": lambda session: bench(session, HERE / "recipes.toml", *fastest(session), at_once=True),
    "under5m": lambda session: bench(session, HERE / "under-5m.toml", *fastest(session)),
    "budget": budget,
    "steps": lambda session: bench(session, HERE / "strong-steps.toml", *fastest(session)),
    "table4": lambda session: bench(session, HERE / "paper-table4.toml", *AS_TORCH, at_once=True),
}


def note_where(session: Session, commit: str | None) -> None:
    """Writes down where this is measured, and adds the command to those of earlier calls."""
    import torch

    path = session.out / "where.json"
    before = read(path) or {"commands": []}
    found = {
        "device": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "driver": said("nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"),
        "machine": machine("torch"),
        "commit": commit or said("git", "-C", str(HERE), "describe", "--always", "--dirty", "--abbrev=40"),
        "commands": [*before["commands"], command()],
    }
    path.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def said(*command: str) -> str | None:
    """The first line that a command prints; None where it cannot be run."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.partition("\n")[0].strip() or None


def report(session: Session) -> None:
    """Reports of the finished runs, and everything but the weights in one file."""
    late = replace(session, deadline=time.monotonic() + 120)
    runs = session.out / "runs"
    if any(runs.glob("*/result.json")):
        files = (("--markdown", "report.md"), ("--csv", "report.csv"), ("--html", "report.html"))
        where = [part for option, name in files for part in (option, str(session.out / name))]
        completed(late, "-m", "archkit", "report", str(runs), *where)
        if (session.out / "budget-buys.toml").exists():  # else no run is of `budget`
            table = str(session.out / "budget-buys.csv")
            completed(late, str(HERE / "budget_buys.py"), "table", str(runs), "-o", table)
    with tarfile.open(session.out / "results.tar.gz", "w:gz") as archive:
        for path in sorted(session.out.rglob("*")):
            if path.is_file() and (path.suffix in PACKED or path.name == CORRECT_FILE):
                archive.add(path, path.relative_to(session.out))
    print(f"{session.out / 'results.tar.gz'}: {(session.out / 'results.tar.gz').stat().st_size:,} bytes")


def limited(text: str) -> tuple[str, float]:
    """`MEASUREMENT` or `MEASUREMENT=MINUTES`: which, and how many minutes it may take."""
    name, _, minutes = text.partition("=")
    if name not in WORK:
        raise argparse.ArgumentTypeError(f"no measurement is called {name!r}: {', '.join(WORK)}")
    try:
        return name, float(minutes) if minutes else float("inf")
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r}: minutes are a number") from None


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", default="cifar10")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=9.0)
    parser.add_argument(
        "--only", nargs="+", type=limited, metavar="MEASUREMENT[=MINUTES]", help=", ".join(WORK)
    )
    parser.add_argument("--commit", help="of what is measured; asked of git unless given")
    parser.add_argument("--quick", action="store_true")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    deadline = time.monotonic() + 60 * args.minutes - LEFT_FOR_REPORTS
    session = Session(data=args.data, out=args.out, deadline=deadline, quick=args.quick)
    note_where(session, args.commit)
    ended = {}
    for name, minutes in args.only or [limited(name) for name in WORK]:
        if session.left <= 0:
            print(f"{name}: no time left")
            ended[name] = False
            continue
        try:
            of_it = replace(session, deadline=min(session.deadline, time.monotonic() + 60 * minutes))
            ended[name] = WORK[name](of_it)
        except Exception:  # noqa: BLE001 - the next one may do
            traceback.print_exc()
            ended[name] = False
        print(
            f"{name}: {'done' if ended[name] else 'not finished'}, {max(0.0, session.left):.0f} s left",
            flush=True,
        )
    report(session)
    return 0 if all(ended.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
