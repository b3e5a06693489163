"""The epochs of a run in Weights & Biases: in `wandb/` beside the runs, unless $WANDB_MODE says otherwise.

Sent by `wandb sync runs/wandb/offline-run-*`, with `--append` where a run was interrupted: its parts have one
name there.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

__all__ = ["make"]


def make(partial: Path, folder: Path, about: dict[str, Any]) -> Callable[[int], _Kept]:  # noqa: ARG001 - a logger's
    """What begins to keep at a run's first epoch.

    Raises:
        ImportError: the package is missing.
    """
    import wandb

    folder.parent.mkdir(parents=True, exist_ok=True)
    return lambda epoch: _Kept(wandb, folder, about, epoch)


class _Kept:
    """A run of theirs; one that goes on is another part of the same run."""

    def __init__(self, wandb: Any, folder: Path, about: dict[str, Any], epoch: int) -> None:
        self._first = epoch
        self._run = wandb.init(
            project="archkit",
            name=folder.name,
            id=hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:16],
            dir=str(folder.parent),
            mode=os.environ.get("WANDB_MODE", "offline"),
            config=about,
            reinit="create_new",  # several runs may go on at once
            settings=wandb.Settings(silent=True, console="off", disable_git=True, x_disable_stats=True),
        )

    def write(self, epoch: int, figures: Mapping[str, float]) -> None:
        self._run.log(dict(figures), step=epoch)

    def close(self, *, whole: bool) -> None:
        self._run.finish(exit_code=0 if whole else 1)
