"""Counting, enumerating and solving where torch and what stands on it are not installed.

The environment is a real one, made of links to the distributions that the README's short install names
and those that they need: it takes a second and no network.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
import venv
from importlib.metadata import Distribution, distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
# `pip install numpy ...`, the line after the one that installs archkit without what it depends on.
SHORT = re.compile(r"^ +pip install --no-deps .*\n +pip install (?P<names>.*)$", re.MULTILINE)
HEAVY = ("torch", "torchvision", "timm", "fvcore", "ptflops")


def light() -> list[Requirement]:
    """What the README says to install beside archkit itself."""
    found = SHORT.search(README)
    assert found is not None
    return [Requirement(name.strip("'\"")) for name in found["names"].split()]


def needed(names: list[str]) -> dict[str, Distribution]:
    """The distributions of these names and all that they require, by name."""
    found: dict[str, Distribution] = {}
    while names:
        name = names.pop()
        if name not in found:
            found[name] = distribution(name)
            required = map(Requirement, found[name].requires or [])
            names += [r.name for r in required if r.marker is None or r.marker.evaluate({"extra": ""})]
    return found


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of an environment that holds archkit and the README's short list."""
    home = tmp_path_factory.mktemp("bare")
    venv.create(home, with_pip=False, symlinks=True)
    (packages,) = home.glob("lib/python*/site-packages")
    for found in needed([r.name for r in light()]).values():
        tops = {Path(file).parts[0] for file in found.files or []} - {"..", "__pycache__"}
        for top in tops:
            (packages / top).symlink_to(Path(str(found.locate_file(top))))
    (packages / "archkit").symlink_to(ROOT / "archkit")
    return home / "bin" / "python"


def run(bare: Path, *args: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [bare, "-I", *args], capture_output=True, text=True, check=False, timeout=300, cwd=cwd
    )


def test_the_short_list_is_part_of_what_archkit_requires() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    required = {r.name: r for r in map(Requirement, project["dependencies"])}
    for one in light():
        assert one.name in required
        # Only an upper end is repeated: a fresh install takes the newest, which the lower end allows.
        upper = {s for s in required[one.name].specifier if s.operator.startswith("<")}
        assert set(one.specifier) == upper


@pytest.mark.parametrize("name", HEAVY)
def test_the_environment_is_bare(bare: Path, name: str, tmp_path: Path) -> None:
    done = run(bare, "-c", f"import {name}", cwd=tmp_path)
    assert f"No module named '{name}'" in done.stderr


def test_the_environment_holds_what_it_should(bare: Path, tmp_path: Path) -> None:
    done = run(bare, "-c", "import archkit, numpy; print(archkit.__file__, numpy.__file__)", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert all(str(bare.parent.parent) in path for path in done.stdout.split())


SPACE = "[1..2]*3x[{16,32}]"


@pytest.mark.parametrize(
    ("args", "printed"),
    [
        (["count", "[2,1,1,1]x[64,128,256,512]"], "4,977,226"),
        (["count", "--memory", "resnet10"], "training"),
        (["draw", "resnet10"], "74%"),
        (["count", "--as", "fvcore", "[2,1,1,1]x[64,128,256,512]"], "329,937,920"),
        (["count", "--budget", str(ROOT / "budgets" / "cifar10-5m.toml"), "resnet10"], "19,766"),
        (["enumerate", SPACE, "--count", "--json"], '"within": 64'),
        (["enumerate", SPACE, "--output", "nets.csv"], ""),
        (["enumerate", SPACE, "--sample", "3"], "params"),
        (["solve", SPACE, "--max-params", "100k"], "Exact"),
        (["solve", SPACE, "--pareto", "params,+macs"], "params"),
        (["reconcile", "[2,2,2,1]x[16,32,64,512]", "3.15M"], "shortcut=conv3"),
        (["zoo"], "resnet50"),
        (["--help"], "bench"),
    ],
    ids=lambda part: " ".join(part[:3]) if isinstance(part, list) else "",
)
def test_commands(bare: Path, tmp_path: Path, args: list[str], printed: str) -> None:
    done = run(bare, "-m", "archkit", *args, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert printed in done.stdout


def test_parquet_says_what_it_takes(bare: Path, tmp_path: Path) -> None:
    """The README names pyarrow apart, for it is larger than all the rest."""
    done = run(bare, "-m", "archkit", "enumerate", SPACE, "--output", "nets.parquet", cwd=tmp_path)
    needs = "error: this command needs pyarrow, which is not installed: pip install pyarrow\n"
    assert (done.returncode, done.stdout, done.stderr) == (1, "", needs)
    assert not list(tmp_path.iterdir())


def test_the_same_figures_as_in_the_whole_environment(bare: Path, tmp_path: Path) -> None:
    args = ["-m", "archkit", "enumerate", SPACE, "--json"]
    there = run(bare, *args, cwd=tmp_path).stdout.splitlines()
    here = subprocess.run(
        [sys.executable, *args], capture_output=True, text=True, check=True, cwd=ROOT
    ).stdout
    assert there == here.splitlines()
    assert len(there) == 64
    assert json.loads(there[0])["params"]


def test_from_python(bare: Path, tmp_path: Path) -> None:
    code = (
        "from archkit import layout, parse, totals; from archkit.count import count, count_arrays;"
        "from archkit.budget import candidates, solve; from archkit.spec import parse_space;"
        "print(totals(parse('resnet10')).params, len(list(layout(parse('resnet10')))))"
    )
    done = run(bare, "-c", code, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("4980234 ")
