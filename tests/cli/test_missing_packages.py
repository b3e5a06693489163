"""Counting, enumerating and solving where torch and the packages around it are not installed."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from archkit.cli.missing import PACKAGES, how_to_install

ROOT = Path(__file__).parents[2]

# As if these were not installed: an import fails as Python itself lets it fail.
ABSENT = """
import sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {names}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Absent())
from archkit.cli import main
main()
"""
TORCH = ("torch", "torchvision", "timm", "fvcore", "ptflops")
PLAIN = "[2,1,1,1]x[64,128,256,512]"
SMALL = "[1..2]*2x[{8,16}]"


def run_without(names: tuple[str, ...], *args: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", ABSENT.format(names=names), *args],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        cwd=cwd,
    )


@pytest.mark.parametrize(
    "args",
    [
        ["count", PLAIN],
        ["count", "--json", "resnet50", "resnet10"],
        ["count", "--memory", "--batch", "8", PLAIN],
        ["count", "--as", "fvcore", PLAIN],
        ["count", "--as", "torch", PLAIN],
        ["count", PLAIN, "--budget", "budgets/microcontroller.toml"],
        ["enumerate", SMALL],
        ["enumerate", SMALL, "--max-params", "10k", "--count"],
        ["enumerate", SMALL, "--sample", "2", "--max-peak-memory", "640k"],
        ["enumerate", SMALL, "--json"],
        ["solve", SMALL, "--max-params", "100k"],
        ["solve", SMALL, "--pareto", "params,+macs"],
        ["reconcile", "[2,2,2,1]x[16,32,64,512]", "3.15M"],
        ["zoo"],
        ["bench", "--help"],
        ["report", "--help"],
        ["export", "--help"],
        ["eval", "--help"],
    ],
    ids=lambda args: " ".join(args[:3]),
)
def test_commands_that_need_no_torch(args: list[str]) -> None:
    done = run_without(TORCH, *args)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert done.stdout


@pytest.mark.parametrize(
    ("absent", "args", "packages"),
    [
        (TORCH, ["count", "--check", PLAIN], "torch torchvision"),
        (TORCH, ["count", "--check", "--as", "fvcore", PLAIN], "torch torchvision"),
        (TORCH, ["bench", "resnet10", "--data", "shapes"], "torch torchvision"),
        (("pyarrow",), ["enumerate", SMALL, "--output", "list.parquet"], "pyarrow"),
        (("numpy",), ["solve", SMALL], "numpy"),
        (TORCH, ["export", PLAIN, "-o", "net.py"], "torch torchvision"),
        (("onnx",), ["export", PLAIN, "-o", "net.onnx"], "onnx onnxruntime onnxscript"),
        (("onnxscript",), ["export", PLAIN, "-o", "net.onnx"], "onnx onnxruntime onnxscript"),
        (
            ("onnxruntime",),
            ["export", PLAIN, "--to", "onnx", "-o", "net.onnx"],
            "onnx onnxruntime onnxscript",
        ),
    ],
)
def test_a_command_that_needs_a_missing_package_says_what_to_install(
    tmp_path: Path, absent: tuple[str, ...], args: list[str], packages: str
) -> None:
    done = run_without(absent, *args, cwd=tmp_path)
    assert done.returncode == 1
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: this command needs ")
    assert line.endswith(f", which is not installed: pip install {packages}")
    assert list(tmp_path.iterdir()) == []


def test_a_module_that_archkit_does_not_know_is_an_error_like_any_other() -> None:
    done = run_without(("archkit.nowhere", "tomllib"), "count", PLAIN, "--budget", "budgets/cifar10-5m.toml")
    assert done.returncode == 1
    assert done.stderr.endswith("ModuleNotFoundError: No module named 'tomllib'\n")
    assert how_to_install(ModuleNotFoundError("No module named 'torch.moon'", name="torch.moon")) is None


def test_every_module_from_elsewhere_is_known() -> None:
    """What archkit imports is what is listed, and what is listed are its dependencies."""
    imported = set()
    for path in (ROOT / "archkit").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                imported |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                imported.add((node.module or "").partition(".")[0])
    # Asked for a figure only where they are installed.
    counters = {"calflops", "deepspeed", "thop", "torchinfo", "torchprofile"}
    elsewhere = imported - set(sys.stdlib_module_names) - {"archkit", "typer"} - counters
    assert elsewhere <= PACKAGES.keys(), "name what to install in archkit/cli/missing.py"
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    optional = [line for lines in project["optional-dependencies"].values() for line in lines]
    named = {re.match(r"[\w-]+", line)[0] for line in [*project["dependencies"], *optional]}
    assert {package for packages in PACKAGES.values() for package in packages.split()} <= named
