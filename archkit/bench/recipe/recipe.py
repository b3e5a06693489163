"""`Recipe`: how a network is trained and which of its figures counts, as a frozen value."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from archkit.bench.recipe.augment import Augment
from archkit.bench.recipe.fields import ADDED, require
from archkit.bench.recipe.parts import (
    Compile,
    Initialise,
    Optimizer,
    Precision,
    Protocol,
    Resolution,
    Schedule,
)
from archkit.errors import RunError
from archkit.toml_values import MappingError, mapping, read

__all__ = ["Recipe"]

_MOST: Final = 10**9  # epochs, and images of a batch


@dataclass(frozen=True, kw_only=True, slots=True)
class Recipe:
    """Everything that decides a training run except the network, the data and the seed.

    Attributes:
        name: what people call it; it decides nothing, see `settings`.
        epochs: passes over the training images.
        batch_size: images in a step.
        drop_last: whether images that do not fill a last batch are left out of the epoch.
        label_smoothing: share of the target that is spread over all classes.
        precision: `float32`; `tf32`, the same with the operands of convolutions and products rounded to
            10 bits where the device can; `bfloat16`, autocast with float32 weights and norms; `auto`,
            bfloat16 where the device is faster in it and float32 elsewhere.
        compile: the mode in which `torch.compile` compiles the forward and backward pass, or `none`;
            `reduce-overhead` and `max-autotune` also record CUDA graphs.
        ema: decay of an exponential moving average of the weights, which is then validated, kept and tested
            in place of the weights themselves; 0 for none. It rises from 0.1 to this value as steps go by.
        optimizer: what updates the weights.
        schedule: how the learning rate moves.
        augment: how training images are changed.
        protocol: which figures count.
        stochastic_depth: the probability with which the body of the last residual block is left out for an
            image while training; it rises evenly from block to block (Huang et al. 2016).
        initialise: with which weights the network begins.
        resolution: how large the images are that are trained on.

    Raises:
        RunError: a value is out of range or contradicts another.
    """

    name: str
    epochs: int
    batch_size: int
    drop_last: bool = False
    label_smoothing: float = 0.0
    precision: Precision = "auto"
    compile: Compile = "none"
    ema: float = 0.0
    optimizer: Optimizer
    schedule: Schedule = field(default_factory=Schedule)
    augment: Augment = field(default_factory=Augment)
    protocol: Protocol = field(default_factory=Protocol)
    stochastic_depth: float = field(default=0.0, metadata=ADDED)
    initialise: Initialise = field(default_factory=Initialise, metadata=ADDED)
    resolution: Resolution = field(default_factory=Resolution, metadata=ADDED)

    def __post_init__(self) -> None:
        require(self.epochs >= 1, f"epochs must be at least 1, not {self.epochs}")
        require(self.epochs <= _MOST, f"epochs must be at most {_MOST:,}, not {self.epochs}")
        require(self.batch_size >= 2, f"batch_size must be at least 2, not {self.batch_size}")
        require(self.batch_size <= _MOST, f"batch_size must be at most {_MOST:,}, not {self.batch_size}")
        require(0 <= self.ema < 1, f"ema must be in [0, 1), not {self.ema:g}")
        require(
            0 <= self.label_smoothing < 1, f"label_smoothing must be in [0, 1), not {self.label_smoothing:g}"
        )
        require(
            0 <= self.stochastic_depth < 1,
            f"stochastic_depth must be in [0, 1), not {self.stochastic_depth:g}",
        )
        require(
            not (
                self.schedule.name == "onecycle"
                and self.schedule.cycle_momentum
                and self.optimizer.name == "adadelta"
            ),
            "schedule.cycle_momentum needs an optimizer with a momentum or betas, and adadelta has neither",
        )

    @classmethod
    def from_mapping(cls, table: Mapping[str, Any]) -> Recipe:
        """A recipe from nested mappings, as TOML and JSON give them; `to_mapping` is its inverse.

        Raises:
            RunError: a key is unknown or missing, or a value is of the wrong type or out of range.
        """
        try:
            return read(cls, table)
        except MappingError as error:
            raise RunError(str(error)) from error

    def to_mapping(self) -> dict[str, Any]:
        """All fields as nested plain mappings, defaults included."""
        return mapping(self)

    def settings(self) -> dict[str, Any]:
        """All fields except the name: two recipes with the same settings train in the same way."""
        fields = self.to_mapping()
        del fields["name"]
        return fields

    def deciding(self) -> dict[str, Any]:
        """The settings by which runs are told apart: without fields added later that are at their default.

        So a run keeps its key when a field is added that it does not use.
        """
        fields = _deciding(self)
        del fields["name"]
        return fields


def _deciding(part: Any) -> dict[str, Any]:
    found = {}
    for f in dataclasses.fields(part):
        value = getattr(part, f.name)
        default = f.default_factory() if callable(f.default_factory) else f.default
        if not f.metadata.get("added") or value != default:
            found[f.name] = _deciding(value) if dataclasses.is_dataclass(value) else value
    return found
