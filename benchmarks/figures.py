"""Writes the measured figures into the pages, from the files in `benchmarks/results`; nobody copies one.

    python benchmarks/figures.py                # writes what stands between the marks
    python benchmarks/figures.py --check        # says which page is behind, and fails if one is
    python benchmarks/figures.py --measure      # first runs the benchmarks that need no GPU, about 6 minutes

`benchmarks/results/cpu` holds what those benchmarks print with `--json`, and runs. Every other folder there
is what `benchmarks/gpu.py` packed: `where.json` and whatever else was measured. In a page, a table goes
between `<!-- figures: NAME -->` and `<!-- end of figures -->`. Beside each folder of runs their report is
written too, as a page and as CSV.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from figures_cpu import SCRIPTS, counting, on_cpu, solver, solver_table, startup
from figures_gpu import at_once, budget, checks, each_gpu, gpu_folders, gpu_runs, speed
from figures_objectives import objectives, objectives_by_table, shapes, small_orders
from figures_recipes import recipes
from figures_runs import best_of_each_recipe, best_said, runs_table, sections_of
from figures_table import read, table

from archkit.bench.report import to_csv
from archkit.bench.report.html import to_html

ROOT = Path(__file__).parent.parent
RESULTS = Path("benchmarks/results")  # in ROOT; the reports name their runs so
PAGES = (
    "README.md",
    "docs/bench.md",
    "docs/budgets.md",
    "docs/paper.md",
    "benchmarks/results/README.md",
)
MARKED = re.compile(
    r"(?P<head><!-- figures: (?P<name>[\w-]+) -->\n).*?(?P<foot><!-- end of figures -->)", re.DOTALL
)


def headline(results: Path) -> str:
    """What the README says: the costs of counting, and the accuracies of a GPU where there are some."""
    found = {name: read(results / f"cpu/{name}.json") for name in SCRIPTS}
    rows = [*startup(found["startup"]), *counting(found["counting"]), next(iter(solver(found["solver"])))]
    for folder in gpu_folders(results):
        device = read(folder / "where.json")["device"]
        for section in sections_of(folder / "runs"):
            rows += [best_said(group, section, device) for group in best_of_each_recipe(section)]
    return table(("what", "measured"), rows)


TABLES: dict[str, Callable[[Path], str]] = {
    "headline": headline,
    "recipes": recipes,
    "cpu": on_cpu,
    "cpu-solver": solver_table,
    "objectives": objectives,
    "objectives-by-table": objectives_by_table,
    "shapes": shapes,
    "small-orders": small_orders,
    "paper-best": lambda results: runs_table(*sorted(results.glob("*/runs/resnet10-paper-best-*"))),
    "paper-row": lambda results: runs_table(results / "table4-resnet12" / "runs"),
    "cpu-runs": lambda results: runs_table(results / "cpu" / "runs"),
    "gpu-check": lambda results: each_gpu(results, checks),
    "gpu-speed": lambda results: each_gpu(results, speed),
    "gpu-at-once": lambda results: each_gpu(results, at_once),
    "gpu-runs": lambda results: each_gpu(results, gpu_runs),
    "gpu-budget": lambda results: each_gpu(results, budget),
}


def written(page: str, results: Path) -> str:
    """A page's text with every table in its place.

    Raises:
        KeyError: a mark names no table.
    """
    return MARKED.sub(lambda m: f"{m['head']}{TABLES[m['name']](results)}\n{m['foot']}", page)


def all_written(results: Path) -> Iterator[tuple[Path, str]]:
    """Every file that is written, with its text: the pages, and the reports of the runs."""
    for name in PAGES:
        page = Path(name)
        yield page, written(page.read_text(encoding="utf-8"), results)
    for runs in sorted(results.glob("*/runs")):
        sections = sections_of(runs)
        yield runs.parent / "report.html", to_html(sections, title=f"Measured: {runs.parent.name}")
        yield runs.parent / "report.csv", to_csv(sections)


def measure(results: Path) -> None:
    """Runs the benchmarks that need no GPU, and keeps what they print."""
    (results / "cpu").mkdir(parents=True, exist_ok=True)
    for name in (*SCRIPTS, "objectives"):
        options = ["--large"] if name == "solver" else []
        command = [sys.executable, str(ROOT / "benchmarks" / f"{name}.py"), "--json", *options]
        print(f"$ benchmarks/{name}.py --json {' '.join(options)}", flush=True)
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        found = json.loads(done.stdout.splitlines()[-1])
        (results / "cpu" / f"{name}.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--measure", action="store_true")
    args = parser.parse_args()
    os.chdir(ROOT)
    if args.measure:
        measure(RESULTS)
    behind = [
        (path, text)
        for path, text in all_written(RESULTS)
        if not path.exists() or path.read_text(encoding="utf-8") != text
    ]
    for path, text in behind:
        if not args.check:
            path.write_text(text, encoding="utf-8")
        print(f"{path}: {'is behind: benchmarks/figures.py writes it' if args.check else 'written'}")
    return 1 if args.check and behind else 0


if __name__ == "__main__":
    sys.exit(main())
