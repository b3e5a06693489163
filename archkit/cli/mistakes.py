"""What a network gets wrong, as `archkit eval` prints it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from archkit.cli.render import exact, new_table, show

if TYPE_CHECKING:
    from archkit.bench.use.assess import Assessment

__all__ = ["assessed", "difference", "show_mistakes"]

_WHOLE_TABLE: Final = 12  # classes whose confusion matrix fits on a terminal


def assessed(found: Assessment, classes: tuple[str, ...]) -> dict[str, object]:
    """What is wrong, for `--json`."""
    each = zip(classes, found.images, found.correct, found.chosen, strict=True)
    return {
        "classes": [
            {"class": name, "images": images, "correct": correct, "chosen": chosen}
            for name, images, correct, chosen in each
        ],
        "confusion": found.confusion.tolist(),
        "calibration_error": found.calibration_error,
        "nll": found.nll,
    }


def show_mistakes(found: Assessment, classes: tuple[str, ...]) -> None:
    """Prints the calibration, and each class with what it is taken for."""
    from archkit.bench.use.assess import BINS
    from archkit.cli.tally import percent

    show(
        f"calibration    error {found.calibration_error:.2%} (ECE, {BINS} bins), negative log-likelihood"
        f" {found.nll:.4f}",
        "",
    )
    if len(classes) <= _WHOLE_TABLE:
        heads = tuple(str(at) for at in range(len(classes)))
        table = new_table("class", "", "accuracy", *heads, right=("accuracy", *heads))
        for at, (name, images, correct) in enumerate(zip(classes, found.images, found.correct, strict=True)):
            share = percent(correct, images) if images else "-"
            table.add_row(name, str(at), share, *(str(n) if n else "." for n in found.confusion[at]))
        show(table, "", "A row has the images of one class, a column those that are taken for it.")
        return
    worst = sorted(
        (at for at, images in enumerate(found.images) if images),
        key=lambda at: found.correct[at] / found.images[at],
    )
    table = new_table("least accurate", "accuracy", "images", right=("accuracy", "images"))
    for at in worst[:_WHOLE_TABLE]:
        table.add_row(classes[at], percent(found.correct[at], found.images[at]), exact(found.images[at]))
    pairs = new_table("class", "taken for", "images", right=("images",))
    for one, other, count in found.mistakes()[:_WHOLE_TABLE]:
        pairs.add_row(classes[one], classes[other], exact(count))
    show(table, "", pairs, "", f"--json has all {len(classes)} classes and the whole confusion matrix.")


def difference(came: tuple[str, ...], known: tuple[str, ...]) -> str:
    """The first class that one has and the other has not."""
    for one in came:
        if one not in known:
            return f"{one!r} is none of the run's"
    for one in known:
        if one not in came:
            return f"{one!r} is missing"
    return "they are in another order"
