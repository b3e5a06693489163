"""The parts of a `Recipe`, each of which checks itself: optimizer, schedule, augmentation and protocol."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from archkit.errors import RunError

__all__ = [
    "TORCH_OPTIMIZERS",
    "Augment",
    "Compile",
    "Optimizer",
    "PadMode",
    "Precision",
    "Protocol",
    "Schedule",
    "TestAugment",
    "require",
]

TORCH_OPTIMIZERS: Final = ("sgd", "adam", "adamw", "adadelta")
"""What `optimizer.name` may be, besides `timm:NAME`."""

# Beyond these, a product of two of them is no float32 any more, which torch refuses with an error of its own.
_FASTEST: Final = 1e30
_MOST_DECAY: Final = 1e6
_WIDEST: Final = 10_000  # pixels
_ALPHA: Final = (1e-6, 1e6)

ScheduleName: TypeAlias = Literal["onecycle", "cosine", "step", "constant"]
PadMode: TypeAlias = Literal["zeros", "reflect"]
Precision: TypeAlias = Literal["auto", "float32", "tf32", "bfloat16"]
Select: TypeAlias = Literal["best", "last"]
Compile: TypeAlias = Literal["none", "default", "reduce-overhead", "max-autotune"]
TestAugment: TypeAlias = Literal["none", "flip"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Optimizer:
    """What updates the weights; names and meanings are those of `torch.optim` or of timm.

    Attributes:
        name: one of torch's, see `TORCH_OPTIMIZERS`; or `timm:NAME` for any that
            `timm.optim.list_optimizers()` lists.
        lr: the learning rate; the highest one if the schedule warms up.
        momentum: for `sgd` and for timm's optimizers; 0 for torch's others, and for timm's own default.
        nesterov: whether the momentum is Nesterov's; for `sgd` only.
        weight_decay: what the optimizer means by it: `sgd`, `adam` and `adadelta` add an L2 penalty to the
            gradient, `adamw` decays the weights separately.
        decay_norm_bias: whether norms and biases are decayed too, as they are in torch by default.
    """

    name: str
    lr: float
    momentum: float = 0.0
    nesterov: bool = False
    weight_decay: float = 0.0
    decay_norm_bias: bool = True

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
        require(
            self.name == "sgd" or timm or not self.momentum, f"optimizer.momentum is for sgd, not {self.name}"
        )
        require(self.name == "sgd" or not self.nesterov, f"optimizer.nesterov is for sgd, not {self.name}")
        require(not self.nesterov or self.momentum > 0, "optimizer.nesterov needs a momentum")


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
    """

    name: ScheduleName = "constant"
    warmup: float = 0.3
    cycle_momentum: bool = False
    every: int = 20
    divide: float = 3.0

    def __post_init__(self) -> None:
        require(0 <= self.warmup < 1, f"schedule.warmup must be in [0, 1), not {self.warmup:g}")
        require(self.every >= 1, f"schedule.every must be at least 1 epoch, not {self.every}")
        require(self.name != "onecycle" or self.warmup > 0, "schedule.warmup must be positive for onecycle")
        require(self.divide >= 1, f"schedule.divide must be at least 1, not {self.divide:g}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Augment:
    """How training images are changed, in this order, with a draw for each image.

    Attributes:
        rotate: the largest angle in degrees; angles are drawn uniformly on either side. Rotation is to the
            nearest pixel, black outside.
        flip: the probability of a horizontal flip.
        pad: the pixels that are added on each side before a window of the image's size is cropped; 0 for no
            crop.
        pad_mode: what the added pixels show: black (`zeros`) or the image reflected (`reflect`).
        trivial: whether TrivialAugment (wide) changes each image by one random operation.
        cutout: the side of a square, centred on a random pixel, that shows the mean colour; 0 for none.
        erase: the probability that a random rectangle (2% to 33% of the area) shows the mean colour.
        mixup: alpha of the Beta distribution from which the share of each of two blended images comes; 0 for
            no blending.
        cutmix: alpha of the Beta distribution from which the size of a rectangle comes that is taken from
            another image; 0 for none. With `mixup` too, each image draws one of the two.
        mix: the probability that an image is mixed at all, by `mixup` or `cutmix`.
    """

    rotate: float = 0.0
    flip: float = 0.0
    pad: int = 0
    pad_mode: PadMode = "zeros"
    trivial: bool = False
    cutout: int = 0
    erase: float = 0.0
    mixup: float = 0.0
    cutmix: float = 0.0
    mix: float = 1.0

    def __post_init__(self) -> None:
        require(0 <= self.rotate <= 180, f"augment.rotate must be 0 to 180 degrees, not {self.rotate:g}")
        require(0 <= self.flip <= 1, f"augment.flip must be a probability, not {self.flip:g}")
        require(self.pad >= 0, f"augment.pad must not be negative: {self.pad}")
        require(self.pad <= _WIDEST, f"augment.pad must be at most {_WIDEST:,}, not {self.pad}")
        require(self.cutout >= 0, f"augment.cutout must not be negative: {self.cutout}")
        require(self.cutout <= _WIDEST, f"augment.cutout must be at most {_WIDEST:,}, not {self.cutout}")
        require(0 <= self.erase <= 1, f"augment.erase must be a probability, not {self.erase:g}")
        require(self.mixup >= 0, f"augment.mixup must not be negative: {self.mixup:g}")
        require(self.cutmix >= 0, f"augment.cutmix must not be negative: {self.cutmix:g}")
        for name, alpha in (("mixup", self.mixup), ("cutmix", self.cutmix)):
            require(
                alpha == 0 or _ALPHA[0] <= alpha <= _ALPHA[1],
                f"augment.{name} must be 0, or from {_ALPHA[0]:g} to {_ALPHA[1]:g}, not {alpha:g}",
            )
        require(0 <= self.mix <= 1, f"augment.mix must be a probability, not {self.mix:g}")

    @property
    def mixes(self) -> bool:
        """Whether any image may be mixed with another."""
        return self.mix > 0 and (self.mixup > 0 or self.cutmix > 0)


@dataclass(frozen=True, kw_only=True, slots=True)
class Protocol:
    """Which images are trained on, and the weights of which epoch are kept and tested.

    The test set is read once, at the end, with the weights that were kept.

    Attributes:
        validation: the share of the training images that is set apart and never trained on.
        select: the epoch that is kept: `best`, with the most correct validation images (the first of equals),
            or `last`.
        test_augment: a second score of the weights that were kept, beside that on the images as they are:
            `flip`, by the mean of the logits of an image and its mirror image; or `none`.
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


def require(condition: bool, message: str) -> None:
    """Raises RunError with `message` unless `condition` is true."""
    if not condition:
        raise RunError(message)
