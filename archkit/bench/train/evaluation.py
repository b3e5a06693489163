"""`answers`: how well a model does on images, in training and afterwards, by the same steps to the bit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from archkit.bench.augment.pipeline import normalised
from archkit.bench.train.device_data import Labelled
from archkit.bench.train.mapped_images import Images, MappedImages
from archkit.bench.train.results import Score

__all__ = ["EVALUATION_BATCH", "Answers", "Views", "answers", "evaluation_batch"]

EVALUATION_BATCH: Final = 500

Views: TypeAlias = Literal["one", "flip", "six"]
"""What a model is asked about: an image, also its mirror image, or six views, see `answers`."""

_MAPPED_PIXELS: Final = EVALUATION_BATCH * 64 * 64
_MOVE: Final = 1  # pixels by which views are moved


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Answers:
    """What a model says of N images.

    Attributes:
        score: the counts and the loss.
        chosen: N, the class with the largest logit.
        right: N, whether it is that of the label.
        confidence: N, the probability that the model gives to it; 0 to 1.
    """

    score: Score
    chosen: NDArray[np.int64]
    right: NDArray[np.bool_]
    confidence: NDArray[np.float32]


@torch.inference_mode()
def answers(
    model: nn.Module, part: Labelled, *, mean: Tensor, std: Tensor, bfloat16: bool, views: Views = "one"
) -> Answers:
    """Asks a model about images without augmentation, and scores it.

    Args:
        model: on the device of the images; it is in evaluation mode afterwards.
        part: the images.
        mean: C x 1 x 1, of the pixels.
        std: C x 1 x 1, likewise.
        bfloat16: whether it computes in bfloat16 under autocast.
        views: the mean of whose logits an image's are. With `flip`, of the image and its mirror image; with
            `six`, half of this mean and a quarter each of that of the image moved by a pixel up and to the
            left, and down and to the right; what comes in at the border is reflected.
    """
    device = mean.device
    model.eval()
    loss = torch.zeros((), dtype=torch.float64, device=device)
    chosen, confidence = [], []
    size = evaluation_batch(part.images)
    for start in range(0, len(part), size):
        labels = part.labels[start : start + size]
        images = part.images[start : start + size].permute(0, 3, 1, 2)
        images = normalised(images, mean, std)
        with torch.autocast(device.type, dtype=torch.bfloat16, enabled=bfloat16):
            logits = model(images).float()
            if views != "one":
                logits = (logits + model(images.flip(3)).float()) / 2
            if views == "six":
                logits = logits / 2
                for moved in _moved(images):
                    logits += (model(moved).float() + model(moved.flip(3)).float()) / 8
        loss += nn.functional.cross_entropy(logits, labels, reduction="sum")
        chosen.append(logits.argmax(1))
        confidence.append(logits.softmax(1).amax(1))
    classes = torch.cat(chosen)
    right = (classes == part.labels).cpu().numpy()
    return Answers(
        score=Score(correct=int(right.sum()), total=len(part), loss=loss.item() / len(part)),
        chosen=classes.cpu().numpy(),
        right=right,
        confidence=torch.cat(confidence).cpu().numpy(),
    )


def _moved(images: Tensor) -> tuple[Tensor, Tensor]:
    """The images moved up and to the left, and down and to the right."""
    H, W = images.shape[2:]
    wide = nn.functional.pad(images, (_MOVE,) * 4, mode="reflect")
    one, other = wide[:, :, 2 * _MOVE :, 2 * _MOVE :], wide[:, :, :H, :W]
    return tuple(view.contiguous(memory_format=torch.channels_last) for view in (one, other))  # type: ignore[return-value]  # two


def evaluation_batch(images: Images) -> int:
    """How many images are asked about at once; fewer of large ones that do not fit into memory."""
    if not isinstance(images, MappedImages):
        return EVALUATION_BATCH
    _, height, width, _ = images.shape
    return max(1, min(EVALUATION_BATCH, _MAPPED_PIXELS // (height * width)))
