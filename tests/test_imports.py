"""Which part of archkit may import what, seen from outside."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

# Anything heavy that is imported while this runs ends the process with a message.
REFUSE = """
import sys

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {names}:
            sys.exit(f"imported {{name}}")

sys.meta_path.insert(0, Refuse())
"""
TORCH = ("torch", "torchvision", "timm", "fvcore", "ptflops", "thop", "torchinfo")


def run_refusing(names: tuple[str, ...], code: str, *args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", REFUSE.format(names=names) + code, *args],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.mark.parametrize("name", ["torch", "torchvision", "numpy", "rich"])
def test_the_refusal_itself_works(name: str) -> None:
    done = run_refusing((name,), f"import {name}")
    assert done.returncode == 1
    assert f"imported {name}" in done.stderr


def test_the_refusal_reaches_what_a_command_imports() -> None:
    """`archkit bench` does need torch: the same check that passes below fails here."""
    done = run_refusing(
        TORCH, "from archkit.cli import main; main()", "bench", "resnet10", "--data", "shapes"
    )
    assert done.returncode == 1
    assert "imported torch" in done.stderr


@pytest.mark.parametrize(
    "args",
    [
        ["--help"],
        ["--version"],
        ["count", "[2,1,1,1]x[64,128,256,512]"],
        ["count", "--json", "resnet50"],
        ["count", "resnet10", "resnet12"],
        ["count", "--memory", "--target", "tflm", "resnet10"],
        ["draw", "resnet10", "resnet12"],
        ["enumerate", "--max-params", "5e6", "--limit", "1"],
        ["enumerate", "--max-params", "5e6", "--limit", "1", "--json"],
        ["bench", "--help"],
        ["reconcile", "[2,2,2,1]x[16,32,64,512]", "3.15M"],
        ["zoo"],
    ],
    ids=lambda args: " ".join(args[:2]),
)
def test_commands_that_never_import_torch(args: list[str]) -> None:
    done = run_refusing(TORCH, "from archkit.cli import main; main()", *args)
    assert done.returncode == 0, done.stderr
    assert done.stdout


def test_counting_needs_neither_numpy_nor_arrow() -> None:
    done = run_refusing(
        (*TORCH, "numpy", "pyarrow"), "from archkit.cli import main; main()", "count", "resnet10"
    )
    assert done.returncode == 0, done.stderr


def test_importing_archkit_imports_nothing_heavy() -> None:
    done = run_refusing(
        (*TORCH, "numpy", "pyarrow", "rich", "typer"),
        "import archkit; archkit.parse('resnet10'); loaded = {n.partition('.')[0] for n in sys.modules};"
        "assert loaded.isdisjoint(['torch', 'numpy', 'rich', 'typer']), loaded",
    )
    assert done.returncode == 0, done.stderr


def test_counting_in_arrays_is_imported_when_it_is_asked_for() -> None:
    """`archkit.count.count_arrays` brings numpy; `archkit.count` alone does not."""
    code = (
        "import archkit.count; assert 'count_arrays' in archkit.count.__all__; print('light', flush=True); "
    )
    done = run_refusing(("numpy",), code + "archkit.count.count_arrays")
    assert done.stdout == "light\n"
    assert "imported numpy" in done.stderr
    assert run_refusing(TORCH, code + "archkit.count.count_arrays").returncode == 0


def test_what_carries_runs_out_elsewhere_does_not_import_torchvision() -> None:
    """It takes as long as torch itself, and 160 MB; only runs that draw operations for images need it."""
    code = "import archkit.bench.sweep.on_ray, archkit.bench.sweep.desk, archkit.bench.sweep.worker"
    done = run_refusing(("torchvision",), code)
    assert done.returncode == 0, done.stderr


def test_imports_point_one_way() -> None:
    lint = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([lint, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert "3 kept, 0 broken" in done.stdout
