"""`Trained`: the network of a finished run, tested again as the run tested it, and asked about images."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

import torch

from archkit.bench.data.dataset import Part
from archkit.bench.recipe import Precision
from archkit.bench.train.device import arithmetic, backends
from archkit.bench.train.device_data import Labelled
from archkit.bench.train.evaluation import EVALUATION_BATCH, Answers, Views, answers
from archkit.bench.train.results import WEIGHTS_FILE, Result, read_result
from archkit.bench.use.preprocess import AnImage, Preprocess, preprocess
from archkit.errors import DataError
from archkit.nn import Network, build, load_weights
from archkit.spec import parse

__all__ = ["Trained", "trained"]

_EXACT: Final[tuple[Precision, ...]] = ("float32", "tf32", "bfloat16")


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Trained:
    """The network of a finished run.

    Attributes:
        result: what is recorded of the run.
        model: the network with its weights, in evaluation mode.
        prepare: what it is given of an image.
        device: where it is.
    """

    result: Result
    model: Network
    prepare: Preprocess
    device: torch.device

    def evaluate(self, part: Part, views: Views = "one") -> Answers:
        """Tests the network as the run did: in the same precision, in the same batches.

        On the device, with the versions and the number of threads of the run, the count is the run's to the
        image. Elsewhere sums are rounded otherwise, and an image that is close to two classes may change.

        Args:
            part: uint8 images, N x C x H x W, and labels, N; `archkit.bench.data.load.load_test` gives them.
            views: see `archkit.bench.train.evaluation.answers`.
        """
        mean, std = (
            torch.tensor(each, device=self.device)[:, None, None]
            for each in (self.prepare.mean, self.prepare.std)
        )
        images = Labelled.of(part, self.device)
        with self._as_it_was() as bfloat16:
            return answers(self.model, images, mean=mean, std=std, bfloat16=bfloat16, views=views)

    @torch.inference_mode()
    def probabilities(self, images: Iterable[AnImage]) -> Iterator[tuple[float, ...]]:
        """For each image the probability of each class, in the order of `result.data.classes`.

        Raises:
            DataError: an image cannot be read, or is not of the network's size.
        """
        ready = map(self.prepare, images)
        while batch := list(islice(ready, EVALUATION_BATCH)):
            given = torch.stack(batch).to(self.device, memory_format=torch.channels_last)
            with (
                self._as_it_was() as bfloat16,
                torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=bfloat16),
            ):
                logits = self.model(given).float()
            yield from (tuple(row) for row in logits.softmax(1).tolist())

    @contextmanager
    def _as_it_was(self) -> Iterator[bool]:
        """The precision and the threads of the run, for the length of a block; whether it is bfloat16."""
        env = self.result.environment
        # What `auto` came to there.
        precision = next((each for each in _EXACT if each == env.precision), self.result.recipe.precision)
        threads = torch.get_num_threads()
        if self.device.type == "cpu" and env.device_type == "cpu":
            torch.set_num_threads(env.threads)
        try:
            with backends(precision):
                yield arithmetic(precision, self.device) == "bfloat16"
        finally:
            torch.set_num_threads(threads)


def trained(folder: Path, *, device: torch.device | None = None, resize: bool | None = None) -> Trained:
    """The network of the finished run in `folder`, from its result and its weights.

    Args:
        folder: contains `result.json` and `weights.safetensors`.
        device: where the network is to be; the CPU unless given.
        resize: see `preprocess`.

    Raises:
        DataError: there is no such run, it has no weights, or it was recorded before archkit kept what is
            needed.
        WeightsError: the weights cannot be read, or are not the network's.
    """
    if not folder.is_dir():
        raise DataError(f"{folder} is not the folder of a run")
    result = read_result(folder)
    prepare = preprocess(result, resize=resize)
    device = device or torch.device("cpu")
    if not (folder / WEIGHTS_FILE).exists():
        raise DataError(f"{folder} is a run without weights: it has no {WEIGHTS_FILE}")
    network = build(parse(result.spec))
    load_weights(network, folder / WEIGHTS_FILE)
    model = network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stubs lack the pair
    return Trained(result=result, model=model.eval(), prepare=prepare, device=device)
