"""What `archkit certify` says of a suite and its runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from archkit.cli.render import exact, json_line, say, show
from archkit.cli.working import working
from archkit.errors import RunError

if TYPE_CHECKING:
    from decimal import Decimal

    from archkit.bench.report import Proof
    from archkit.bench.report.certificate import By
    from archkit.budget import FairSample

__all__ = ["percent", "show_what_is_proved"]

_RUNS = "runs"


def percent(share: Decimal) -> str:
    """A share as it was asked for: `1%`."""
    return f"{(share * 100).normalize():f}%"


def show_what_is_proved(
    path: Path, runs: list[Path] | None, network: str | None, by: By | None, *, as_json: bool
) -> None:
    """Say what the runs in some folders prove, `runs` beside the suite unless others are given.

    Raises:
        RunError: the suite is none that `archkit certify` wrote, or was changed; or as `prove`.
        DataError: a folder is missing.
    """
    from archkit.bench.report import find_runs, prove
    from archkit.bench.sweep.suite import load_suite

    suite = load_suite(path)
    fair = suite.certificate
    if fair is None:
        raise RunError(
            f"{path} has no [certificate]: `archkit certify SPACE --output FILE` writes such a suite"
        )
    found, skipped = find_runs(runs or [path.parent / _RUNS])
    for reason in skipped:
        say(f"skipped: {''.join(c if c.isprintable() else ascii(c)[1:-1] for c in reason)}")
    with working("drawing the sample again"):
        drawn = {row.spec for row in fair.networks()}
    if drawn != {str(run.spec) for run in suite.runs}:
        raise RunError(
            f"{path}: these are not the networks that seed {fair.seed} draws: the suite was"
            " changed, or archkit"
            f" {fair.archkit}, which wrote it, draws others"
        )
    proof = prove(fair, found, network=network, by=by)
    if as_json:
        _print_proof(fair, proof)
    else:
        _show_proof(fair, proof)


def _print_proof(fair: FairSample, proof: Proof) -> None:
    from dataclasses import asdict

    found = {key: value for key, value in asdict(proof).items() if key != "data"}
    json_line(
        {
            "fit": fair.fit,
            "confidence": float(fair.confidence),
            "asked": {"draws": fair.draws, "top": float(fair.top)},
            **found,
            "data": {"name": proof.data.name, "checksum": proof.data.checksum},
        }
    )


def _show_proof(fair: FairSample, proof: Proof) -> None:
    from archkit.bench.report import data_text

    sure, fit, draws = percent(fair.confidence), exact(fair.fit), exact(proof.draws)
    several = len(proof.seeds) > 1
    show(
        data_text(proof.data),
        f"recipe {proof.recipe}, seed{'s' if several else ''} {', '.join(map(str, proof.seeds))}; ranked by"
        f" {proof.by} accuracy{', the mean of the seeds' if several else ''}",
        "",
    )
    if proof.missing is not None:
        show(
            f"{draws} of {exact(fair.draws)} draws count: the next one, {proof.missing}, has no finished run."
        )
    top = percent(fair.top) if proof.missing is None else f"{_up(100 * proof.top)}%"
    best = proof.best
    show(
        f"Proved, whatever the training: with {sure} confidence, the best of the {draws}"
        " draws lies in the top"
        f" {top} of the {fit} networks that fit, by the accuracy that training with "
        f"{'these seeds' if several else 'this seed'} gives.",
        f"The best, {best.spec} ({100 * best.score:.2f}%), is as good as or better than"
        f" {_span(best.share)} of"
        f" the {fit}.",
    )
    if (one := proof.named) is not None:
        show(
            f"{one.spec} ({100 * one.score:.2f}%) is as good as or better than {one.hits} of"
            f" the {draws} draws,"
            f" and than {_span(one.share)} of the {fit} with {sure} confidence, if it was"
            " chosen before the runs"
            " were seen.",
        )
    show("")
    noise = proof.noise
    if noise is None or best.expected is None:
        show("Seeds' noise: not known, since no network has two seeds; nothing is said of other seeds.")
        return
    show(
        f"Seeds' noise: one run has a standard deviation of {100 * noise.sd:.2f} points"
        f" ({noise.df} degrees of"
        " freedom). If it is normal and the same in all networks, the mean of each over all seeds lies within"
        f" {100 * noise.margin:.2f} points of what was seen. By these means, with {sure} confidence in all:",
        f"The best is as good as or better than {_span(best.expected)} of the {fit}.",
    )
    if one is not None and one.expected is not None:
        show(f"{one.spec} is as good as or better than {_span(one.expected)} of the {fit}.")


def _up(percent: float) -> str:
    """Two places, rounded up: what is proved is never more than what is said."""
    from math import ceil

    return f"{ceil(100 * percent) / 100:.2f}"


def _span(share: tuple[float, float]) -> str:
    """Two places, rounded outwards."""
    from math import floor

    low, high = share
    return f"{floor(10_000 * low) / 100:.2f}% to {_up(100 * high)}%"
