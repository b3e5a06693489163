"""The epochs of a run as TensorBoard events in the run's folder."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

__all__ = ["make"]


def make(partial: Path, folder: Path, about: dict[str, Any]) -> Callable[[int], _Events]:  # noqa: ARG001 - a logger's
    """What opens the file at a run's first epoch.

    Raises:
        ImportError: the package is missing.
    """
    from torch.utils.tensorboard import SummaryWriter

    return lambda epoch: _Events(partial, SummaryWriter, epoch)


class _Events:
    """A file of events; those of later epochs, which an earlier part of the run wrote, are marked as void."""

    def __init__(self, folder: Path, writer: type[SummaryWriter], epoch: int) -> None:
        self._writer: Any = writer(str(folder), purge_step=epoch)

    def write(self, epoch: int, figures: Mapping[str, float]) -> None:
        for name, value in figures.items():
            self._writer.add_scalar(name, value, epoch)
        # So that it can be watched, and nothing is left to be written when the folder is removed.
        self._writer.flush()

    def close(self, *, whole: bool) -> None:  # noqa: ARG002 - a Writer's
        # The folder may be gone by now, as after a loss that is not finite.
        with suppress(FileNotFoundError):
            self._writer.close()
