"""The tables of what is measured without a GPU, from the files in `benchmarks/results/cpu`."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from figures_table import about, read, table

__all__ = ["SCRIPTS", "counting", "on_cpu", "solver", "solver_table", "startup"]


def on_cpu(results: Path) -> str:
    """Every figure of the benchmarks that need no GPU."""
    found = [
        (f"`{name.partition('-')[0]}.py`", *row)
        for name, rows_of in SCRIPTS.items()
        for row in rows_of(read(results / f"cpu/{name}.json"))
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
        f"the {counts['list']:,} of the space `paper` within 5M to Parquet, the whole process",
        f"{about(found['parquet_seconds'])} s; {about(over)} times the rate of building torch modules",
    )


def training(found: Any) -> Iterator[tuple[str, str]]:
    middle = {name: statistics.median(each) for name, each in found["images_per_second"].items()}
    plain = max(rate for name, rate in middle.items() if name.startswith("plain"))
    where, ratios = found["environment"], found["ratios"]

    def rate(loop: str) -> str:
        of_peak = found.get("of_peak", {}).get(loop)  # measured since it was asked for
        share = "" if of_peak is None else f" and {of_peak:.0%} of the matrix peak"
        return f"{about(middle[loop])} images/s, {about(ratios[loop])} times as fast{share}"

    said = [f"{rate('archkit')} in {where['precision']}"]
    if where["precision"] != "float32":
        said.append(f"{rate('archkit, float32')} in float32")
    if "archkit, compiled" in middle:
        said.append(f"{rate('archkit, compiled')} if compiled")
    yield (
        f"training steps of {found.get('name', 'resnet10')} on {where['device']}, batch {found['batch']}, one"
        " thread, over a DataLoader with torchvision's transforms",
        f"{'; '.join(said)}; the DataLoader {about(plain)}",
    )
    if "name" not in found:
        load = statistics.median(found["cache_seconds"])
        yield "60,000 decoded images of CIFAR-10's size from the cache, checksum included", f"{load:.2f} s"


SCRIPTS: dict[str, Callable[[Any], Iterator[tuple[str, str]]]] = {
    "startup": startup,
    "counting": counting,
    "arrays": arrays,
    "solver": solver,
    "training": training,
    "training-xeon-resnet10": training,
    "training-xeon-resnet12": training,
}
"""The benchmarks, each with what the pages say of it."""


def spread(samples: Sequence[float], unit: str) -> str:
    return f"{about(statistics.median(samples))} {unit} ({about(min(samples))} to {about(max(samples))})"


def solver_table(results: Path) -> str:
    rows = list(solver(read(results / "cpu/solver.json")))
    return f"{cpu_where(results)}\n\n{table(('work', 'measured'), rows)}"
