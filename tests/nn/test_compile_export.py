"""A built network goes through torch's compiler and exporter whole, and computes the same there."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch

from archkit.nn import Network, build
from archkit.spec import parse
from tests.nn.reference import randomise

# Every kind of layer and every way through a block is in one of these.
EACH_KIND = [
    "[1,1]x[8,16] bias=yes",
    "[1,1]x[8,16] block=preact shortcut=pad norm=group:4",
    "[1,1]x[4,8] block=bottleneck stem=deep:8 stem_pool=max attn=se shortcut=avg groups=2",
    "[1,1]x[8,16] attn=eca aa=blur stem=conv7:8 stem_pool=conv stem_attn=se-plain",
    "[1,1]x[4,8] block=preact-bottleneck aa=avg kernel=[5,3] pool=16",
]

has_compiler = pytest.mark.skipif(
    shutil.which("g++") is None and shutil.which("clang++") is None,
    reason="torch.compile's default backend needs a C++ compiler",
)


def network(text: str) -> Network:
    return randomise(build(parse(text))).eval()


def images(net: Network, batch: int = 2) -> torch.Tensor:
    return torch.randn(batch, *net.spec.input, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("text", EACH_KIND)
@torch.no_grad()
def test_export_gives_one_graph_for_any_batch(text: str, tmp_path: Path) -> None:
    net = network(text)
    batch = torch.export.Dim("batch", min=1, max=1024)
    program = torch.export.export(net, (images(net),), dynamic_shapes=({0: batch},), strict=True)
    torch.export.save(program, tmp_path / "network.pt2")
    loaded = torch.export.load(tmp_path / "network.pt2").module()
    for size in (1, 2, 5):
        x = images(net, size)
        torch.testing.assert_close(loaded(x), net(x))
    assert set(program.state_dict) == set(net.state_dict())


@pytest.mark.parametrize("text", EACH_KIND)
def test_the_compiler_sees_one_graph_forwards_and_backwards(text: str) -> None:
    """`fullgraph` refuses a break; the backend computes with torch's own operators."""
    net = network(text).train()
    compiled = torch.compile(net, backend="aot_eager", fullgraph=True)
    x = images(net)
    expected = torch.autograd.grad(net(x).square().sum(), list(net.parameters()))
    came = torch.autograd.grad(compiled(x).square().sum(), list(net.parameters()))
    for ours, theirs in zip(came, expected, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)


@has_compiler
def test_the_default_compiler_computes_the_same() -> None:
    net = network("[1,1]x[8,16] attn=se").to(memory_format=torch.channels_last)
    compiled = torch.compile(net, fullgraph=True)
    x = images(net).to(memory_format=torch.channels_last)
    with torch.no_grad():
        torch.testing.assert_close(compiled(x), net(x), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("text", EACH_KIND)
@torch.no_grad()
def test_channels_last_is_kept_to_the_head(text: str) -> None:
    net = network(text)
    plain = net(images(net))
    net = net.to(memory_format=torch.channels_last)
    kept = []
    for name, module in net.named_modules():
        if name.startswith("stage") and name.count(".") == 1:
            module.register_forward_hook(
                lambda _m, _i, out: kept.append(out.is_contiguous(memory_format=torch.channels_last))
            )
    out = net(images(net).to(memory_format=torch.channels_last))
    torch.testing.assert_close(out, plain, rtol=1e-4, atol=1e-4)
    assert kept == [True] * sum(net.spec.blocks)


@pytest.mark.parametrize("text", EACH_KIND)
def test_autocast_to_bfloat16_trains_float32_weights(text: str) -> None:
    net = network(text).train()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        out = net(images(net, 4))
    assert out.dtype == torch.bfloat16
    out.float().square().sum().backward()
    for name, parameter in net.named_parameters():
        assert parameter.dtype == torch.float32
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name


@pytest.mark.parametrize("text", EACH_KIND)
@torch.no_grad()
def test_in_bfloat16_it_stays_near_float32(text: str) -> None:
    """bfloat16 keeps 8 bits: an error of some percent of the largest output behind a dozen layers."""
    net = network(text)
    x = images(net, 4)
    expected = net(x)
    came = net.to(torch.bfloat16)(x.to(torch.bfloat16))
    assert came.dtype == torch.bfloat16
    assert (came.float() - expected).abs().max() < 0.1 * expected.abs().max()


@pytest.mark.parametrize("text", EACH_KIND)
@torch.no_grad()
def test_from_the_meta_device_to_numbers(text: str) -> None:
    """Made without numbers, then filled from a file's tensors as torch does it."""
    net = network(text)
    other = build(parse(text), device="meta").eval()
    assert all(t.is_meta for t in other.state_dict().values())
    assert other(torch.empty(3, *net.spec.input, device="meta")).shape == (3, net.spec.classes)
    other = other.to_empty(device="cpu")
    for module in other.modules():
        if hasattr(module, "reset_parameters"):
            module.reset_parameters()
    other.load_state_dict(net.state_dict())
    torch.testing.assert_close(other(images(net)), net(images(net)))
