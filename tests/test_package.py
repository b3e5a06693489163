"""What the wheel holds, checked on a wheel that was built."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from configparser import ConfigParser
from email import message_from_string
from email.message import Message
from pathlib import Path

import pytest
from packaging.requirements import Requirement

import archkit

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (built,) = out.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def metadata(wheel: Path) -> Message:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        return message_from_string(archive.read(name).decode())


def test_it_installs_only_archkit(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        tops = {name.partition("/")[0] for name in archive.namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"archkit"}
    assert len(tops) == 2


def test_it_holds_every_file_of_the_package(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        shipped = {name for name in archive.namelist() if name.startswith("archkit/")}
    source = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "archkit").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    # Budgets and suites stand beside the package in a clone, and in it in the wheel.
    beside = [*(ROOT / "budgets").glob("*.toml"), *(ROOT / "benchmarks").glob("*.toml")]
    assert shipped == source | {f"archkit/shipped/{path.relative_to(ROOT).as_posix()}" for path in beside}
    assert "archkit/py.typed" in shipped


def test_budgets_and_suites_go_by_name_without_the_clone(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "installed")
    command = [sys.executable, "-c", "from archkit.cli import main; main()"]
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "installed")}

    def run(*args: str) -> str:
        done = subprocess.run(
            [*command, *args], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    names = {json.loads(line)["name"] for line in run("budgets", "--json").splitlines()}
    assert names == {path.stem for path in (ROOT / "budgets").glob("*.toml")}
    args = ("enumerate", "--space", "paper", "--budget", "cifar10-0.27m", "--count", "--json")
    assert json.loads(run(*args))["within"] > 0
    assert "smoke" in run("bench", "--help")


def test_metadata(metadata: Message, wheel: Path) -> None:
    assert metadata["Name"] == "archkit"
    assert metadata["Version"] == archkit.__version__
    assert metadata["Requires-Python"] == ">=3.11"
    assert metadata["License-Expression"] == "Apache-2.0"
    assert metadata.get_all("License-File") == ["LICENSE"]
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/entry_points.txt"))
        entry_points = ConfigParser()
        entry_points.read_string(archive.read(name).decode())
    assert {section: dict(entry_points[section]) for section in entry_points.sections()} == {
        "console_scripts": {"archkit": "archkit.cli:main"}
    }


def test_requirements(metadata: Message) -> None:
    requirements = [Requirement(line) for line in metadata.get_all("Requires-Dist")]
    pinned = [str(r) for r in requirements if any(s.operator in {"==", "==="} for s in r.specifier)]
    assert pinned == []
    always = {r.name: r.specifier for r in requirements if r.marker is None}
    assert {"torch", "torchvision", "timm", "fvcore", "ptflops", "typer", "rich"} <= set(always)
    assert "2.6.0" in always["torch"]
    assert "2.5.1" not in always["torch"]


def test_the_unpacked_wheel_counts(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
    code = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import archkit; "
        f"assert archkit.__file__.startswith({str(tmp_path)!r}); from archkit.cli import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", code, "count", "[2,1,1,1]x[64,128,256,512]"],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    assert "4,977,226" in done.stdout
