"""A module read back: torchvision's, timm's and archkit's own give the spec that has the same layers."""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest
import timm
import torch
import torchvision
from hypothesis import example, given, settings
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - torch's own customary name

from archkit.errors import InferError
from archkit.nn import build, infer
from archkit.plan import layout
from archkit.spec import ArchSpec, parse, zoo
from tests.nn.reference import TIMM, TORCHVISION, on_meta
from tests.strategies import share, specs

PRUNED = ["ecaresnet101d_pruned", "ecaresnet50d_pruned"]
# The paper's and a few of each other family; timm's and torchvision's are built by themselves below.
OWN = ["resnet10", "resnet12", "resnet14-4", "resnet14-5", "paper-resnet18", "resnet20", "resnet20-b"]
OWN += [
    "preact-resnet18",
    "preact-resnet50",
    "wrn-16-4",
    "resnet50d",
    "resnetrs50",
    "senet154",
    "test_resnet",
]


@pytest.mark.parametrize("name", TORCHVISION)
def test_torchvisions_networks_are_the_zoos(name: str) -> None:
    assert infer(on_meta(name, "torchvision")) == parse(name)


@pytest.mark.parametrize("name", [name for name in TIMM if name not in PRUNED])
def test_timms_networks_are_the_zoos(name: str) -> None:
    assert infer(on_meta(name, "timm"), input=(3, 224, 224)) == parse(name)


@pytest.mark.parametrize("name", PRUNED)
def test_a_pruned_network_says_why_not(name: str) -> None:
    with pytest.raises(
        InferError, match=r"layer1\.0\.conv3 puts out \d+ channels; a bottleneck's are a multiple"
    ):
        infer(on_meta(name, "timm"))


@pytest.mark.parametrize("name", OWN)
def test_archkits_own_networks(name: str) -> None:
    spec = parse(name)
    assert infer(build(spec, device="meta")) == spec


@given(specs(max_stages=4, max_blocks=3, widths=(1, 96)))
@example(parse("[1]x[1] block=preact stem=none"))
@example(parse("[1,1,1,1]x[4,4,4,8] shortcut=[conv1,conv1,avg,conv1] output_stride=4"))
@example(
    parse("[1,1,1,1]x[4,8,8,8] block=preact shortcut=[avg,avg,conv1,conv1] output_stride=2 project=stage")
)
@example(parse("[1]x[1] stem=overlap:4 attn=se"))
@example(parse("[1]x[1] stem=patch4 bias=yes"))
@example(parse("[1,1]x[1,1] stride=[2,3] output_stride=4"))
@example(parse("[1,2,1,1]x[4,4,4,4] block=bottleneck stride=[2,3,2,2] output_stride=4 stem=conv7"))
@example(parse("[1]x[1] stem=overlap-act:4"))
@example(parse("[1,1]x[4,8] stem=conv7:4 aa=blur-zeros"))
@example(parse("[1]x[4] weight_std=yes stem_pool=max-zeros"))
@example(parse("[1]x[4] norm=layer-torch"))
@example(parse("[1]x[4] norm=rms block=preact"))
@settings(max_examples=share(1))
def test_whatever_is_built_is_read_back_with_the_same_layers(spec: ArchSpec) -> None:
    found = infer(build(spec, device="meta"))
    assert tuple(layout(found)) == tuple(layout(spec))
    assert (found.input, found.classes) == (spec.input, spec.classes)


@pytest.mark.long
@given(specs())
@settings(max_examples=5_000)
def test_whatever_is_built_is_read_back_long(spec: ArchSpec) -> None:
    assert tuple(layout(infer(build(spec, device="meta")))) == tuple(layout(spec))


class TestInput:
    def test_an_archkit_network_knows_its_own(self) -> None:
        assert infer(build(parse("[1]x[4] input=1x28x28"))).input == (1, 28, 28)

    def test_a_size_may_be_given(self) -> None:
        assert infer(on_meta("resnet18", "timm"), input=(3, 96, 128)) == parse("resnet18 input=3x96x128")

    def test_channels_are_read(self) -> None:
        with torch.device("meta"):
            module = timm.create_model("resnet18", in_chans=1)
        assert infer(module) == parse("resnet18 input=1x224x224")

    def test_other_channels_than_the_modules(self) -> None:
        with pytest.raises(InferError, match=r"conv1 has in_channels 3, expected 4"):
            infer(on_meta("resnet18", "timm"), input=(4, 224, 224))

    def test_a_size_that_cannot_be(self) -> None:
        with pytest.raises(InferError, match="aa=avg needs maps of an even height and width"):
            infer(on_meta("resnetaa50", "timm"), input=(3, 230, 230))


def on_cifar() -> nn.Module:
    """Torchvision's resnet18 as it is commonly changed for 32x32 images."""
    module = on_meta("resnet18", "torchvision")
    module.conv1 = nn.Conv2d(3, 64, 3, padding=1, bias=False, device="meta")
    module.maxpool = nn.Identity()
    module.fc = nn.Linear(512, 10, device="meta")
    return module


class TestChanged:
    """Modules that somebody has taken and changed."""

    def test_made_for_cifar(self) -> None:
        assert infer(on_cifar(), input=(3, 32, 32)) == parse("[2,2,2,2]x[64,128,256,512]")

    def test_a_stage_taken_away(self) -> None:
        module = on_meta("resnet18", "torchvision")
        module.layer4 = nn.Identity()
        module.fc = nn.Linear(256, 7, device="meta")
        assert infer(module) == parse("[2,2,2]x[64,128,256] stem=conv7 input=3x224x224 classes=7")

    def test_dropout_is_ignored(self) -> None:
        with torch.device("meta"):
            module = timm.create_model("resnet26", drop_rate=0.2, drop_path_rate=0.1, drop_block_rate=0.1)
        assert infer(module) == parse("resnet26")

    def test_a_synchronised_batch_norm_is_one(self) -> None:
        module = nn.SyncBatchNorm.convert_sync_batchnorm(on_meta("resnet18", "torchvision"))
        assert infer(module) == parse("resnet18")

    def test_the_module_is_left_as_it_was(self) -> None:
        torch.manual_seed(0)
        module = torchvision.models.resnet18()
        before, state = copy.deepcopy(module.state_dict()), torch.get_rng_state()
        infer(module)
        assert module.training
        assert torch.equal(torch.get_rng_state(), state)
        assert all(torch.equal(tensor, before[key]) for key, tensor in module.state_dict().items())


class Block(nn.Module):
    """A basic block of somebody's own, with functions where torchvision has modules."""

    def __init__(self, c_in: int, c: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(c_in, c, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(c)
        self.conv2 = nn.Conv2d(c, c, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(c)
        self.downsample = (
            nn.Sequential(nn.Conv2d(c_in, c, 1, stride, bias=False), nn.BatchNorm2d(c))
            if stride != 1 or c_in != c
            else nn.Identity()
        )

    def forward(self, x: Tensor) -> Tensor:
        out = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return self.join(out, self.downsample(x))

    def join(self, out: Tensor, shortcut: Tensor) -> Tensor:
        return F.relu(out + shortcut)


class LateBlock(Block):
    """The same modules, but no activation behind the addition."""

    def join(self, out: Tensor, shortcut: Tensor) -> Tensor:
        return F.relu(out) + shortcut


class ResNet(nn.Module):
    def __init__(self, block: type[Block]) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        self.layer1 = nn.Sequential(block(16, 16, 1), block(16, 16, 1))
        self.layer2 = nn.Sequential(block(16, 32, 2))
        self.fc = nn.Linear(32, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.layer2(self.layer1(F.relu(self.bn1(self.conv1(x)))))
        return self.fc(x.mean((2, 3)))


class TestSomebodysOwn:
    """No forward pass is known, so the outputs are compared."""

    def test_the_same_outputs(self) -> None:
        assert infer(ResNet(Block), input=(3, 32, 32)) == parse("[2,1]x[16,32]")

    def test_other_outputs(self) -> None:
        with pytest.raises(InferError, match=r"not known how the module \(ResNet\).*outputs are not those"):
            infer(ResNet(LateBlock), input=(3, 32, 32))

    def test_a_forward_pass_that_fails(self) -> None:
        class Flat(ResNet):
            def forward(self, x: Tensor) -> Tensor:
                return self.fc(super().forward(x))

        with pytest.raises(InferError, match=r"on an input of \(2, 3, 32, 32\) it fails"):
            infer(Flat(Block), input=(3, 32, 32))

    def test_nothing_to_compute_with(self) -> None:
        with torch.device("meta"):
            module = ResNet(Block)
        with pytest.raises(InferError, match="on the meta device no outputs can be compared"):
            infer(module, input=(3, 32, 32))

    def test_a_subclass_with_another_forward(self) -> None:
        class Reversed(torchvision.models.ResNet):
            def forward(self, x: Tensor) -> Tensor:
                return super().forward(x.flip(3))

        module = Reversed(torchvision.models.resnet.BasicBlock, [1, 1, 1, 1])
        with pytest.raises(InferError, match="outputs are not those"):
            infer(module, input=(3, 32, 32))

    def test_it_leaves_the_generator_alone(self) -> None:
        module = ResNet(Block)
        state = torch.get_rng_state()
        infer(module, input=(3, 32, 32))
        assert torch.equal(torch.get_rng_state(), state)


class TestRead:
    """What stands in another place, or has no module, and is the same network."""

    def test_a_window_as_large_as_the_map_is_the_global_pool(self) -> None:
        for device, pool in [("cpu", nn.AvgPool2d(7, stride=1)), ("meta", nn.AvgPool2d((7, 7), stride=1))]:
            with torch.device(device):
                module = torchvision.models.resnet18()
            module.avgpool = pool
            assert infer(module) == parse("resnet18")
        module = torchvision.models.resnet18()
        module.avgpool = nn.AvgPool2d(5, stride=1)
        with pytest.raises(InferError, match=r"avgpool has kernel_size 5x5, expected 7x7"):
            infer(module)

    @pytest.mark.parametrize("device", ["cpu", "meta"])
    def test_a_head_with_dropout(self, device: str) -> None:
        with torch.device(device):
            module = torchvision.models.resnet18()
            module.fc = nn.Sequential(nn.Dropout(0.5), nn.Linear(512, 10))
        assert infer(module, input=(3, 64, 64)) == parse("resnet18 input=3x64x64 classes=10")

    @pytest.mark.parametrize("wrap", [nn.DataParallel, torch.compile, torch.optim.swa_utils.AveragedModel])
    def test_wrappers_are_looked_through(self, wrap: Callable[[nn.Module], nn.Module]) -> None:
        module = nn.DataParallel(wrap(torchvision.models.resnet18()))
        assert infer(module, input=(3, 64, 64)) == parse("resnet18 input=3x64x64")

    def test_a_hook_on_a_wrapper(self) -> None:
        module = nn.DataParallel(torchvision.models.resnet18())
        module.register_forward_hook(lambda _module, _images, out: 2 * out)
        with pytest.raises(InferError, match="the DataParallel around the network has a forward hook"):
            infer(module)

    @pytest.mark.parametrize("error", [TypeError, KeyError, AssertionError])
    def test_a_forward_pass_that_raises(self, error: type[Exception]) -> None:
        class Broken(ResNet):
            def forward(self, _: Tensor) -> Tensor:
                raise error("out of order")

        with pytest.raises(InferError, match=rf"it fails: {error.__name__}: .*out of order"):
            infer(Broken(Block), input=(3, 32, 32))

    def test_the_one_conv_that_differs_is_named(self) -> None:
        for name in ("conv1", "layer1.0.conv1", "layer3.1.conv2"):
            module = on_cifar()
            conv = module.get_submodule(name)
            shape = (conv.in_channels, conv.out_channels, conv.kernel_size, conv.stride, conv.padding)
            module.set_submodule(name, nn.Conv2d(*shape, device="meta"))
            with pytest.raises(InferError, match=rf"but {name} has bias on, expected off$"):
                infer(module, input=(3, 32, 32))

    def test_the_first_block_is_the_one_that_differs(self) -> None:
        with torch.device("meta"):
            module = torchvision.models.resnet34()
            module.layer1[0].conv1 = nn.Conv2d(64, 64, 5, padding=2, bias=False)
        with pytest.raises(InferError, match=r"but layer1\.0\.conv1 has kernel_size 5x5, expected 3x3$"):
            infer(module)


def test_every_name_of_timm_is_covered_or_known_not_to_be() -> None:
    assert [name for name in TIMM if zoo.find(name) is None] == PRUNED
