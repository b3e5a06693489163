"""`torch-export`: torch.export's program, which torch runs without the source of the network."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import torch
from torch import nn

from archkit.errors import DataError, ExportError, first_line
from archkit.export.about import About
from archkit.export.formats import Choices
from archkit.export.quiet import quiet

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from archkit.export.formats import Run

__all__ = ["read_about", "run", "write"]

_ABOUT: Final = "archkit.json"
_EXAMPLES: Final = 2  # images to trace with: of one, torch would take the batch for fixed


def write(network: nn.Module, about: About, path: Path, choices: Choices) -> None:  # noqa: ARG001 - it takes none
    """Writes the program, for a batch of any size, and what is said of it as a file inside the archive.

    Raises:
        ExportError: this torch cannot leave the batch open, as torch before 2.10 cannot in some networks.
    """
    from torch._dynamo.exc import UserError  # brings torch's compiler

    batch = torch.export.Dim("batch", min=1)
    images = torch.zeros(_EXAMPLES, *about.input)
    with quiet():
        try:
            program = torch.export.export(network, (images,), dynamic_shapes=({0: batch},))
        except UserError as error:
            raise ExportError(
                f"torch {torch.__version__} cannot export this network: {first_line(error)}"
            ) from error
        torch.export.save(program, path, extra_files={_ABOUT: about.to_json()})


def read_about(path: Path) -> About:
    """What the file inside says.

    Raises:
        DataError: there is none, or the file is no program.
    """
    return About.from_text(_loaded(path)[1])


def run(path: Path) -> Run:
    """The program on the CPU.

    Raises:
        DataError: it is none.
    """
    module: Any = _loaded(path)[0].module()

    @torch.inference_mode()
    def logits(images: NDArray[np.float32]) -> NDArray[np.float32]:
        out: NDArray[np.float32] = module(torch.from_numpy(images)).numpy()
        return out

    return logits


def _loaded(path: Path) -> tuple[Any, str]:
    more = {_ABOUT: ""}
    path.open("rb").close()  # what cannot be read says so in Python's words
    with quiet():
        try:
            program = torch.export.load(path, extra_files=more)
        except Exception as error:  # a damaged archive fails wherever it is read first
            raise DataError(f"torch.export cannot load {path}: {first_line(error)}") from error
    return program, more[_ABOUT]
