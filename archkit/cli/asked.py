"""The runs that `archkit bench` is asked for, and what carries them out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import typer

from archkit.bench.recipe import load_recipe, override
from archkit.cli.render import say
from archkit.errors import RunError
from archkit.files import shipped

if TYPE_CHECKING:
    from collections.abc import Sequence

    from archkit.bench.data.dataset import DataSet
    from archkit.bench.sweep.run_suite import Runner
    from archkit.bench.sweep.suite import Suite
    from archkit.spec import ArchSpec

__all__ = ["RECIPE", "asked_suite", "runner_of", "say_adapted", "share"]

RECIPE: Final = "fast"
"""The recipe unless another is asked for."""

_DATA: Final = "cifar10"


def share(suite: Suite, shard: str, *, alone: bool, quiet: bool) -> Suite:
    """The runs of one shard.

    Raises:
        RunError: it is not written as one.
    """
    from archkit.bench.sweep.numbers import read_shard

    if alone:
        raise typer.BadParameter("--shard is for several runs: of a suite, or of --seeds")
    number, of = read_shard(shard)
    share = suite.shard(number, of)
    if not quiet:
        say(f"shard {number} of {of}: {len(share.runs)} of {len(suite.runs)} runs")
    return share


def asked_suite(
    spec: str,
    *,
    recipe: str | None,
    changes: Sequence[tuple[str, Any]],
    seed: int | None,
    seeds: str | None,
    out: Path | None,
) -> tuple[Suite, bool]:
    """The runs that are asked for, and whether it is a single run: then `out` is its folder.

    Raises:
        RunError: the suite, the recipe or the seeds are wrong.
        SpecError: the network is not one.
    """
    from archkit.bench.sweep.numbers import read_seeds
    from archkit.bench.sweep.run import Run, asked_input
    from archkit.bench.sweep.suite import Suite, load_suite
    from archkit.spec import parse

    if seed is not None and seeds is not None:
        raise typer.BadParameter("--seed or --seeds, not both")
    file = Path(spec) if spec.endswith(".toml") else shipped("benchmarks").get(spec)
    if file is not None:
        if recipe is not None or seed is not None:
            raise typer.BadParameter("a suite has its own recipes and seeds; --set and --seeds change them")
        chosen = None if seeds is None else read_seeds(seeds)
        return load_suite(file, seeds=chosen, changes=changes), False
    network = parse(spec)
    how = override(load_recipe(recipe if recipe is not None else RECIPE), changes)
    alone = seeds is None
    chosen = (seed if seed is not None else 0,) if seeds is None else read_seeds(seeds)
    runs = tuple(
        Run(
            label=spec,
            spec=network,
            recipe=how,
            seed=one,
            folder=out if alone else None,
            input=asked_input(spec, network),
        )
        for one in chosen
    )
    return Suite(title=spec, data=_DATA, train_size=None, test_size=None, runs=runs), alone


def say_adapted(spec: ArchSpec, data: DataSet) -> None:
    """Says what the data's images and classes change in the network, if they do."""
    from archkit.bench.sweep.place import adapt

    adapted = adapt(spec, data)
    if adapted != spec:
        size = "x".join(str(n) for n in adapted.input)
        say(f"{data.name} has images of {size} and {adapted.classes} classes; the network is built for them")


def runner_of(
    on: str | None,
    *,
    address: str | None,
    gpus_per_trial: float | None,
    slurm: Sequence[str],
    device: str,
    jobs: int,
) -> Runner | None:
    """What `--on` names, with its options; None for this machine's own runners.

    Raises:
        BadParameter: an option does not go with it.
    """
    if on != "ray" and (address is not None or gpus_per_trial is not None):
        raise typer.BadParameter("--address and --gpus-per-trial go with --on ray")
    if on != "submitit" and slurm:
        raise typer.BadParameter("--slurm goes with --on submitit")
    if on is None:
        return None
    if on == "ray":
        from archkit.bench.sweep.on_ray import OnRay

        if jobs > 1:
            raise typer.BadParameter("--jobs does not go with --on ray, which fills the room that there is")
        return OnRay(address=address, device=device, gpus_per_trial=gpus_per_trial)
    from archkit.bench.sweep.on_submitit import OnSubmitit, read_parameters

    try:
        parameters = read_parameters(slurm)
    except RunError as error:
        raise typer.BadParameter(str(error)) from error
    return OnSubmitit(parameters=parameters, device=device, at_once=jobs if jobs > 1 else None)
