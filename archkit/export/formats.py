"""`FORMATS`: the formats in which a network is written, one row each.

A format is a module of this package with two functions:

    write(network, about, path, choices) -> str | None     writes the file; the user is told what it returns
    run(path) -> Run                                       the file as a function, to be compared and tested

`network` takes what the file takes: where `about.folded`, it normalises pixels itself. A format whose files
have no place for an `About` leaves `inside` off, and a JSON file lies beside the file. Where they have one,
the module has a third function, `read_about(path) -> About`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from archkit.errors import DataError, ExportError, OutputError, unknown

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from archkit.export.about import About

Run: TypeAlias = "Callable[[NDArray[np.float32]], NDArray[np.float32]]"
"""B x C x H x W float32 -> B x K logits."""

__all__ = [
    "FORMATS",
    "SUFFIXES",
    "TOLERANCE",
    "Choices",
    "Format",
    "Run",
    "check_path",
    "find_format",
    "format_for",
    "format_of",
]

TOLERANCE: Final = 1e-4
"""How far the logits of a file may be from the network's, over the largest of these."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Choices:
    """What may be chosen of some formats; None where nothing was.

    Attributes:
        opset: of ONNX's operators.
        quantize: the integers of a TensorFlow Lite file: `int8` or `int16x8`; None for float32.
        images: B x C x H x W float32, what the network takes: a sample of what it will see.
    """

    opset: int | None = None
    quantize: str | None = None
    images: NDArray[np.float32] | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Format:
    """A row.

    Attributes:
        name: the word behind `--to`.
        suffix: what its files end in.
        says: what it is, for the help.
        needs: the modules from elsewhere that it imports.
        beside: suffixes of further files that it writes beside the first.
        inside: whether its files say themselves what an `About` says.
        choices: the fields of `Choices` that it takes.
        tolerance: see `TOLERANCE`; None where the file computes something else on purpose, and so the
            difference is only said.
    """

    name: str
    suffix: str
    says: str
    needs: tuple[str, ...] = ("torch",)
    beside: tuple[str, ...] = ()
    inside: bool = False
    choices: frozenset[str] = frozenset()
    tolerance: float | None = TOLERANCE

    def files(self, path: Path) -> tuple[Path, ...]:
        """Every file that it writes for `path`."""
        more = [path.with_suffix(suffix) for suffix in self.beside]
        return (path, *more) if self.inside else (path, *more, _described(path))

    def check_installed(self) -> None:
        """Sees that what it needs is there.

        Raises:
            ModuleNotFoundError: it is not.
        """
        for name in self.needs:
            import_module(name)

    def write(self, network: Any, about: About, path: Path, choices: Choices) -> str | None:
        """Writes a network.

        Args:
            network: a torch module in evaluation mode, that takes what the file is to take.
            about: what is recorded in the file, or beside it.
            path: of the file.
            choices: those that the format takes.

        Returns:
            What more there is to say of the file, if anything.

        Raises:
            ExportError: it cannot be written in this format.
            OSError: the file cannot be written.
        """
        self.check_installed()
        said: str | None = self._module().write(network, about, path, choices)
        if not self.inside:
            _described(path).write_text(about.to_json(), encoding="utf-8")
        return said

    def read_about(self, path: Path) -> About:
        """What the file says of itself.

        Raises:
            DataError: it cannot be read, or says nothing.
        """
        from archkit.export.about import About

        try:
            if self.inside:
                self.check_installed()
                found: About = self._module().read_about(path)
                return found
            path.open("rb").close()
            if not _described(path).is_file():
                raise DataError(
                    f"it is not there, and it would say what {path.name} is: `archkit export` writes both"
                )
            return About.from_text(_described(path).read_text(encoding="utf-8"))
        except OSError as error:
            raise DataError(f"cannot read {error.filename or path}: {error.strerror or error}") from error
        except UnicodeDecodeError as error:
            raise DataError(f"{_described(path)} is not UTF-8") from error
        except DataError as error:
            raise DataError(f"{path if self.inside else _described(path)}: {error}") from error

    def run(self, path: Path) -> Run:
        """The file as a function.

        Raises:
            DataError: it is no model of this format.
        """
        self.check_installed()
        found: Run = self._module().run(path)
        return found

    def _module(self) -> Any:
        return import_module(f"archkit.export.{self.name.replace('-', '_')}")


_ROWS: Final = (
    Format(
        name="pytorch",
        suffix=".py",
        says="one readable module that needs torch alone, and its weights beside it",
        beside=(".pt",),
    ),
    Format(
        name="onnx",
        suffix=".onnx",
        says="ONNX, for any number of images at once",
        needs=("torch", "onnx", "onnxscript", "onnxruntime"),
        inside=True,
        choices=frozenset({"opset"}),
    ),
    Format(
        name="torch-export",
        suffix=".pt2",
        says="torch.export's program, for any number of images at once",
        inside=True,
    ),
    Format(
        name="tflite",
        suffix=".tflite",
        says="TensorFlow Lite, for phones and microcontrollers, and the same bytes as C++",
        needs=("torch", "ai_edge_litert"),
        beside=(".cc",),
        choices=frozenset({"quantize"}),
    ),
)

FORMATS: Final[dict[str, Format]] = {row.name: row for row in _ROWS}
"""Every format by its name."""

SUFFIXES: Final = tuple(row.suffix for row in _ROWS)
"""What exported files end in."""


def find_format(name: str) -> Format:
    """The format of a name.

    Raises:
        ExportError: there is none.
    """
    found = FORMATS.get(name)
    if found is None:
        if name == "timm":
            raise ExportError(
                "timm has no file: `import archkit.export.timm` registers the zoo, and then"
                ' timm.create_model("archkit_resnet10") makes a network'
            )
        raise ExportError(unknown("format", name, FORMATS))
    return found


def format_for(to: str | None, path: Path) -> Format:
    """The format of a name, or by the ending of the file that is to be written.

    Raises:
        ExportError: there is none.
    """
    if to is not None:
        return find_format(to)
    for found in FORMATS.values():
        if path.suffix == found.suffix:
            return found
    names = ", ".join(f"{found.suffix} ({found.name})" for found in FORMATS.values())
    raise ExportError(f"{path} ends in none of {names}")


def format_of(path: Path) -> Format:
    """The format of an exported file, by what its name ends in.

    Raises:
        DataError: it is that of no format.
    """
    for found in FORMATS.values():
        if path.suffix == found.suffix:
            return found
    raise DataError(f"{path} is no exported model: its name ends in none of {', '.join(SUFFIXES)}")


def check_path(chosen: Format, path: Path, *, force: bool) -> None:
    """Sees that the files of a format can be written at a path, before any work is done.

    Raises:
        ExportError: the path ends in something else than the format's files.
        OutputError: a file is there already, or its folder is not.
    """
    if path.suffix != chosen.suffix:
        raise ExportError(f"{path} does not end in {chosen.suffix}, as files of the format {chosen.name} do")
    if not path.parent.is_dir():
        raise OutputError(f"there is no folder {path.parent}")
    for file in chosen.files(path):
        if file.is_dir():
            raise OutputError(f"{file} is a folder")
        if file.exists() and not force:
            raise OutputError(f"{file} is there already; --force, or force=True, replaces it")


def _described(path: Path) -> Path:
    return path.with_name(f"{path.name}.json")
