from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings

from archkit.count import count
from archkit.count.memory import (
    OPTIMIZER_STATES,
    Tape,
    Tensor,
    kept_by_part,
    kept_for_backward,
    memory,
)
from archkit.errors import BudgetError
from archkit.nn import build
from archkit.plan import layout
from archkit.spec import ArchSpec, parse
from tests.strategies import share, specs


def kept_by_torch(spec: ArchSpec, batch: int) -> int:
    """Bytes of the storages that torch's autograd keeps, parameters and buffers left out."""
    network = build(spec).train()
    own = {t.untyped_storage().data_ptr() for t in (*network.parameters(), *network.buffers())}
    kept: dict[int, torch.Tensor] = {}

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own and storage.nbytes():
            kept[storage.data_ptr()] = tensor
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        out = network(torch.randn(batch, *spec.input))
    total = sum(tensor.untyped_storage().nbytes() for tensor in kept.values())
    del out
    return total


NETWORKS = [
    "[2,1,1,1]x[64,128,256,512]",
    "[1,1]x[8,16] bias=yes shortcut=conv3",
    "[2,1]x[8,16] block=preact",
    "[1,2]x[8,16] block=preact-bottleneck attn=eca",
    "[1,1]x[8,16] attn=se stem_attn=se-plain:4 stem_pool=max",
    "[1,1]x[8,16] stem=conv7:8 shortcut=avg block=bottleneck groups=2",
    "[1,1]x[8,16] stem=deep:8 stem_pool=conv aa=blur",
    "[1,1]x[8,16] aa=avg norm=group:4 pool=2",
    "[1,1]x[8,16] shortcut=pad norm=none",
    "[1,1]x[8,16] weight_std=yes stem_pool=max-zeros",
    "[1,1]x[8,16] weight_std=yes stem=conv10x4s2:8 pool=7x5",
    "[1,1]x[8,16] weight_std=yes bias=yes block=preact-bottleneck norm=group:4 shortcut=avg aa=blur",
    "[1,1]x[8,16] stem=deep:8 stem_pool=conv aa=blur-zeros",
    "[1,1]x[8,16] block=mbconv mix=3 split=both",
    "[1,2]x[9,17] block=mbconv mix=2 padding=same split=project round=1 expand=3",
    "[1,1]x[8,16] norm=rms",
    "[1,1]x[8,16] norm=simple block=preact",
    "[2,1]x[8,16] block=convnext grn=yes act=gelu-tanh head_norm=map stem=overlap-act:8",
    "[1,1]x[8,16] block=[convnext,basic] pool=2 head_hidden=16 head_bias=norm",  # a map with channels last
]


@pytest.mark.parametrize("text", NETWORKS)
def test_activations_are_what_autograd_keeps(text: str) -> None:
    spec = parse(text)
    assert memory(spec, batch=3).activations == kept_by_torch(spec, 3)


@given(specs(max_stages=3, max_blocks=2, widths=(4, 24), max_size=24))
@settings(max_examples=share(0.4))
def test_activations_of_any_network(spec: ArchSpec) -> None:
    # Batch norm refuses to train on one value for each channel.
    assert memory(spec, batch=2).activations == kept_by_torch(spec, 2)


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("sgd", lambda ps: torch.optim.SGD(ps, lr=0.1)),
        ("momentum", lambda ps: torch.optim.SGD(ps, lr=0.1, momentum=0.9)),
        ("adam", lambda ps: torch.optim.Adam(ps)),
        ("adamw", lambda ps: torch.optim.AdamW(ps)),
        ("adadelta", lambda ps: torch.optim.Adadelta(ps)),
    ],
)
def test_the_rest_is_what_torch_allocates(name: str, make: object) -> None:
    spec = parse("[1,1]x[8,16]")
    network = build(spec)
    optimizer = make(network.parameters())  # type: ignore[operator]  # a lambda of the list above
    network(torch.randn(2, 3, 32, 32)).sum().backward()
    optimizer.step()
    found = memory(spec, batch=2, optimizer=name)
    assert found.weights == sum(p.nbytes for p in network.parameters())
    assert found.gradients == sum(p.grad.nbytes for p in network.parameters())
    assert found.buffers == sum(b.nbytes for b in network.buffers())
    states = [
        value
        for state in optimizer.state.values()
        for key, value in state.items()
        # A count of steps, one number for each tensor, is no value for each parameter.
        if isinstance(value, torch.Tensor) and key != "step"
    ]
    assert found.optimizer_states == sum(value.nbytes for value in states)
    assert name in OPTIMIZER_STATES


@pytest.mark.parametrize("text", NETWORKS)
def test_buffers_are_those_of_the_module(text: str) -> None:
    spec = parse(text)
    assert memory(spec).buffers == sum(b.nbytes for b in build(spec, device="meta").buffers())


def test_the_filters_of_blur_pooling_are_buffers() -> None:
    """One strided conv of 32 channels is blurred: 9 x 32 values of 4 bytes more."""
    plain, blurred = (memory(parse(f"[1,1]x[16,32] aa={aa}")) for aa in ("none", "blur"))
    assert blurred.buffers - plain.buffers == 9 * 32 * 4
    assert blurred.training - blurred.activations == plain.training - plain.activations + 9 * 32 * 4


@given(specs(max_stages=3, max_blocks=2, widths=(4, 24)))
def test_buffers_of_any_network(spec: ArchSpec) -> None:
    assert memory(spec).buffers == sum(b.nbytes for b in build(spec, device="meta").buffers())


def test_inference_peak_by_hand() -> None:
    # The second conv of a block of stage 1: its input, its output and the block's input are alive,
    # three maps of 64 x 32 x 32; no other moment holds as much.
    assert memory(parse("[2,1,1,1]x[64,128,256,512]")).inference_peak == 3 * 64 * 32 * 32 * 4
    # One block of one stage: conv1 has two maps alive, conv2 three.
    assert memory(parse("[1]x[10] input=1x4x4")).inference_peak == 3 * 160 * 4
    # With pre-activation the block's input waits beside the activated copy: x, h and conv1's output,
    # then x, conv1's output and conv2's.
    assert memory(parse("[1]x[10] block=preact input=1x4x4")).inference_peak == 3 * 160 * 4
    # A bottleneck that projects: while conv3 runs, the block's input (10 maps), conv2's output (10)
    # and its own (40); while the shortcut runs, that output (40), the input (10) and the shortcut's (40).
    assert memory(parse("[1]x[10] block=bottleneck input=1x4x4")).inference_peak == 90 * 16 * 4


@given(specs())
def test_bounds_of_the_inference_peak(spec: ArchSpec) -> None:
    layers = [c.layer for c in count(spec).layers if c.layer.kind in ("conv", "std_conv", "linear")]
    sizes = [torch.Size(x.in_shape).numel() + torch.Size(x.out_shape).numel() for x in layers]
    peak = memory(spec, bytes_per_value=1).inference_peak
    assert max(sizes) <= peak


def test_sums() -> None:
    one = memory(parse("resnet12"), batch=128, optimizer="adam")
    assert one.training == one.weights + one.buffers + one.gradients + one.optimizer_states + one.activations
    assert one.inference == one.weights + one.buffers + one.inference_peak
    assert memory(parse("resnet12"), batch=256).activations > one.activations


@pytest.mark.parametrize(("batch", "optimizer"), [(0, "adam"), (1, "adaam")])
def test_mistakes(batch: int, optimizer: str) -> None:
    with pytest.raises(BudgetError):
        memory(parse("resnet12"), batch=batch, optimizer=optimizer)


def kept_one_by_one(spec: ArchSpec) -> list[int]:
    """By part, over every block of the plan."""
    plan = layout(spec)
    tape, x, found = Tape(1, 4), Tensor(spec.input), []
    for _, nodes in plan.parts():
        before = tape.bytes
        x = tape.run(nodes, x)
        found.append(tape.bytes - before)
    return found


@given(specs(max_stages=3, max_blocks=7, widths=(4, 24), max_size=24))
def test_what_the_parts_keep_adds_up(spec: ArchSpec) -> None:
    """However deep a stage is, from three of its blocks."""
    parts = kept_by_part(spec)
    assert sum(parts) == kept_for_backward(layout(spec), batch=1)
    assert list(parts) == kept_one_by_one(spec)


def test_a_stem_keeps_what_a_sum_by_hand_says() -> None:
    """The image; what the conv puts out; what the ReLU does, in place; mean and deviation of each channel."""
    values = 3 * 32 * 32 + 2 * 64 * 32 * 32 + 2 * 64
    assert kept_by_part("[2,1,1,1]x[64,128,256,512]")[0] == 4 * values
