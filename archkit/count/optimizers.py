"""What optimizers keep of a network, and which training steps there can be."""

from __future__ import annotations

from typing import Final

from archkit.errors import BudgetError, unknown

__all__ = ["OPTIMIZER_STATES", "check_step"]

OPTIMIZER_STATES: Final = {"none": 0, "sgd": 0, "momentum": 1, "adam": 2, "adamw": 2, "adadelta": 2}
"""Values that an optimizer keeps for each parameter: SGD's momentum; Adam's two moments; Adadelta's
averages of squared gradients and of squared steps."""


def check_step(batch: int, optimizer: str) -> None:
    """Refuses a training step that there cannot be.

    Raises:
        BudgetError: the batch is not positive, or the optimizer unknown.
    """
    if batch < 1:
        raise BudgetError(f"a batch has 1 image or more, not {batch}")
    if optimizer not in OPTIMIZER_STATES:
        raise BudgetError(unknown("optimizer", optimizer, OPTIMIZER_STATES))
