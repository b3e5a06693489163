"""`logging`: a run's epochs as TensorBoard events, in the run's folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archkit.bench.events import Event, Step, Watch
from archkit.bench.results import EpochRow
from archkit.bench.run_folder import partial_folder
from archkit.errors import RunError

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

__all__ = ["logging"]


@contextmanager
def logging(folder: Path, watch: Watch) -> Iterator[Watch]:
    """`watch`, every epoch written down before it is told.

    The scalars of an epoch, at its number: `loss/train`, `loss/validation`, `accuracy/train`,
    `accuracy/validation` (shares from 0 to 1), `lr`, `images_per_second`. Where a run goes on from a
    checkpoint, what an earlier part wrote of the epochs that come again is marked as void.

    Args:
        folder: the run's; while it runs, events go where `archkit.bench.run_folder.partial_folder` says.
        watch: is told every event too.

    Raises:
        RunError: the package tensorboard is missing.
    """
    log = _Log(partial_folder(folder), _writer_class(), watch)
    try:
        yield log
    finally:
        log.close()


class _Log:
    """Writes at each epoch, and closes with the last: then the folder gets another name."""

    def __init__(self, folder: Path, writer: type[SummaryWriter], watch: Watch) -> None:
        self._folder, self._new, self._watch = folder, writer, watch
        self._writer: Any = None
        self._epochs: int | None = None

    def __call__(self, event: Event) -> None:
        if isinstance(event, Step):
            self._epochs = event.epochs
        elif isinstance(event, EpochRow):
            self._write(event)
            if event.epoch == self._epochs:
                self.close()
        self._watch(event)

    def close(self) -> None:
        """Closes the file; that the folder may be gone, as after a loss that is not finite, is no matter."""
        if self._writer is not None:
            with suppress(FileNotFoundError):
                self._writer.close()
            self._writer = None

    def _write(self, row: EpochRow) -> None:
        if self._writer is None:
            self._writer = self._new(str(self._folder), purge_step=row.epoch)
        for name, value in _scalars(row):
            self._writer.add_scalar(name, value, row.epoch)
        self._writer.flush()  # so that it can be watched, and nothing is left to write if the folder goes


def _scalars(row: EpochRow) -> Iterator[tuple[str, float]]:
    yield "loss/train", row.train_loss
    yield "accuracy/train", row.train_correct / row.train_total
    yield "lr", row.lr
    yield "images_per_second", row.images_per_second
    if row.validation is not None:
        yield "loss/validation", row.validation.loss
        yield "accuracy/validation", row.validation.accuracy


def _writer_class() -> type[SummaryWriter]:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise RunError(
            "--log tensorboard needs the package tensorboard: pip install 'archkit[tensorboard]'"
        ) from error
    return SummaryWriter
