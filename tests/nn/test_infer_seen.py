"""Mobile networks, RegNets, ConvNeXts, VGGs and ResNetV2s of timm and torchvision, read back."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import timm
import torch
import torchvision
from torch import Tensor, nn

from archkit.count import totals
from archkit.errors import InferError
from archkit.nn import infer
from archkit.plan import Layer, layout
from archkit.spec import ArchSpec, parse
from tests.nn.families import COVERED
from tests.nn.reference import materialise, on_meta
from tests.nn.test_families import OTHERS_WEIGHTS

SMALL = 2.6e6  # parameters; larger ones are read in the long run
ALWAYS = {"regnetx_002", "efficientnet_b0", "convnext_atto", "mixnet_s", "resnetv2_18"}


def cases() -> Iterator[object]:
    for library, name in COVERED:
        long = totals(parse(name)).params > SMALL and name not in ALWAYS
        yield pytest.param(library, name, id=f"{library}-{name}", marks=pytest.mark.long if long else ())


def layers(spec: ArchSpec) -> list[Layer]:
    """Its layers without the numbers of stages: blocks that are alike may be one stage or two."""
    return [layer._replace(name=layer.own_name) for layer in layout(spec)]


@pytest.mark.parametrize(("library", "name"), list(cases()))
def test_the_librarys_networks_are_the_zoos(library: str, name: str) -> None:
    size = 224 if "vgg" in name else 64  # VGG's head takes maps of one size alone
    more = OTHERS_WEIGHTS.get(name, "") if library == "torchvision" else ""
    module = on_meta(name, library)
    if "blur" in name:  # its filters are not saved, and on the meta device nothing is known of them
        module = materialise(module)
    found = infer(module, input=(3, size, size))
    assert layers(found) == layers(parse(f"{name} {more} input=3x{size}x{size}"))
    assert parse(str(found)) == found


def test_the_text_is_that_of_the_paper() -> None:
    """MobileNetV2's table 2, and EfficientNet's table 1."""
    v2 = "[1,2,3,4,3,3,1]x[16,24,32,64,96,160,320] block=mbconv stride=[1,2,2,2,1,2,1] act=relu6 stem=conv3s2"
    assert str(infer(on_meta("mobilenet_v2", "torchvision"))).startswith(v2)
    b0 = (
        "[1,2,2,3,3,4,1]x[16,24,40,80,112,192,320] block=mbconv kernel=[3,3,5,3,5,5,3] stride=[1,2,2,2,1,2,1]"
    )
    assert str(infer(on_meta("efficientnet_b0", "timm"))).startswith(f"{b0} se=input act=silu")


class TestOfSomebodysOwn:
    """Networks that no library has by name, made of the libraries' blocks."""

    def test_another_table_of_stages(self) -> None:
        module = torchvision.models.MobileNetV2(
            num_classes=7,
            inverted_residual_setting=[[1, 8, 1, 1], [4, 24, 2, 2], [3, 40, 3, 2]],
            round_nearest=8,
        )
        assert infer(module, input=(3, 48, 64)) == parse(
            "[1,2,3]x[8,24,40] block=mbconv stride=[1,2,2] expand=[1,4,3] act=relu6 stem=conv3s2"
            " head_conv=1280 input=3x48x64 classes=7"
        )

    def test_gray_images_and_other_classes(self) -> None:
        module = timm.create_model("mobilenetv3_small_050", in_chans=1, num_classes=12)
        expected = parse("mobilenetv3_small_050 input=1x96x96 classes=12")
        assert layers(infer(module, input=(1, 96, 96))) == layers(expected)

    def test_a_width_multiplier(self) -> None:
        """A quarter of 16, 24, 32, 64, 96, 160 and 320, to multiples of 4."""
        module = torchvision.models.MobileNetV2(width_mult=0.25, round_nearest=4, num_classes=10)
        assert infer(module, input=(3, 32, 32)) == parse(
            "[1,2,3,4,3,3,1]x[4,8,8,16,24,40,80] block=mbconv stride=[1,2,2,2,1,2,1] act=relu6 stem=conv3s2:8"
            " head_conv=1280 input=3x32x32 classes=10"
        )

    def test_a_changed_block_is_a_stage_of_its_own(self) -> None:
        module = torchvision.models.mobilenet_v2(num_classes=5)
        block = module.features[9].conv  # the third of four
        block[1][0] = nn.Conv2d(384, 384, 5, padding=2, groups=384, bias=False)
        found = infer(module, input=(3, 64, 64))
        assert (found.blocks, found.kernel) == ((1, 2, 3, 2, 1, 1, 3, 3, 1), (3, 3, 3, 3, 5, 3, 3, 3, 3))

    def test_a_synchronised_norm_and_wrappers(self) -> None:
        module = nn.SyncBatchNorm.convert_sync_batchnorm(torchvision.models.mnasnet0_5())
        found = infer(nn.DataParallel(module), input=(3, 64, 64))
        assert found == parse("mnasnet0_5 input=3x64x64")


def changed(path: str, part: nn.Module, name: str = "mobilenet_v2") -> Callable[[], nn.Module]:
    def module() -> nn.Module:
        network = torchvision.models.get_model(name)
        network.set_submodule(path, part)
        return network

    return module


class Mirrored(torchvision.models.MobileNetV2):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.flip(3))


REFUSED = [
    (
        lambda: timm.create_model("efficientnet_cc_b0_4e"),
        r"blocks\.4\.0 is CondConvResidual, and such blocks are not read",
    ),
    (lambda: timm.create_model("mobilenetv4_hybrid_medium"), r"blocks\.\d\.\d\..* stands between blocks"),
    (
        lambda: timm.create_model("gc_efficientnetv2_rw_t"),
        r"attention of blocks\.3\.0 is GlobalContext, which is not read",
    ),
    (
        changed("features.3.conv.0.2", nn.SiLU()),
        r"one activation for a stage, and here are silu .* and relu6",
    ),
    (
        changed("features.3.conv.0.1", nn.BatchNorm2d(144, eps=0.1)),
        r"outputs are not those of the nearest spec",
    ),
    (
        changed("features.2.conv.1.0", nn.Conv2d(96, 96, 3, 2, 1, groups=96)),
        r"no place for features\.2\.conv\.1\.0\.bias",
    ),
    (changed("classifier.1", nn.Identity()), r"ends without a linear layer"),
    (Mirrored, r"outputs are not those of the nearest spec"),
]


@pytest.mark.parametrize(("make", "reason"), REFUSED)
def test_what_cannot_be_read_is_said_in_one_line(make: Callable[[], nn.Module], reason: str) -> None:
    with torch.device("meta"):
        module = make()
    with pytest.raises(InferError, match=reason) as caught:
        infer(module, input=(3, 64, 64))
    assert "\n" not in str(caught.value)
