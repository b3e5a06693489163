"""Parts of a `Recipe`, each of which checks itself: what moves the weights, and which figures count."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

from archkit.bench.recipe.fields import ADDED, require

__all__ = [
    "TORCH_OPTIMIZERS",
    "Compile",
    "Initialise",
    "Optimizer",
    "Precision",
    "Protocol",
    "Resolution",
    "Schedule",
    "TestAugment",
]

TORCH_OPTIMIZERS: Final = ("sgd", "adam", "adamw", "adadelta", "muon")
"""What `optimizer.name` may be, besides `timm:NAME`."""

# Beyond these, a product of two of them is no float32 any more, which torch refuses with an error of its own.
_FASTEST: Final = 1e30
_MOST_DECAY: Final = 1e6
_MOST_TIMES: Final = 1e6  # the factor of one group's rate or decay
_SIZES: Final = 3  # of smaller images: with two sizes of batches, what torch compiles of one network

ScheduleName: TypeAlias = Literal["onecycle", "cosine", "step", "constant"]
Precision: TypeAlias = Literal["auto", "float32", "tf32", "bfloat16"]
Select: TypeAlias = Literal["best", "last"]
Compile: TypeAlias = Literal["none", "default", "reduce-overhead", "max-autotune"]
TestAugment: TypeAlias = Literal["none", "flip", "six"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Optimizer:
    """What updates the weights; names and meanings are those of `torch.optim` or of timm.

    Attributes:
        name: one of torch's, see `TORCH_OPTIMIZERS`; or `timm:NAME` for any that
            `timm.optim.list_optimizers()` lists.
        lr: the learning rate; the highest one if the schedule warms up.
        momentum: for `sgd`, `muon` and timm's optimizers; 0 for torch's others, and for timm's own default.
        nesterov: whether the momentum is Nesterov's; for `sgd` and `muon`.
        weight_decay: what the optimizer means by it: `sgd`, `adam` and `adadelta` add an L2 penalty to the
            gradient, `adamw` and `muon` decay the weights separately.
        decay_norm_bias: whether norms and biases are decayed too, as they are in torch by default.
        norm_bias_lr: by what the learning rate is multiplied for norms and biases.
        norm_bias_decay: by what the decay is multiplied for norms and biases, where they are decayed.
        lookahead: after how many steps the weights go back to a point between where they are and where they
            were when they last did so (Zhang et al. 2019); 0 for never.
        lookahead_share: how far along that way the point is, from where they were; 1 for not going back.
    """

    name: str
    lr: float
    momentum: float = 0.0
    nesterov: bool = False
    weight_decay: float = 0.0
    decay_norm_bias: bool = True
    norm_bias_lr: float = field(default=1.0, metadata=ADDED)
    norm_bias_decay: float = field(default=1.0, metadata=ADDED)
    lookahead: int = field(default=0, metadata=ADDED)
    lookahead_share: float = field(default=0.5, metadata=ADDED)

    def __post_init__(self) -> None:
        require(self.lr > 0, f"optimizer.lr must be positive, not {self.lr:g}")
        require(self.lr <= _FASTEST, f"optimizer.lr must be at most {_FASTEST:g}, not {self.lr:g}")
        require(0 <= self.momentum < 1, f"optimizer.momentum must be in [0, 1), not {self.momentum:g}")
        require(self.weight_decay >= 0, f"optimizer.weight_decay must not be negative: {self.weight_decay:g}")
        require(
            self.weight_decay <= _MOST_DECAY,
            f"optimizer.weight_decay must be at most {_MOST_DECAY:g}, not {self.weight_decay:g}",
        )
        names = " | ".join(TORCH_OPTIMIZERS)
        timm = self.name.startswith("timm:")
        require(
            timm or self.name in TORCH_OPTIMIZERS,
            f"optimizer.name is {names} | timm:NAME, not {self.name!r}",
        )
        moves = self.name in ("sgd", "muon")
        require(
            moves or timm or not self.momentum, f"optimizer.momentum is for sgd and muon, not {self.name}"
        )
        require(moves or not self.nesterov, f"optimizer.nesterov is for sgd and muon, not {self.name}")
        require(not self.nesterov or self.momentum > 0, "optimizer.nesterov needs a momentum")
        for name, times in (("lr", self.norm_bias_lr), ("decay", self.norm_bias_decay)):
            require(
                0 <= times <= _MOST_TIMES,
                f"optimizer.norm_bias_{name} must be 0 to {_MOST_TIMES:g}, not {times:g}",
            )
        require(
            self.decay_norm_bias or self.norm_bias_decay == 1,
            "optimizer.norm_bias_decay is for optimizer.decay_norm_bias=true",
        )
        require(
            self.lr * self.norm_bias_lr <= _FASTEST
            and self.weight_decay * self.norm_bias_decay <= _MOST_DECAY,
            f"with optimizer.norm_bias_lr={self.norm_bias_lr:g} and"
            f" optimizer.norm_bias_decay={self.norm_bias_decay:g}, norms and biases have a rate above"
            f" {_FASTEST:g} or a decay above {_MOST_DECAY:g}",
        )
        require(self.lookahead >= 0, f"optimizer.lookahead must not be negative: {self.lookahead}")
        require(
            0 < self.lookahead_share <= 1,
            f"optimizer.lookahead_share must be above 0 and at most 1, not {self.lookahead_share:g}",
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Schedule:
    """How the learning rate moves.

    Attributes:
        name: `onecycle`, torch's OneCycleLR, which moves the rate at each step; `cosine`, a linear warmup
            from 0 and then a cosine down to 0, which moves it at each step; `step`, which divides it by
            `divide` every `every` epochs; or `constant`.
        warmup: the share of all steps in which the rate rises; for `onecycle` and `cosine`.
        cycle_momentum: whether `onecycle` moves SGD's momentum against the rate, from 0.95 to 0.85 and back,
            as torch does by default.
        every: the epochs between two divisions; for `step`.
        divide: what the rate is divided by; for `step`.
        floor: the share of the highest rate to which `cosine` falls.
        flat: the share of all steps, at the end, in which `cosine` stays there, so that there is something to
            average.
    """

    name: ScheduleName = "constant"
    warmup: float = 0.3
    cycle_momentum: bool = False
    every: int = 20
    divide: float = 3.0
    floor: float = field(default=0.0, metadata=ADDED)
    flat: float = field(default=0.0, metadata=ADDED)

    def __post_init__(self) -> None:
        require(0 <= self.warmup < 1, f"schedule.warmup must be in [0, 1), not {self.warmup:g}")
        require(self.every >= 1, f"schedule.every must be at least 1 epoch, not {self.every}")
        require(self.name != "onecycle" or self.warmup > 0, "schedule.warmup must be positive for onecycle")
        require(self.divide >= 1, f"schedule.divide must be at least 1, not {self.divide:g}")
        require(0 <= self.floor <= 1, f"schedule.floor must be a share, 0 to 1, not {self.floor:g}")
        require(0 <= self.flat < 1, f"schedule.flat must be in [0, 1), not {self.flat:g}")
        cosine = self.name == "cosine"
        require(cosine or not self.floor, f"schedule.floor is for cosine, not {self.name}")
        require(cosine or not self.flat, f"schedule.flat is for cosine, not {self.name}")
        require(not self.flat or self.floor > 0, "schedule.flat needs a rate to stay at: set schedule.floor")
        require(
            not self.flat or self.warmup + self.flat < 1,
            f"schedule.warmup={self.warmup:g} and schedule.flat={self.flat:g} leave no step to fall in",
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Initialise:
    """With which weights a network begins, where these are not those of another run.

    Attributes:
        whitening: whether the filters of the first conv are the eigenvectors of the covariance of patches of
            the training images, each divided by the root of its eigenvalue, and their negatives.
        dirac: whether the first filters of the other convs, those of several pixels and in one group, pass on
            their input's channels unchanged.
    """

    whitening: bool = False
    dirac: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Resolution:
    """How large the images are that are trained on, as the epochs go by; tested are all at their full size.

    Attributes:
        start: the share of the images' height and width in the first epoch; 1 for their full size throughout.
        until: the share of the epochs after which they have their full size.
        steps: how many smaller sizes there are.
    """

    start: float = 1.0
    until: float = 0.5
    steps: int = 2

    def __post_init__(self) -> None:
        require(0 < self.start <= 1, f"resolution.start must be above 0 and at most 1, not {self.start:g}")
        require(0 < self.until <= 1, f"resolution.until must be above 0 and at most 1, not {self.until:g}")
        require(1 <= self.steps <= _SIZES, f"resolution.steps must be 1 to {_SIZES} sizes, not {self.steps}")

    def share(self, epoch: int, epochs: int) -> float:
        """The share of the images' height and width in an epoch, counted from 0.

        >>> [Resolution(start=0.5, until=0.5, steps=2).share(epoch, 8) for epoch in range(8)]
        [0.5, 0.5, 0.75, 0.75, 1.0, 1.0, 1.0, 1.0]
        """
        rising = round(self.until * epochs)
        if epoch >= rising:
            return 1.0
        return self.start + (1 - self.start) * (epoch * self.steps // rising) / self.steps


@dataclass(frozen=True, kw_only=True, slots=True)
class Protocol:
    """Which images are trained on, and the weights of which epoch are kept and tested.

    The test set is read once, at the end, with the weights that were kept.

    Attributes:
        validation: the share of the training images that is set apart and never trained on.
        select: the epoch that is kept: `best`, with the most correct validation images (the first of equals),
            or `last`.
        test_augment: a second score of the weights that were kept, beside that on the images as they are:
            `flip`, by the mean of the logits of an image and its mirror image; `six`, this one and a third,
            by the same of the image, which counts half, and of it moved by a pixel to either side along the
            diagonal, a quarter each; or `none`.
    """

    validation: float = 0.0
    select: Select = "last"
    test_augment: TestAugment = "none"

    def __post_init__(self) -> None:
        require(0 <= self.validation < 1, f"protocol.validation must be in [0, 1), not {self.validation:g}")
        require(
            self.select == "last" or self.validation > 0,
            "protocol.select=best needs validation images: set protocol.validation",
        )
