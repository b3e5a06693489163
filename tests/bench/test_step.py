"""What a GPU needs of a training step, shown without one: a step on tensors that have no values.

On torch's meta device a tensor has a shape and a type and nothing else. Whatever would make the host wait
for a device (reading a value, counting what is true) fails there, and so does a shape that depends on
values.
"""

import contextlib

import pytest
import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from archkit.bench.augment import mixing, patches
from archkit.bench.augment.pipeline import augmented, mixed
from archkit.bench.recipe import load_recipe, override, recipe_names
from archkit.bench.train.device_data import DeviceData, Labelled
from archkit.bench.train.trainer import Trainer
from archkit.spec import parse
from tests.bench.test_techniques import needs_muon

META = torch.device("meta")
SPEC = parse("[1,1]x[8,16] input=3x8x8 classes=3")
SMALL = [("batch_size", 8), ("epochs", 2), ("precision", "float32")]
EVERYTHING = [
    ("ema", 0.9),
    ("augment.rotate", 5.0),
    ("augment.trivial", True),
    ("augment.cutout", 3),
    ("augment.erase", 0.5),
    ("augment.mixup", 0.2),
    ("augment.cutmix", 1.0),
    ("augment.mix", 0.7),
]
OTHERS = [
    ("stochastic_depth", 0.5),
    ("optimizer.name", "muon"),
    ("optimizer.norm_bias_lr", 8.0),
    ("optimizer.lookahead", 2),
    ("schedule.floor", 0.1),
    ("schedule.flat", 0.25),
    ("resolution.start", 0.5),
    ("augment.alternate", True),
    ("augment.randaugment", 2),
    ("augment.ricap", 0.3),
    ("augment.mix", 0.7),
]
"""What cannot be together with `EVERYTHING`."""


class OnMeta(torch.Generator):
    """torch has generators on real devices only."""

    device = META

    def manual_seed(self, seed):
        super().manual_seed(seed)
        return self


class Seen(TorchDispatchMode):
    """Notes each operation with the tensors that it is given and gives."""

    def __init__(self):
        super().__init__()
        self.operations = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        tensors = [leaf for leaf in tree_leaves((args, kwargs, out)) if isinstance(leaf, torch.Tensor)]
        self.operations.append((str(func), tensors))
        return out


class Elements(TorchFunctionMode):
    """Notes each number that is assigned to one element: older torch copies it to a GPU, and waits.

    No other device shows that.
    """

    def __init__(self):
        super().__init__()
        self.assigned = []

    def __torch_function__(self, func, types, args=(), kwargs=None):
        if func is torch.Tensor.__setitem__:
            tensor, index, value = args
            index = index if isinstance(index, tuple) else (index,)
            if len(index) == tensor.ndim and all(type(i) is int for i in index):
                self.assigned.append(value)
        return func(*args, **(kwargs or {}))


@pytest.fixture
def trainer_of(monkeypatch):
    """A Trainer on the meta device; autocast, which is not made for it, is left out."""
    monkeypatch.setattr(torch, "Generator", lambda _device=None: OnMeta())
    monkeypatch.setattr(Trainer, "_autocast", lambda _self: contextlib.nullcontext())
    try:
        torch._standard_gamma(torch.ones(1, device=META))
    except NotImplementedError:  # older torch cannot draw from it there, but on any real device
        for module in (mixing, patches):
            monkeypatch.setattr(module, "beta", lambda alpha, _generator: torch.empty_like(alpha))

    def part(count):
        images = torch.empty(count, 8, 8, 3, dtype=torch.uint8, device=META)
        return Labelled(images=images, labels=torch.empty(count, dtype=torch.int64, device=META))

    def make(recipe):
        of_channel = torch.empty(3, device=META)
        data = DeviceData(train=part(20), validation=part(0), test=part(9), mean=of_channel, std=of_channel)
        return Trainer(SPEC, data, override(recipe, SMALL), seed=0, device=META)

    return make


@pytest.mark.parametrize(
    "recipe",
    [
        *map(load_recipe, recipe_names()),
        override(load_recipe("fast"), EVERYTHING),
        pytest.param(override(load_recipe("fast"), OTHERS), marks=needs_muon),
        override(load_recipe("fast"), [("augment.autoaugment", "cifar10")]),
    ],
    ids=[*recipe_names(), "everything", "others", "autoaugment"],
)
def test_nothing_in_a_step_waits_for_the_device(trainer_of, recipe):
    trainer = trainer_of(recipe)
    with Seen() as seen, Elements() as elements:
        for _ in range(2):
            loss, right = trainer.step(torch.arange(8, device=META))
    assert (loss.shape, right.shape) == ((), ())
    # Nothing is made on the host and copied over either.
    elsewhere = [name for name, of_one in seen.operations if any(t.device != META for t in of_one)]
    assert elsewhere == []
    assert elements.assigned == []
    assert len(seen.operations) > 50


def test_a_copy_of_the_state_stays_on_the_device(trainer_of):
    """Most are never written; what goes to the host would wait for the device, and fails here."""
    trainer = trainer_of(override(load_recipe("fast"), [("ema", 0.9), ("optimizer.lookahead", 2)]))
    trainer.step(torch.arange(8, device=META))
    state = trainer.state()
    copies = [leaf for leaf in tree_leaves(state) if isinstance(leaf, torch.Tensor)]
    on_host = [leaf for leaf in copies if leaf.device != META]
    assert [leaf.dtype for leaf in on_host] == [torch.uint8] * 2  # of the generators, which live there
    assert len(copies) > 40
    weights = {id(tensor) for tensor in trainer.model.state_dict().values()}
    assert not weights & set(map(id, copies))


def test_the_check_itself_works(trainer_of):
    """Reading a value, and copying one over, are what is found."""
    trainer = trainer_of(load_recipe("fast"))
    loss, _ = trainer.step(torch.arange(8, device=META))
    with pytest.raises(RuntimeError, match="meta"):
        loss.item()
    with Seen() as seen:
        torch.tensor([1.0]).to(META)
    assert any(t.device != META for _, of_one in seen.operations for t in of_one)
    with Elements() as elements:
        torch.zeros(2, 2, device=META)[1, 0] = 0.5
        torch.zeros(2, 2, device=META)[1] = 0.25
    assert elements.assigned == [0.5]


def test_the_stem_is_given_channels_last(trainer_of):
    """On the meta device, for some of torch's operations keep the memory format on a CPU and not on a GPU."""
    trainer = trainer_of(override(load_recipe("fast"), EVERYTHING))
    with Seen() as seen:
        trainer.step(torch.arange(8, device=META))
    convs = [of_one for name, of_one in seen.operations if name.startswith("aten.convolution.")]
    stem, weight = next((x, w) for x, w, *_ in convs if w.shape[1] == 3)  # what sharpens has one channel
    for tensor in (stem, weight):
        assert tensor.is_contiguous(memory_format=torch.channels_last)


def test_every_conv_is_given_channels_last(tiny, brief):
    cpu = torch.device("cpu")
    trainer = Trainer(SPEC, DeviceData.of(tiny, brief, cpu), brief, seed=0, device=cpu)
    given = []
    for module in trainer.model.modules():
        if isinstance(module, torch.nn.Conv2d):
            module.register_forward_pre_hook(lambda conv, args: given.extend([conv.weight, *args]))
    trainer.step(torch.arange(16))
    assert len(given) == 2 * 6
    assert all(tensor.is_contiguous(memory_format=torch.channels_last) for tensor in given)


MORE = [[change] for change in OTHERS if change[0].startswith("augment")]


@pytest.mark.parametrize(
    "changes", [[], *([change] for change in EVERYTHING[1:]), *MORE, EVERYTHING[1:]], ids=str
)
def test_a_training_batch_is_in_channels_last_memory(changes):
    augment = override(load_recipe("fast"), changes).augment
    images = torch.randint(0, 256, (12, 10, 8, 3), dtype=torch.uint8)
    one = torch.ones(3, 1, 1)
    pixels = augmented(images, torch.arange(7), augment, torch.Generator(), mean=one, std=one)
    for batch in (pixels, mixed(pixels, augment, torch.Generator())[0]):
        assert (batch.shape, batch.dtype) == ((7, 3, 10, 8), torch.float32)
        assert batch.is_contiguous(memory_format=torch.channels_last)
