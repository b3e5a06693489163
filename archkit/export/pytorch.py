"""`pytorch`: a module of Python that needs torch alone, and its weights in a `.pt` file beside it."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import nn

from archkit.errors import DataError, first_line
from archkit.export.about import About
from archkit.export.formats import Choices
from archkit.export.module_text import module_text
from archkit.export.normalised import Normalised

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from archkit.export.formats import Run

__all__ = ["run", "write"]


def write(network: nn.Module, about: About, path: Path, choices: Choices) -> None:  # noqa: ARG001 - it takes none
    """Writes the module, and the weights that its `load` finds."""
    path.write_text(module_text(about), encoding="utf-8")
    inner = network.network if isinstance(network, Normalised) else network
    torch.save(dict(inner.state_dict()), path.with_suffix(".pt"))


def run(path: Path) -> Run:
    """Imports the module, which runs it as Python would, and loads its weights.

    Raises:
        DataError: it is no such module, or the weights are not its own.
    """
    spec = importlib.util.spec_from_file_location("archkit_exported", path)
    if spec is None or spec.loader is None:
        raise DataError(f"{path} is not a module of Python")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
        network = module.load(path.with_suffix(".pt"))
    except Exception as error:  # whatever a file may do that somebody has changed
        raise DataError(
            f"{path} does not run with its weights: {type(error).__name__}: {first_line(error)}"
        ) from error

    @torch.inference_mode()
    def logits(images: NDArray[np.float32]) -> NDArray[np.float32]:
        out: NDArray[np.float32] = network(torch.from_numpy(images)).numpy()
        return out

    return logits
