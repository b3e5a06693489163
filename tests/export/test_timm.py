"""The zoo in timm's registry."""

from __future__ import annotations

import pytest
import timm
import torch

import archkit.export.timm
from archkit.errors import ExportError
from archkit.spec import zoo


def test_timm_makes_the_network_of_a_name() -> None:
    """ResNet-18 has as many parameters as timm's own, for any number of classes, channels and any size."""
    with torch.device("meta"):
        for more in ({}, {"num_classes": 7, "in_chans": 1}):
            ours = timm.create_model("archkit_resnet18", pretrained=False, **more)
            theirs = timm.create_model("resnet18", pretrained=False, **more)
            assert sum(p.numel() for p in ours.parameters()) == sum(p.numel() for p in theirs.parameters())
            assert ours.num_classes == theirs.num_classes
    small = timm.create_model("archkit_resnet10", pretrained=False, num_classes=3, img_size=16)
    assert small.eval()(torch.zeros(1, 3, 16, 16)).shape == (1, 3)
    assert small.spec.input == (3, 16, 16)


def test_every_name_of_the_zoo_is_registered() -> None:
    found = timm.list_models("archkit_*")
    assert len(found) == len(set(zoo.names()))
    assert timm.list_models(module="timm") == found
    assert timm.is_model("archkit_wrn_28_10")
    assert archkit.export.timm.archkit_resnet10(num_classes=2).spec.classes == 2


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"pretrained": True}, "archkit has no weights for resnet10"),
        ({"drop_path_rate": 0.1}, "drop_path_rate is not taken by archkit's networks"),
    ],
)
def test_what_it_does_not_have_is_refused(more: dict[str, object], message: str) -> None:
    with pytest.raises(ExportError, match=message):
        timm.create_model("archkit_resnet10", **more)
