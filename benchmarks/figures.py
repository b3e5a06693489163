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
import csv
import json
import os
import re
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from budget_buys import FIGURES, correlations

from archkit.bench.recipe import Recipe, load_recipe, override, recipe_label, recipe_names
from archkit.bench.report import (
    Group,
    Section,
    data_text,
    find_runs,
    group_runs,
    network_name,
    to_csv,
    to_markdown,
)
from archkit.bench.report.html import to_html

ROOT = Path(__file__).parent.parent
RESULTS = Path("benchmarks/results")  # in ROOT; the reports name their runs so
PAGES = ("README.md", "docs/bench.md", "docs/budgets.md", "benchmarks/results/README.md")
SCRIPTS = ("startup", "counting", "arrays", "solver", "training")
MARKED = re.compile(
    r"(?P<head><!-- figures: (?P<name>[\w-]+) -->\n).*?(?P<foot><!-- end of figures -->)", re.DOTALL
)
PARTIAL = ".partial"  # what a run's folder ends in until it is finished
SEEDS = 3  # that a figure of the README's has at least
MOST_PARAMS = 5_000_000
KERNELS = 6  # of a profile that are shown
GAINS = {
    "images/s, batch 256": (256, "median", 1),
    "images/s, batch 1,024": (1024, "median", 1),
    "kernels, batch 256": (256, "kernel_seconds", -1),
}
NOTHING = "Nothing has been measured on a GPU yet."
NOT_THIS = "Not measured yet."

Table = Sequence[Sequence[str]]


def table(heads: Sequence[str], rows: Table, *, right: Sequence[str] = ()) -> str:
    """In Markdown; the columns `right` are numbers."""
    rule = ["---:" if head in right else "---" for head in heads]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (heads, rule, *rows))


def read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def about(value: float) -> str:
    """Three digits, or all of a whole number that has more."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


# --- without a GPU


def on_cpu(results: Path) -> str:
    """Every figure of the benchmarks that need no GPU."""
    found = [
        (f"`{name}.py`", *row)
        for name in SCRIPTS
        for row in CPU_ROWS[name](read(results / f"cpu/{name}.json"))
    ]
    rows = [(what, script, measured) for script, what, measured in found]
    return f"{cpu_where(results)}\n\n{table(('what', 'script', 'measured'), rows)}"


def cpu_where(results: Path) -> str:
    where = read(results / "cpu/solver.json")["environment"]
    return (
        f"{where['cpu']}, {where['cores']} shared cores of a virtual machine, Python {where['python']},"
        f" torch {where['torch']}. Times vary by a third and more with what else the machine does; ratios"
        " are of one run each."
    )


def startup(found: Any) -> Iterator[tuple[str, str]]:
    samples = next(each for what, each in found["seconds"].items() if "count" in what)
    ratio = found["ratios"]["torch_to_count"]
    yield (
        "`archkit count SPEC`, the whole process",
        f"{spread(samples, 's')}; importing torch takes {about(ratio)} times as long",
    )


def counting(found: Any) -> Iterator[tuple[str, str]]:
    yield (
        "one spec, from text to totals",
        f"{about(found['median']['text to totals'])} µs; fvcore's trace of the built module takes"
        f" {about(found['ratio'])} times as long",
    )


def arrays(found: Any) -> Iterator[tuple[str, str]]:
    samples = [rate / 1e6 for rate in found["networks_a_second"]["compiled"]]
    single = statistics.median(found["networks_a_second"]["one by one"]) / 1e6
    yield (
        "networks counted in arrays",
        f"{spread(samples, 'million a second')}; one by one {about(single)} million",
    )


def solver(found: Any) -> Iterator[tuple[str, str]]:
    seconds = {what: statistics.median(each) for what, each in found["seconds"].items()}
    memory, ratios, counts = found["gib"], found["ratios"], found["networks"]
    yield (
        f"the {counts['count']:,} networks of `[1..]*4x[8..512:8] order=nondecreasing` within 5M, counted",
        f"{about(seconds['count'])} s, {memory['count']:.2f} GiB",
    )
    yield "the same by a plain table in numpy", f"{about(seconds['plain'])} s, {memory['plain']:.2f} GiB"
    yield "the 10 best of them by entropy, and 1,000 samples", f"{about(seconds['best and sample'])} s"
    if "large" in seconds:
        yield (
            f"the {counts['large']:,} of `[1..]*5x[8..1024:8] order=nondecreasing` within 20M, counted",
            f"{about(seconds['large'])} s, {memory['large']:.2f} GiB",
        )
    over = ratios["the list over building torch modules"]
    yield (
        f"the {counts['list']:,} of the default space within 5M to Parquet, the whole process",
        f"{about(found['parquet_seconds'])} s; {about(over)} times the rate of building torch modules",
    )


def training(found: Any) -> Iterator[tuple[str, str]]:
    middle = {name: statistics.median(each) for name, each in found["images_per_second"].items()}
    ratios, plain = found["ratios"], max(rate for name, rate in middle.items() if name.startswith("plain"))
    own = found["environment"]["precision"]
    said = f"{about(middle['archkit'])} images/s in {own}, {about(ratios['archkit'])} times as fast"
    if own != "float32":
        said += f"; {about(middle['archkit, float32'])} in float32, {about(ratios['archkit, float32'])} times"
    yield (
        f"training steps of resnet10, batch {found['batch']}, one thread, over a DataLoader with"
        " torchvision's transforms",
        f"{said}; the DataLoader {about(plain)}",
    )
    load = statistics.median(found["cache_seconds"])
    yield "60,000 decoded images of CIFAR-10's size from the cache, checksum included", f"{load:.2f} s"


CPU_ROWS: dict[str, Callable[[Any], Iterator[tuple[str, str]]]] = {
    "startup": startup,
    "counting": counting,
    "arrays": arrays,
    "solver": solver,
    "training": training,
}


def spread(samples: Sequence[float], unit: str) -> str:
    return f"{about(statistics.median(samples))} {unit} ({about(min(samples))} to {about(max(samples))})"


def solver_table(results: Path) -> str:
    rows = list(solver(read(results / "cpu/solver.json")))
    return f"{cpu_where(results)}\n\n{table(('work', 'measured'), rows)}"


def cpu_runs(results: Path) -> str:
    return runs_table(results / "cpu" / "runs")


# --- on a GPU


def gpu_folders(results: Path) -> list[Path]:
    return sorted(path.parent for path in results.glob("*/where.json"))


def each_gpu(results: Path, part: Callable[[Path], str | None]) -> str:
    """What a part says of every GPU, under the device's name and the commit; or that there is nothing."""
    found = []
    for folder in gpu_folders(results):
        if text := part(folder):
            where = read(folder / "where.json")
            versions = where["machine"]
            above = (
                f"{where['device']}; driver {where['driver']}, torch {versions['torch']}, Python"
                f" {versions['python']}; commit {(where['commit'] or 'unknown')[:12]};"
                f" `benchmarks/results/{folder.name}`."
            )
            found.append(f"{above}\n\n{text}")
    return "\n\n".join(found) or (NOT_THIS if gpu_folders(results) else NOTHING)


def speed(folder: Path) -> str | None:
    path = folder / "speed.json"
    if not path.exists():
        return None
    found = read(path)
    ceiling = found["ceilings"]
    above = (
        f"Matrix product {ceiling['operations_per_second'] / 1e12:,.0f} T operations/s, copy"
        f" {ceiling['bytes_per_second'] / 1e9:,.0f} GB/s."
    )
    rows = []
    for one in found["results"]:
        least = one["floor"]["images_per_second"]
        said = (
            [one["failure"], "-"]
            if "failure" in one
            else [
                f"{one['median']:,.0f}",
                f"{one['median'] / least:.0%}",
            ]
        )
        rows.append(
            [one["network"], one["setup"], f"{one['batch']:,}", *said, f"{least:,.0f}", f"{one['goal']:,}"]
        )
    for one in found["for_scale"]:
        said = one.get("failure") or f"{one['median']:,.0f}"
        rows.append([one["title"], "for scale", f"{one.get('batch', '-')}", said, "-", "-", "-"])
    heads = ("network", "set-up", "batch", "images/s", "of the floor's", "floor, images/s", "goal")
    text = f"{above}\n\n{table(heads, rows, right=heads[2:])}"
    if steps := gains(found["results"]):
        heads = ("set-up", "over", *GAINS)
        text += f"\n\nWhat each set-up brought, of resnet10:\n\n{table(heads, steps, right=heads[2:])}"
    profiled = [one for one in found["results"] if one.get("kernels")]
    if timed := [one for one in profiled if one.get("kernel_seconds")]:
        steps = [step_time(one) for one in timed]
        heads = ("network", "set-up", "batch", "step, ms", "kernels of it, ms", "share")
        text += (
            "\n\nHow long of a step the device is at work; for the rest it waits for the host. The kernels of"
            f" five steps, added up:\n\n{table(heads, steps, right=heads[2:])}"
        )
    best = max(profiled, key=lambda one: float(one["median"]), default=None)
    eager = [one for one in profiled if one is not best and one["setup"].endswith("eager")]
    for one in [best, max(eager, key=lambda one: profiled.index(one), default=None)]:
        if one is not None:
            kernels = [(f"`{kernel_name(name)}`", f"{share:.1%}") for name, share in one["kernels"][:KERNELS]]
            title = f"Where the time goes: {one['network']}, {one['setup']}, batch {one['batch']}."
            text += f"\n\n{title}\n\n{table(('kernel', 'share'), kernels, right=('share',))}"
    return text


def kernel_name(name: str) -> str:
    """So much of it as tells what it does."""
    return re.sub(r"^void |at::native::|c10::|\(anonymous namespace\)::", "", name)[:80]


def gains(results: Sequence[Any]) -> list[list[str]]:
    """By how much each set-up of resnet10 was faster than the one before, and its kernels were shorter."""
    mine = [one for one in results if one["network"] == "resnet10" and "median" in one]
    setups = list(dict.fromkeys(one["setup"] for one in mine))

    def of(setup: str, batch: int, field: str) -> float | None:
        found = [one for one in mine if one["setup"] == setup and one["batch"] == batch]
        return found[0].get(field) if found else None

    rows = []
    for before, setup in pairwise(setups):
        cells = []
        for batch, field, power in GAINS.values():
            one, other = of(setup, batch, field), of(before, batch, field)
            cells.append(f"{(one / other) ** power:.2f}" if one and other else "-")
        rows.append([setup, before, *cells])
    return rows


def step_time(one: Any) -> list[str]:
    """A step's milliseconds, and those in which the device is at work."""
    step, kernels = one["batch"] / one["median"], one["kernel_seconds"]
    return [
        one["network"],
        one["setup"],
        f"{one['batch']:,}",
        f"{1e3 * step:.2f}",
        f"{1e3 * kernels:.2f}",
        f"{kernels / step:.0%}",
    ]


def checks(folder: Path) -> str | None:
    """What works on the device, and what failed."""
    path = folder / "check.json"
    if not path.exists():
        return None
    rows = [
        (one["what"], "failed" if one["failed"] else "works", one["said"]) for one in read(path)["checks"]
    ]
    return table(("what", "", "said"), rows)


def at_once(folder: Path) -> str | None:
    path = folder / "at-once.json"
    if not path.exists():
        return None
    found = read(path)
    rows = [
        (str(one["jobs"]), "-" if one["images_per_second"] is None else f"{one['images_per_second']:,.0f}")
        for one in found["results"]
    ]
    heads = ("runs at once", f"images/s of {found['spec']}, together")
    return table(heads, rows, right=heads)


def gpu_runs(folder: Path) -> str | None:
    parts = [runs_table(folder / "runs"), unfinished(folder / "runs")]
    return "\n\n".join(filter(None, parts)) or None


def unfinished(folder: Path) -> str:
    """The runs that were begun and had no time to end: their epochs, and what they had come to."""
    rows = []
    for path in sorted(folder.glob(f"*{PARTIAL}/epochs.csv")):
        with path.open(encoding="utf-8", newline="") as file:
            epochs = list(csv.DictReader(file))
        if not epochs:
            continue
        last = epochs[-1]
        trained = f"{int(last['train_correct']) / int(last['train_total']):.2%}"
        apart = [int(one["validation_correct"]) / int(one["validation_total"])
                 for one in epochs if one["validation_total"]]  # fmt: skip
        best = f"{max(apart):.2%}" if apart else "-"
        rows.append((f"`{path.parent.name.removesuffix(PARTIAL)}`", last["epoch"], trained, best))
    heads = ("run", "epochs done", "training images right in the last", "best on images set apart")
    title = "Begun and not finished; no figure of the test set comes of these:"
    return f"{title}\n\n{table(heads, rows, right=heads[1:])}" if rows else ""


def budget(folder: Path) -> str | None:
    path = folder / "budget-buys.csv"
    if not path.exists():
        return None
    with path.open(encoding="utf-8", newline="") as file:
        lines = list(csv.DictReader(file))
    groups: dict[tuple[str, int], list[dict[str, str]]] = {}
    for line in lines:
        groups.setdefault((line["recipe"], int(line["budget"])), []).append(line)
    rows = [
        [
            f"{most:,}",
            recipe,
            str(len(mine)),
            *("-" if rho is None else f"{rho:+.2f}" for rho in correlations(mine)),
        ]
        for (recipe, most), mine in sorted(groups.items())
    ]
    heads = ("budget", "recipe", "networks", *FIGURES)
    return "Spearman's rank correlation with accuracy:\n\n" + table(heads, rows, right=("budget", *heads[2:]))


def runs_table(folder: Path) -> str:
    """The report's tables of some runs, and how long they took."""
    sections = sections_of(folder)
    if not sections:
        return ""
    # The report's own heads would stand among the page's.
    text = re.sub(r"^## (.*)$", r"\1:", to_markdown(sections).strip(), flags=re.MULTILINE)
    rows = [
        times(group, network_name(group.spec, section.data))
        for section in sections
        for group in section.groups
    ]
    heads = ("network", "recipe", "training of a run, s", "compiling, s", "images/s", "device")
    return f"{text}\n\n{table(heads, rows, right=heads[2:5])}"


def sections_of(folder: Path) -> tuple[Section, ...]:
    """The finished runs of a folder, which need not be there."""
    return group_runs(find_runs([folder])[0]) if folder.is_dir() else ()


def times(group: Group, name: str) -> list[str]:
    results = [run.result for run in group.runs]
    compiling = [one.compile_seconds for one in results if one.compile_seconds is not None]
    device = sorted({f"{one.environment.device}, {one.environment.precision}" for one in results})
    return [
        name,
        recipe_label(group.recipe),
        f"{statistics.fmean(one.train_seconds for one in results):,.1f}",
        f"{statistics.fmean(compiling):,.1f}" if compiling else "-",
        f"{statistics.fmean(one.images_per_second for one in results):,.0f}",
        "; ".join(device),
    ]


# --- the pages


def headline(results: Path) -> str:
    """What the README says: the costs of counting, and the accuracies of a GPU where there are some."""
    found = {name: read(results / f"cpu/{name}.json") for name in SCRIPTS}
    rows = [*startup(found["startup"]), *counting(found["counting"]), next(iter(solver(found["solver"])))]
    for folder in gpu_folders(results):
        device = read(folder / "where.json")["device"]
        for section in sections_of(folder / "runs"):
            rows += [best_said(group, section, device) for group in best_of_each_recipe(section)]
    return table(("what", "measured"), rows)


def best_of_each_recipe(section: Section) -> list[Group]:
    """Of each recipe by name, the best network under 5M parameters that has three seeds."""
    best: dict[str, Group] = {}
    for group in section.groups:
        name = group.recipe.name
        if group.test.n >= SEEDS and group.params <= MOST_PARAMS:
            best[name] = max(best.get(name, group), group, key=lambda one: one.test.mean)
    return list(best.values())


def best_said(group: Group, section: Section, device: str) -> tuple[str, str]:
    low, high = group.test.interval or (group.test.mean, group.test.mean)
    network = f"{network_name(group.spec, section.data)}, {group.params:,} parameters"
    data = data_text(section.data).partition(",")[0]
    seconds = times(group, "")[2]
    return (
        f"{network}, recipe {recipe_label(group.recipe)}, on {data}, {device}",
        f"{100 * group.test.mean:.2f}%, mean of {group.test.n} (95% interval {100 * low:.2f} to"
        f" {100 * high:.2f}), {seconds} s of training each",
    )


def recipes(results: Path) -> str:
    """What each recipe that ships was measured to reach, and where; and which were not measured."""
    rows = []
    for name in recipe_names():
        shipped = load_recipe(name)
        found = [
            reached(group, section)
            for runs in sorted(results.glob("*/runs"))
            for section in sections_of(runs)
            for group in section.groups
            if same_training(group.recipe, shipped)
        ]
        rows += [(f"`{name}`", *row) for row in found] or [
            (f"`{name}`", "-", "-", "not measured yet", "-", "-")
        ]
    heads = ("recipe", "network", "parameters", "test accuracy", "training of a run, s", "where")
    return table(heads, rows, right=heads[2:5])


def same_training(recipe: Recipe, shipped: Recipe) -> bool:
    """Whether a recipe differs from one that ships in nothing but how fast it is computed."""
    how = [(key, getattr(shipped, key)) for key in ("name", "compile", "precision")]
    return recipe.name == shipped.name and override(recipe, how) == shipped


def reached(group: Group, section: Section) -> tuple[str, ...]:
    """A row of `recipes`: the mean over the seeds, with the interval where there are several."""
    data, n = section.data, group.test.n
    what = f"{100 * group.test.mean:.2f}%, "
    if group.test.interval is None:
        what += f"{n} run" if n == 1 else f"mean of {n} runs"
    else:
        low, high = group.test.interval
        what += f"mean of {n} runs (95% interval {100 * low:.2f} to {100 * high:.2f})"
    _, label, seconds, _, _, device = times(group, "")
    changed = label.removeprefix(group.recipe.name).strip()
    parts = [f"{data.name}, {group.runs[0].result.data.train:,} images trained on", device, changed]
    network = network_name(group.spec, data)
    return f"`{network}`", f"{group.params:,}", what, seconds, "; ".join(filter(None, parts))


BLOCKS: dict[str, Callable[[Path], str]] = {
    "headline": headline,
    "recipes": recipes,
    "cpu": on_cpu,
    "cpu-solver": solver_table,
    "cpu-runs": cpu_runs,
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
    return MARKED.sub(lambda m: f"{m['head']}{BLOCKS[m['name']](results)}\n{m['foot']}", page)


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
    for name in SCRIPTS:
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
