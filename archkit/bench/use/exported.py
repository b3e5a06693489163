"""A trained network as a file: what is recorded in it, and its accuracy, tested as the run was."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from archkit.bench.data.dataset import Part
from archkit.bench.train.device_data import Labelled
from archkit.bench.train.evaluation import Answers, answers
from archkit.bench.use.preprocess import Preprocess
from archkit.bench.use.trained import Trained
from archkit.errors import DataError
from archkit.export.about import About
from archkit.export.formats import Run, format_of

__all__ = ["TrainedFile", "about_run", "trained_file"]


def about_run(network: Trained, folder: Path, *, fold: bool) -> About:
    """What is recorded in a file with the network of a run.

    Args:
        network: of the run.
        folder: of the run.
        fold: whether the file normalises pixels itself.
    """
    result, prepare = network.result, network.prepare
    return About(
        spec=result.spec,
        input=prepare.input,
        weights=f"of the run {os.fsencode(folder.resolve().name).decode('utf-8', 'replace')}",
        classes=result.data.classes,
        mean=prepare.mean,
        std=prepare.std,
        folded=fold,
        resized=result.data.resized,
        correct=result.test.correct,
        total=result.test.total,
        test_checksum=result.data.test_checksum,
    )


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class TrainedFile:
    """An exported file with the weights of a run.

    Attributes:
        about: what is recorded of it.
        classes: names of the classes, in the order of the logits.
        prepare: what images are made into, pixels among them.
        run: the file as a function.
    """

    about: About
    classes: tuple[str, ...]
    prepare: Preprocess
    run: Run

    def evaluate(self, part: Part) -> Answers:
        """Tests the file, in the batches in which a run is tested.

        Args:
            part: uint8 images, N x C x H x W, and labels, N.
        """
        C = self.prepare.input[0]
        # A file that takes pixels is given them: less 0, over 1.
        values = ((0.0,) * C, (1.0,) * C) if self.about.folded else (self.prepare.mean, self.prepare.std)
        mean, std = (torch.tensor(each)[:, None, None] for each in values)
        images = Labelled.of(part, torch.device("cpu"))
        return answers(_Called(self.run), images, mean=mean, std=std, bfloat16=False)


class _Called(nn.Module):
    def __init__(self, run: Run) -> None:
        super().__init__()
        self.run = run

    def forward(self, x: Tensor) -> Tensor:
        return torch.from_numpy(self.run(np.ascontiguousarray(x.numpy())))


def trained_file(path: Path, *, resize: bool | None = None) -> TrainedFile:
    """An exported file that can be tested.

    Args:
        path: of the file.
        resize: whether images of another size are scaled; as the run did unless given.

    Raises:
        DataError: it is no such file, or it was exported without a run, and so has no classes.
        ModuleNotFoundError: its format needs a package that is not installed.
    """
    found = format_of(path)
    about = found.read_about(path)
    if about.classes is None or about.mean is None or about.std is None:
        raise DataError(
            f"{path} has no classes and no normalisation: it was exported without a run, its weights are"
            f" {about.weights}"
        )
    C, H, W = about.input
    prepare = Preprocess(
        input=(C, H, W),
        mean=about.mean,
        std=about.std,
        resize=about.resized if resize is None else resize,
    )
    return TrainedFile(about=about, classes=about.classes, prepare=prepare, run=found.run(path))
