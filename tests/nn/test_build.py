from __future__ import annotations

import copy
from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from torch import nn

from archkit.count import count, totals
from archkit.count.memory import memory
from archkit.count.tools import Tool
from archkit.errors import SpecError
from archkit.nn import build, key_map, load_weights, state_shapes
from archkit.nn.crosscheck import crosscheck
from archkit.plan import layout
from archkit.spec import ArchSpec, parse
from tests.strategies import share, specs

NAMED = ["[2,1,1,1]x[64,128,256,512]", "resnet10", "resnet12", "resnet14-4", "resnet14-5", "paper-resnet18"]


@pytest.mark.parametrize("text", NAMED)
def test_parameters_are_the_counted_ones(text: str) -> None:
    spec = parse(text)
    network = build(spec, device="meta")
    assert sum(p.numel() for p in network.parameters()) == totals(spec).params


@given(specs(max_stages=3, max_blocks=2, widths=(4, 24), max_size=24))
@settings(max_examples=share(0.4))
def test_every_layer_has_the_shapes_and_parameters_of_the_plan(spec: ArchSpec) -> None:
    network = build(spec).eval()
    seen: dict[str, tuple[tuple[int, ...], tuple[int, ...]]] = {}

    def remember(name: str) -> object:
        def hook(_: object, inputs: tuple[torch.Tensor, ...], output: torch.Tensor) -> None:
            seen[name] = (tuple(inputs[0].shape[1:]), tuple(output.shape[1:]))

        return hook

    for name, module in network.named_modules():
        module.register_forward_hook(remember(name))
    with torch.no_grad():
        assert network(torch.zeros(2, *spec.input)).shape == (2, spec.classes)
    for cost in count(spec).layers:
        layer = cost.layer
        if layer.kind in ("add", "scale"):
            continue  # written out in the block
        module = network.get_submodule(layer.name)
        assert sum(p.numel() for p in module.parameters()) == cost.params
        if layer.kind != "conv1d":  # runs along the channels, the plan's shape turned
            assert seen[layer.name] == (layer.in_shape, layer.out_shape)


@pytest.mark.parametrize(
    "text",
    [
        "[2,1]x[2,4]",
        "[1,2]x[2,4] kernel=[5,3] block=bottleneck",
        "[1,1]x[2,4] stem=deep:2",
        "[1,1,1]x[2,4,4] stem=conv7:2 block=preact stride=[1,2,1]",
        "[1,1]x[2,4] aa=avg stem_pool=conv",
    ],
)
def test_the_receptive_field_is_where_the_gradient_reaches(text: str) -> None:
    """Positive weights and averages for maxima: no path can cancel or be cut off."""
    spec = parse(text + " input=1x256x256")
    network = build(spec, dtype=torch.float64).eval()
    for parameter in network.parameters():
        parameter.data.fill_(0.1)
    if spec.stem_pool == "max":
        network.stem.pool = torch.nn.AvgPool2d(3, stride=2, padding=1)
    images = torch.ones(1, *spec.input, dtype=torch.float64, requires_grad=True)
    out = network.stem(images)
    for stage in range(len(spec.blocks)):
        out = network.get_submodule(f"stage{stage + 1}")(out)
    h, w = out.shape[2:]
    out[0, 0, h // 2, w // 2].backward()
    assert images.grad is not None
    rows = (images.grad[0, 0] != 0).any(dim=1)
    assert not rows[0]  # the map is large enough for the whole field to lie inside
    assert not rows[-1]
    assert int(rows.sum()) == count(spec).receptive_field


def test_the_module_tree_is_readable() -> None:
    names = dict(build(parse("[2,1]x[8,16]"), device="meta").named_modules())
    for name in (
        "stem.conv",
        "stage1.block1.conv1",
        "stage1.block2.norm2",
        "stage2.block1.shortcut.conv",
        "head.fc",
    ):
        assert name in names


def test_initialisation_is_the_papers() -> None:
    torch.manual_seed(0)
    network = build(parse("[1,1]x[64,128] bias=yes"))
    conv = network.get_submodule("stage2.block1.conv2")
    # Kaiming normal by fan-out: variance 2 / (9 * 128); Xavier normal: 2 / (128 + 10).
    assert conv.weight.var().item() == pytest.approx(2 / (9 * 128), rel=0.02)
    linear = network.get_submodule("head.fc")
    assert linear.weight.var().item() == pytest.approx(2 / 138, rel=0.15)
    assert not conv.bias.any()
    assert not linear.bias.any()
    assert (network.get_submodule("stem.norm").weight == 1).all()


def test_the_seed_decides_the_weights() -> None:
    spec = parse("[1]x[8]")
    weights = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        weights.append(build(spec).get_submodule("stem.conv").weight)
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


def test_meta_device_and_dtype() -> None:
    spec = parse("[1]x[8] aa=blur stem_pool=max")
    assert all(p.is_meta for p in build(spec, device="meta").parameters())
    assert (
        build(spec, dtype=torch.bfloat16)(torch.zeros(1, 3, 32, 32, dtype=torch.bfloat16)).dtype
        == torch.bfloat16
    )


def test_channels_last_gives_the_same_logits() -> None:
    torch.manual_seed(0)
    network = build(parse("[1,1]x[8,16] attn=se")).eval()
    images = torch.randn(4, 3, 32, 32)
    with torch.no_grad():
        plain = network(images)
        network = network.to(memory_format=torch.channels_last)
        torch.testing.assert_close(network(images.to(memory_format=torch.channels_last)), plain)


def test_a_preactivation_projection_reads_the_activated_map() -> None:
    """The block by hand, as He et al. 2016b draw it."""
    torch.manual_seed(0)
    network = build(parse("[1,1]x[4,8] block=preact input=2x8x8")).eval()
    block = network.get_submodule("stage2.block1")
    for name in ("norm1", "norm2"):
        block.get_submodule(name).bias.data.normal_()
    x = torch.randn(3, 4, 8, 8)
    with torch.no_grad():
        h = torch.relu(block.norm1(x))
        expected = block.conv2(torch.relu(block.norm2(block.conv1(h)))) + block.shortcut.conv(h)
        torch.testing.assert_close(block(x), expected)


def test_zero_padding_keeps_every_second_pixel() -> None:
    network = build(parse("[1,1]x[4,6] shortcut=pad")).eval()
    pad = network.get_submodule("stage2.block1.shortcut.pad")
    x = torch.randn(2, 4, 5, 7)
    out = pad(x)
    assert out.shape == (2, 6, 3, 4)
    torch.testing.assert_close(out[:, :4], x[:, :, ::2, ::2])
    assert not out[:, 4:].any()


class TestTheFilterOfBlurPooling:
    """No `state_dict` holds it, so that it is filled whenever one is loaded."""

    spec = parse("[1,1]x[4,8] stem_pool=max aa=blur")

    def outputs(self, network: nn.Module) -> torch.Tensor:
        images = torch.randn(2, *self.spec.input, generator=torch.Generator().manual_seed(1))
        with torch.no_grad():
            return network.eval()(images.to(next(network.parameters()).dtype))

    def emptied(self) -> nn.Module:
        network = build(self.spec, device="meta").to_empty(device="cpu")
        for buffer in network.buffers():  # as memory that was used before may be
            buffer.fill_(float("nan") if buffer.is_floating_point() else 0)
        return network

    def test_after_to_empty(self) -> None:
        original, network = build(self.spec), self.emptied()
        network.load_state_dict(original.state_dict())
        assert torch.equal(self.outputs(network), self.outputs(original))

    def test_after_to_empty_by_load_weights(self) -> None:
        original, network = build(self.spec), self.emptied()
        load_weights(network, original.state_dict())
        assert torch.equal(self.outputs(network), self.outputs(original))

    @pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
    def test_weights_that_are_assigned(self, dtype: torch.dtype) -> None:
        original, network = build(self.spec, dtype=dtype), build(self.spec, device="meta")
        network.load_state_dict(original.state_dict(), assign=True)
        assert not any(buffer.is_meta for buffer in network.buffers())
        assert torch.equal(self.outputs(network), self.outputs(original))

    def test_inside_another_module_and_copied(self) -> None:
        original = nn.Sequential(build(self.spec))
        network = copy.deepcopy(nn.Sequential(self.emptied()))
        network.load_state_dict(original.state_dict())
        assert torch.equal(self.outputs(network), self.outputs(original))


@pytest.mark.parametrize("function", [totals, count, layout, memory, state_shapes])
def test_a_text_is_taken_wherever_a_spec_is(function: Callable[[object], object]) -> None:
    assert function("resnet10") == function(parse("resnet10"))
    with pytest.raises(SpecError, match="no architecture is called 'resnet1O'"):
        function("resnet1O")
    with pytest.raises(SpecError, match=r"a network is an ArchSpec or a text such as 'resnet18', not int"):
        function(10)


def test_a_text_is_built_and_asked_about() -> None:
    assert build("resnet10", device="meta").spec == parse("resnet10")
    assert key_map("resnet18", "timm") == key_map(parse("resnet18"), "timm")
    assert crosscheck("[1]x[4]", tools=[Tool.torch]) == crosscheck(parse("[1]x[4]"), tools=[Tool.torch])
