"""`Conduct`: what is the same for all runs of a suite; and one run, carried out."""

from __future__ import annotations

import gc
from dataclasses import dataclass
from pathlib import Path

import torch

from archkit.bench.data.dataset import DataSet
from archkit.bench.sweep.place import adapt
from archkit.bench.sweep.run import Ended, Finished, Run, failed
from archkit.bench.sweep.run_spec import run_spec
from archkit.bench.train.events import Watch
from archkit.bench.train.threads import Threads

__all__ = ["Conduct", "freed"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Conduct:
    """What is the same for all runs of a suite.

    Attributes:
        device: where they run.
        root: the folder for the folders of the runs.
        force: whether a run that is already there is run again.
        resume: whether a run that was interrupted goes on; otherwise it counts as failed.
        threads: of the CPU, for each run; as in `archkit.bench.train.engine.train`.
        sharing: up to how many of them are given the same device at once.
    """

    device: torch.device
    root: Path = Path("runs")
    force: bool = False
    resume: bool = False
    threads: Threads = None
    sharing: int = 1

    def carry_out(self, run: Run, folder: Path, data: DataSet, watch: Watch) -> Ended:
        """Runs it to its end, good or bad; `folder` is what `archkit.bench.sweep.place.folder_of` says.

        Whatever is wrong is this run's error, and its memory is free when this returns.

        Raises:
            BrokenPipeError: whoever watches has gone, so that no run should go on.
        """
        try:
            ended = Ended(run=run, done=self._run(run, folder, data, watch))
        except BrokenPipeError:
            raise
        except Exception as error:  # noqa: BLE001 - of cuDNN, Triton or us: other runs may do better
            ended = failed(run, error)
        if ended.done is None or ended.done.fresh:  # thousands that are there already hold nothing
            freed(self.device)
        return ended

    def _run(self, run: Run, folder: Path, data: DataSet, watch: Watch) -> Finished:
        return run_spec(
            adapt(run.spec, data),
            data,
            run.recipe,
            device=self.device,
            seed=run.seed,
            out=folder,
            init=run.init,
            force=self.force,
            resume=self.resume,
            threads=self.threads,
            sharing=self.sharing,
            watch=watch,
        )


def freed(device: torch.device) -> None:
    """Frees what the last run held and a cycle keeps: a schedule and its optimizer hold each other."""
    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()
