"""`Initial`: the weights of a finished run, from which another run begins instead of from random ones."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from archkit.bench.train.results import WEIGHTS_FILE, read_result
from archkit.errors import DataError, RunError

__all__ = ["Initial", "read_initial"]

_LAST = "head.fc."  # the layer of the classes


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Initial:
    """Where a run begins.

    Attributes:
        folder: of the run whose weights these are.
        key: of that run.
        spec: its network, canonical text.
        classes: what its outputs stand for, in order.
        mean: C; by which its images were normalised, and those of the new run are.
        std: C; the same.
        weights: its weights and buffers, by their names.
    """

    folder: Path
    key: str
    spec: str
    classes: tuple[str, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    weights: dict[str, Tensor]

    def put_into(self, model: nn.Module, *, classes: tuple[str, ...]) -> None:
        """Gives a network these weights; its last layer keeps its own unless the classes are the same.

        Args:
            model: a network of archkit's.
            classes: those of the data that it will be trained on.

        Raises:
            RunError: the weights are those of another network.
        """
        own = model.state_dict()
        taken = {
            name: tensor
            for name, tensor in self.weights.items()
            if classes == self.classes or not name.startswith(_LAST)
        }
        for name in own:
            if name.startswith(_LAST) and name not in taken:
                continue
            if name not in taken or taken[name].shape != own[name].shape:
                raise RunError(f"{self.folder} has the weights of {self.spec}, another network than this one")
        if taken.keys() - own.keys():
            raise RunError(f"{self.folder} has the weights of {self.spec}, another network than this one")
        with torch.no_grad():
            for name, tensor in taken.items():
                own[name].copy_(tensor)


def read_initial(folder: Path) -> Initial:
    """The weights in the folder of a finished run.

    Raises:
        DataError: it is no folder of a finished run, its weights are gone, or it does not say how its images
            were normalised.
    """
    result = read_result(folder)
    if result.data.mean is None or result.data.std is None or result.data.classes is None:
        raise DataError(
            f"{folder} is a run of an older archkit, which does not say how its images were normalised"
        )
    path = folder / WEIGHTS_FILE
    try:
        weights = load_file(path)
    except (OSError, SafetensorError) as error:
        raise DataError(f"cannot read the weights {path}: {error}") from error
    return Initial(
        folder=folder,
        key=result.key,
        spec=result.spec,
        classes=tuple(result.data.classes),
        mean=tuple(result.data.mean),
        std=tuple(result.data.std),
        weights=weights,
    )
