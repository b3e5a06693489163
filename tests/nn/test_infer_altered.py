"""A module of a known type that runs otherwise than its type does is refused, and the place is named."""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest
import torch
import torchvision
from torch import nn

from archkit.errors import InferError
from archkit.nn import build, infer
from archkit.spec import parse


def hooked(module: nn.Module) -> nn.Module:
    module.layer2.register_forward_hook(lambda _module, _images, out: 2 * out)
    return module


def replaced(module: nn.Module) -> nn.Module:
    forward = module.layer3[1].forward
    module.layer3[1].forward = lambda x: forward(x) + 1
    return module


def without_layer4(module: nn.Module) -> nn.Module:
    del module.layer4
    module.fc = nn.Linear(256, 1000, device=module.conv1.weight.device)
    return module


ALTERED = [
    (hooked, r"^layer2 has a forward hook, and "),
    (replaced, r"^layer3\.1 has a forward pass of its own, and "),
    (without_layer4, r"it fails: AttributeError: 'ResNet' object has no attribute 'layer4'"),
]


class TestAltered:
    """A known type that runs otherwise than its type does."""

    @pytest.mark.parametrize(("alter", "reason"), ALTERED)
    @pytest.mark.parametrize("device", ["cpu", "meta"])
    def test_it_is_refused_by_name(
        self, alter: Callable[[nn.Module], nn.Module], reason: str, device: str
    ) -> None:
        with torch.device(device):
            module = alter(torchvision.models.resnet18())
        with pytest.raises(InferError, match=reason) as caught:
            infer(module, input=(3, 64, 64))
        if alter is not without_layer4:
            ending = (
                "on the meta device no outputs" if device == "meta" else "its outputs are not those of the"
            )
            assert ending in str(caught.value)

    def test_a_hook_that_changes_nothing(self) -> None:
        module = torchvision.models.resnet18()
        seen = []
        module.layer2.register_forward_hook(lambda _module, _images, out: seen.append(out.shape))
        assert infer(module, input=(3, 64, 64)) == parse("resnet18 input=3x64x64")
        assert seen

    def test_a_class_whose_forward_pass_was_replaced(self, monkeypatch: pytest.MonkeyPatch) -> None:
        forward = torchvision.models.ResNet.forward
        monkeypatch.setattr(torchvision.models.ResNet, "forward", lambda self, x: forward(self, x).abs())
        with pytest.raises(InferError, match=r"^its outputs are not those of the nearest spec, \["):
            infer(torchvision.models.resnet18(), input=(3, 64, 64))

    def test_weights_that_two_layers_share(self) -> None:
        module = torchvision.models.resnet18()
        module.layer1[1].conv2.weight = module.layer1[0].conv2.weight
        with pytest.raises(
            InferError, match=r"layer1\.0\.conv2\.weight and layer1\.1\.conv2\.weight are one"
        ):
            infer(module, input=(3, 64, 64))

    def test_archkits_own(self) -> None:
        network = build(parse("[1,1]x[4,8]"))
        network.stage2.register_forward_pre_hook(lambda _module, images: (2 * images[0],))
        with pytest.raises(InferError, match=r"stage2 has a forward hook, and its outputs are not those"):
            infer(network)

    def test_neither_mode_nor_weights_nor_statistics_change(self) -> None:
        module = torchvision.models.resnet18()
        module.layer3.eval()
        modes = [part.training for part in module.modules()]
        before = copy.deepcopy(module.state_dict())
        original = module.forward
        module.forward = lambda x: original(x) + 0
        assert infer(module, input=(3, 64, 64)) == parse("resnet18 input=3x64x64")
        assert [part.training for part in module.modules()] == modes
        assert all(torch.equal(tensor, before[key]) for key, tensor in module.state_dict().items())
