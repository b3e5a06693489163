"""What the wheel holds, checked on a wheel that was built."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from email import message_from_string
from email.message import Message
from pathlib import Path

import pytest

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
    assert shipped == source
    assert "archkit/py.typed" in shipped


def test_requirements(metadata: Message) -> None:
    assert metadata["Requires-Python"] == ">=3.11"
    assert metadata["License-Expression"] == "Apache-2.0"
    requirements = [line for line in metadata.get_all("Requires-Dist") if "extra ==" not in line]
    names = {line.replace(">", " ").replace("<", " ").split()[0] for line in requirements}
    assert {"torch", "torchvision", "timm", "fvcore", "ptflops", "typer", "rich"} <= names
    assert "torch>=2.6" in requirements
    assert not any("==" in line for line in requirements)


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
