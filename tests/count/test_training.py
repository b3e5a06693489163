"""The peak of a training step, against the storages that live while torch runs one on its meta device."""

from __future__ import annotations

import pytest
import torch
from hypothesis import Phase, given, settings

from archkit.blocks import FAMILIES
from archkit.count import count
from archkit.count.memory import buffers
from archkit.count.optimizers import OPTIMIZER_STATES
from archkit.count.training import TrainingPeak, training_peak
from archkit.count.training.kinds import LAYERS, tensors
from archkit.count.training.segments import Segments, segment_size
from archkit.errors import BudgetError
from archkit.nn import build
from archkit.nn.kinds import MODULES
from archkit.plan import KINDS, layout
from archkit.spec import ArchSpec, parse
from tests.count.living import Living
from tests.count.test_eager import FAMILIES as OTHERS
from tests.count.test_memory import NETWORKS
from tests.strategies import share, specs

MIB = 1 << 20


class Allocated(Living):
    """Each a multiple of 512 bytes. On the CPU lie only the numbers in which optimizers count their steps."""

    def bytes_of(self, tensor: torch.Tensor) -> int:
        return 0 if tensor.is_cpu else -(-super().bytes_of(tensor) // 512) * 512


def seen_by_torch(
    spec: ArchSpec, batch: int, optimizer: str = "none", steps: int = 1, *, channels_last: bool = False
) -> int:
    """The most that is alive in the last of some steps."""
    network = build(spec, device="meta").train()
    if channels_last:
        network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stubs lack it
    images = torch.empty(batch, *spec.input, device="meta")
    labels = torch.zeros(batch, dtype=torch.int64, device="meta")
    made = _optimizer(network, optimizer)
    with Allocated(*network.parameters(), *network.buffers(), images, labels) as allocated:
        for _ in range(steps):
            allocated.peak = 0
            network.zero_grad()
            logits = network(images)
            loss = torch.nn.functional.cross_entropy(logits, labels)
            loss.backward()
            if made is not None:
                made.step()
            del logits, loss
    return allocated.peak


def _optimizer(network: torch.nn.Module, name: str) -> torch.optim.Optimizer | None:
    parameters = list(network.parameters())
    if name in ("sgd", "momentum"):
        return torch.optim.SGD(parameters, lr=0.1, momentum=0.9 if name == "momentum" else 0.0, foreach=True)
    if name == "adadelta":
        return torch.optim.Adadelta(parameters, foreach=True)
    return None


def held_and(found: TrainingPeak, most: bool) -> int:
    """What is predicted, without what blocks may have left over, which torch's storages do not have."""
    return found.allocated[most] - (found.unsplit if most else 0)


@pytest.mark.parametrize("text", [*NETWORKS, *OTHERS])
def test_every_kind_of_layer_to_the_byte(text: str) -> None:
    spec = parse(text)
    found = training_peak(spec, batch=3, optimizer="none", watched=True)
    assert held_and(found, False) == held_and(found, True) == seen_by_torch(spec, 3)


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_to_the_byte(family: str) -> None:
    spec = parse(f"[2,1]x[16,32] block={family} input=3x16x16")
    found = training_peak(spec, batch=2, optimizer="none", watched=True)
    seen = seen_by_torch(spec, 2)
    assert held_and(found, False) <= seen <= held_and(found, True)
    if not any(layer.kind == "layer_norm" for layer in layout(spec)):
        assert held_and(found, False) == held_and(found, True)


def holds_what_lives(spec: ArchSpec) -> None:
    found = training_peak(spec, batch=2, optimizer="none", watched=True)
    seen = seen_by_torch(spec, 2)
    assert held_and(found, False) <= seen <= held_and(found, True)
    if not any(layer.kind == "layer_norm" for layer in layout(spec)):
        assert held_and(found, False) == seen


@given(specs(max_stages=2, max_blocks=2, widths=(4, 24), max_size=24))
@settings(max_examples=share(0.15))
def test_random_networks_hold_what_lives(spec: ArchSpec) -> None:
    holds_what_lives(spec)


@pytest.mark.long
@pytest.mark.parametrize("family", FAMILIES)
def test_a_hundred_random_networks_of_each_family(family: str) -> None:
    drawn: list[ArchSpec] = []

    @given(specs(max_stages=3, max_blocks=3, widths=(4, 24), max_size=24, family=family))
    @settings(max_examples=100, phases=[Phase.generate])
    def each(spec: ArchSpec) -> None:
        drawn.append(spec)
        holds_what_lives(spec)

    each()
    assert len(drawn) >= 100


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "adadelta"])
@pytest.mark.parametrize("text", ["[1,1]x[8,16] input=3x8x8", "[1]x[128] input=3x2x2"])
def test_with_an_optimizer_from_the_second_step_on(optimizer: str, text: str) -> None:
    """Where maps are large, and where weights are."""
    spec = parse(text)
    found = training_peak(spec, batch=2, optimizer=optimizer, watched=True)
    seen = seen_by_torch(spec, 2, optimizer, steps=2)
    # That of adadelta works in two copies, or in three where weights decay, which they do not here.
    assert held_and(found, False) == seen


@given(specs(max_stages=2, max_blocks=2, widths=(4, 24), max_size=24))
@settings(max_examples=share(0.1))
def test_no_less_is_held_with_the_channels_last(spec: ArchSpec) -> None:
    """As `archkit bench` trains, which refuses what needs more than there is."""
    found = training_peak(spec, batch=2, optimizer="none", watched=True)
    assert held_and(found, False) <= seen_by_torch(spec, 2, channels_last=True)


@pytest.mark.parametrize("text", [*NETWORKS, *OTHERS])
def test_torchs_own_tracker_says_the_same(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """torch's MemTracker, which by itself rounds to 512 bytes on a GPU alone."""
    trackers = pytest.importorskip("torch.distributed._tools.mem_tracker")
    monkeypatch.setattr(
        trackers._WeakRefInfo,
        "_calculate_mem_consumed",
        lambda storage: -(-storage.size * storage.element_size // 512) * 512,
    )
    spec = parse(text)
    network = build(spec, device="meta").train()
    images = torch.empty(3, *spec.input, device="meta")
    labels = torch.zeros(3, dtype=torch.int64, device="meta")
    tracker = trackers.MemTracker()
    tracker.track_external(network, images, labels)
    with tracker:
        logits = network(images)
        torch.nn.functional.cross_entropy(logits, labels).backward()  # type: ignore[no-untyped-call]
    (seen,) = tracker.get_tracker_snapshot("peak").values()
    assert seen["Total"] == held_and(training_peak(spec, batch=3, optimizer="none", watched=True), False)


def test_torch_adds_gradients_in_place_where_nothing_looks_on() -> None:
    """As `watched=False` has it: the second gradient of a map goes where the first one lies."""
    x = torch.randn(100, requires_grad=True) * 1
    total = x.exp() + x
    places = []
    total.grad_fn.register_hook(lambda passed, _: places.append(passed[1].data_ptr()))  # type: ignore[union-attr]
    x.register_hook(lambda gradient: places.append(gradient.data_ptr()))
    (total * 3).sum().backward()  # type: ignore[no-untyped-call]
    assert places[0] == places[1]


@pytest.mark.parametrize("text", NETWORKS)
def test_tensors_are_the_parameters(text: str) -> None:
    plan = layout(text)
    shapes = [p.numel() for p in build(text, device="meta").parameters()]
    assert sorted(values for layer in plan for values in tensors(layer)) == sorted(shapes)
    assert sum(shapes) == count(text).params


def test_every_kind_that_makes_a_tensor_is_followed() -> None:
    joins = {kind for kind, row in MODULES.items() if row.make is None}
    views = {kind for kind, row in KINDS.items() if row.keeps == "view"}
    assert set(LAYERS) == set(KINDS) - joins - views


def test_rounding_by_hand() -> None:
    """A stem of 8 channels, a head of 10 classes: each tensor takes a multiple of 512 bytes."""
    found = training_peak("[1]x[8] block=plain input=3x4x4", batch=2, optimizer="adam")
    # Two convs, 216 and 576 values; two norms with 2 x 8; a linear layer with 80 and 10.
    assert found.weights == 1024 + 2560 + 4 * 512 + 512 + 512
    assert found.buffers == 2 * 3 * 512
    assert found.optimizer_states == 2 * found.weights + 8 * 512


def test_rounding_only_adds() -> None:
    for text in NETWORKS:
        plan = layout(text)
        found = training_peak(text, batch=3)
        assert found.weights >= 4 * count(text).params
        assert found.buffers >= buffers(plan, 4)
        assert found.allocated[0] <= found.allocated[1]


def test_segments_by_hand() -> None:
    """Sizes and cuts as the allocator's source has them."""
    assert [segment_size(n) for n in (512, MIB, MIB + 512, 10 * MIB - 512, 10 * MIB, 21 * MIB)] == [
        2 * MIB, 2 * MIB, 20 * MIB, 20 * MIB, 10 * MIB, 22 * MIB,
    ]  # fmt: skip
    segments = Segments()
    first = segments.take(1024)
    second = segments.take(5 * MIB)
    assert (segments.allocated, segments.reserved) == (1024 + 5 * MIB, 22 * MIB)
    third = segments.take(15 * MIB - 512)  # 10 MiB or more, yet what is left of 20 has room but for 512 bytes
    assert segments.reserved == 22 * MIB
    assert segments.allocated == 1024 + 20 * MIB  # less than 1 MiB is not cut off
    for block in (second, third, first):
        segments.give_back(block)
    assert segments.allocated == 0
    segments.take(20 * MIB)  # the two have joined
    segments.take(2 * 512)
    assert segments.reserved == 22 * MIB
    segments.take(11 * MIB)
    assert segments.reserved == 34 * MIB
    assert segments.peak == segments.allocated == 20 * MIB + 1024 + 12 * MIB


def test_reserved_by_hand() -> None:
    """All that a tiny network holds lies in one small segment."""
    found = training_peak("[1]x[8] block=plain input=3x4x4", batch=2)
    assert found.reserved == 2 * MIB
    assert found.unsplit == 0


def test_reserved_holds_what_is_allocated() -> None:
    for optimizer in OPTIMIZER_STATES:
        found = training_peak("[2,1,1,1]x[64,128,256,512]", batch=64, optimizer=optimizer)
        assert found.reserved >= found.allocated[0]


@pytest.mark.parametrize(("batch", "optimizer"), [(0, "adam"), (1, "adaam")])
def test_mistakes(batch: int, optimizer: str) -> None:
    with pytest.raises(BudgetError):
        training_peak("resnet12", batch=batch, optimizer=optimizer)
