"""`Augment`: the part of a `Recipe` that says how training images are changed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

from archkit.bench.recipe.fields import ADDED, require

__all__ = ["Augment", "AutoAugment", "PadMode"]

_WIDEST: Final = 10_000  # pixels
_ALPHA: Final = (1e-6, 1e6)
_OPERATIONS: Final = 10  # of RandAugment; each takes as long as TrivialAugment
_STRONGEST: Final = 30

PadMode: TypeAlias = Literal["zeros", "reflect"]
AutoAugment: TypeAlias = Literal["none", "cifar10", "imagenet", "svhn"]


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
        mix: the probability that an image is mixed at all, by `mixup`, `cutmix` or `ricap`.
        alternate: whether an image is flipped in every second epoch instead of by chance; in the first epoch
            a random half of the images is. It needs `flip=0.5`, the share of images that are flipped.
        randaugment: how many random operations RandAugment applies to each image, one after the other, all
            of the strength `randaugment_strength`; 0 for none.
        randaugment_strength: 0 to 30.
        autoaugment: the images for which a policy of AutoAugment was found, of which each image draws one of
            25 pairs of operations; `none` for no policy.
        ricap: alpha of the Beta distribution from which the borders come between the parts of four images
            that make up one; 0 for none.
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
    alternate: bool = field(default=False, metadata=ADDED)
    randaugment: int = field(default=0, metadata=ADDED)
    randaugment_strength: int = field(default=9, metadata=ADDED)
    autoaugment: AutoAugment = field(default="none", metadata=ADDED)
    ricap: float = field(default=0.0, metadata=ADDED)

    def __post_init__(self) -> None:
        require(0 <= self.rotate <= 180, f"augment.rotate must be 0 to 180 degrees, not {self.rotate:g}")
        require(0 <= self.flip <= 1, f"augment.flip must be a probability, not {self.flip:g}")
        require(self.pad >= 0, f"augment.pad must not be negative: {self.pad}")
        require(self.pad <= _WIDEST, f"augment.pad must be at most {_WIDEST:,}, not {self.pad}")
        require(self.cutout >= 0, f"augment.cutout must not be negative: {self.cutout}")
        require(self.cutout <= _WIDEST, f"augment.cutout must be at most {_WIDEST:,}, not {self.cutout}")
        require(0 <= self.erase <= 1, f"augment.erase must be a probability, not {self.erase:g}")
        for name, alpha in (("mixup", self.mixup), ("cutmix", self.cutmix), ("ricap", self.ricap)):
            require(alpha >= 0, f"augment.{name} must not be negative: {alpha:g}")
            require(
                alpha == 0 or _ALPHA[0] <= alpha <= _ALPHA[1],
                f"augment.{name} must be 0, or from {_ALPHA[0]:g} to {_ALPHA[1]:g}, not {alpha:g}",
            )
        require(0 <= self.mix <= 1, f"augment.mix must be a probability, not {self.mix:g}")
        require(
            not self.ricap or not (self.mixup or self.cutmix),
            "augment.ricap mixes images in its own way: set augment.mixup=0 and augment.cutmix=0",
        )
        require(
            not self.alternate or self.flip == 0.5,
            f"augment.alternate flips half of the images: it needs augment.flip=0.5, not {self.flip:g}",
        )
        require(
            0 <= self.randaugment <= _OPERATIONS,
            f"augment.randaugment must be 0 to {_OPERATIONS} operations, not {self.randaugment}",
        )
        require(
            0 <= self.randaugment_strength <= _STRONGEST,
            f"augment.randaugment_strength must be 0 to {_STRONGEST}, not {self.randaugment_strength}",
        )
        policies = self.trivial + (self.randaugment > 0) + (self.autoaugment != "none")
        require(policies <= 1, "one of augment.trivial, augment.randaugment and augment.autoaugment, not two")

    @property
    def mixes(self) -> bool:
        """Whether any image may be mixed with another, by `mixup` or `cutmix`."""
        return self.mix > 0 and (self.mixup > 0 or self.cutmix > 0)

    @property
    def patches(self) -> bool:
        """Whether any image may be made up of the parts of four."""
        return self.mix > 0 and self.ricap > 0

    @property
    def policy(self) -> str | None:
        """The field that draws operations for each image, if there is one."""
        if self.trivial:
            return "trivial"
        if self.randaugment:
            return "randaugment"
        return "autoaugment" if self.autoaugment != "none" else None
