"""`score`: how well a model does on images, in training and afterwards, by the same steps to the bit."""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor, nn

from archkit.bench.augment.pipeline import normalised
from archkit.bench.train.device_data import Labelled
from archkit.bench.train.results import Score

__all__ = ["EVALUATION_BATCH", "score"]

EVALUATION_BATCH: Final = 500


@torch.inference_mode()
def score(
    model: nn.Module, part: Labelled, *, mean: Tensor, std: Tensor, bfloat16: bool, flip: bool = False
) -> Score:
    """Scores a model on images without augmentation.

    Args:
        model: on the device of the images; it is in evaluation mode afterwards.
        part: the images.
        mean: C x 1 x 1, of the pixels.
        std: C x 1 x 1, likewise.
        bfloat16: whether it computes in bfloat16 under autocast.
        flip: whether an image's logits are the mean of its own logits and those of its mirror image.
    """
    device = mean.device
    model.eval()
    loss = torch.zeros((), dtype=torch.float64, device=device)
    correct = torch.zeros((), dtype=torch.int64, device=device)
    for start in range(0, len(part), EVALUATION_BATCH):
        labels = part.labels[start : start + EVALUATION_BATCH]
        images = part.images[start : start + EVALUATION_BATCH].permute(0, 3, 1, 2)
        images = normalised(images, mean, std)
        with torch.autocast(device.type, dtype=torch.bfloat16, enabled=bfloat16):
            logits = model(images).float()
            if flip:
                logits = (logits + model(images.flip(3)).float()) / 2
        loss += nn.functional.cross_entropy(logits, labels, reduction="sum")
        correct += (logits.argmax(1) == labels).sum()
    return Score(correct=int(correct.item()), total=len(part), loss=loss.item() / len(part))
