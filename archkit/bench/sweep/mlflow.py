"""The epochs of a run in MLflow: in `mlflow.db` beside the runs, unless $MLFLOW_TRACKING_URI says where.

Shown by `mlflow ui --backend-store-uri sqlite:///runs/mlflow.db`.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

__all__ = ["make"]

_EXPERIMENT: Final = "archkit"
_FOLDER: Final = "archkit.folder"  # the tag by which a run that goes on is found
_SEEN: Final = "accuracy/train"  # a figure that every epoch has
_LONGEST: Final = 500  # characters of a parameter, which is what MLflow takes


def make(partial: Path, folder: Path, about: dict[str, Any]) -> Callable[[int], _Tracked]:  # noqa: ARG001 - a logger's
    """What begins to track at a run's first epoch.

    Raises:
        ImportError: the package is missing.
    """
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    from mlflow.tracking import MlflowClient

    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.WARNING)
    where = os.environ.get("MLFLOW_TRACKING_URI")
    if where is None:
        folder.parent.mkdir(parents=True, exist_ok=True)
        where = f"sqlite:///{(folder.parent / 'mlflow.db').resolve()}"
    client = MlflowClient(tracking_uri=where)
    return lambda epoch: _Tracked(client, folder, about, epoch)


class _Tracked:
    """A run of MLflow's: a new one from the first epoch on, else the one that was left, which goes on."""

    def __init__(self, client: MlflowClient, folder: Path, about: dict[str, Any], epoch: int) -> None:
        self._client = client
        found = client.get_experiment_by_name(_EXPERIMENT)
        experiment = found.experiment_id if found is not None else client.create_experiment(_EXPERIMENT)
        name = str(folder.resolve())
        text = name.replace("'", "\\'")
        old = (
            client.search_runs([experiment], f"tags.`{_FOLDER}` = '{text}'", max_results=1)
            if epoch > 1
            else []
        )
        if old:
            self._run = old[0].info.run_id
            client.update_run(self._run, status="RUNNING")
        else:
            self._run = client.create_run(experiment, run_name=folder.name, tags={_FOLDER: name}).info.run_id
            for key, value in about.items():
                client.log_param(self._run, key, str(value)[:_LONGEST])
        self._there = max((one.step for one in client.get_metric_history(self._run, _SEEN)), default=0)

    def write(self, epoch: int, figures: Mapping[str, float]) -> None:
        if epoch <= self._there:  # written before the run was cut off; what comes again is the same
            return
        for name, value in figures.items():
            self._client.log_metric(self._run, name, value, step=epoch)

    def close(self, *, whole: bool) -> None:
        self._client.set_terminated(self._run, "FINISHED" if whole else "KILLED")
