"""`logging`: the epochs of a run as TensorBoard events in the run's folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archkit.bench.sweep.folder import partial_folder
from archkit.bench.train.events import Event, Step, Watch
from archkit.bench.train.results import EpochRow
from archkit.errors import RunError

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

__all__ = ["logging"]


@contextmanager
def logging(folder: Path, watch: Watch) -> Iterator[Watch]:
    """A Watch that writes down every epoch before it calls `watch`.

    The scalars of an epoch are `loss/train`, `loss/validation`, `accuracy/train`, `accuracy/validation`
    (shares from 0 to 1), `lr` and `images_per_second`. If a run goes on from a checkpoint, events of later
    epochs that an earlier part wrote are marked as void.

    Args:
        folder: the run's folder; while the run goes on, events are written to `partial_folder(folder)`.
        watch: called with every event.

    Raises:
        RunError: the package tensorboard is missing.
    """
    log = _Log(partial_folder(folder), _writer_class(), watch)
    try:
        yield log
    finally:
        log.close()


class _Log:
    """Writes at each epoch, and closes the file after the last, because the folder is renamed then."""

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
        """Closes the file; the folder may be gone by now, as after a loss that is not finite."""
        if self._writer is not None:
            with suppress(FileNotFoundError):
                self._writer.close()
            self._writer = None

    def _write(self, row: EpochRow) -> None:
        if self._writer is None:
            self._writer = self._new(str(self._folder), purge_step=row.epoch)
        for name, value in _scalars(row):
            self._writer.add_scalar(name, value, row.epoch)
        # So that it can be watched, and nothing is left to be written when the folder is removed.
        self._writer.flush()


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
        raise RunError("--log tensorboard needs the package tensorboard: pip install tensorboard") from error
    return SummaryWriter
