"""Networks that are no ResNets: the zoo's are timm's and torchvision's, by figures and by outputs."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from archkit.count import totals
from archkit.count.tools import Tool, predict
from archkit.errors import InferError
from archkit.nn import build, infer, key_map, load_weights, state_shapes
from archkit.nn.names import renumbered
from archkit.plan import layout
from archkit.spec import parse, zoo
from tests.nn.families import COVERED, LEFT_OUT, TIMM, TORCHVISION
from tests.nn.reference import materialise, on_meta, randomise
from tests.nn.test_weights import difference

SMALL = 3e6  # parameters; larger ones are compared in the long run
OTHERS_WEIGHTS = {
    # torchvision's larger EfficientNets have TensorFlow's epsilon, timm's of the same name have not.
    f"efficientnet_b{i}": "norm=batch-tf"
    for i in (5, 6, 7)
}


def cases(small: float = SMALL) -> Iterator[object]:
    for library, name in COVERED:
        long = totals(parse(name)).params > small
        yield pytest.param(library, name, id=f"{library}-{name}", marks=pytest.mark.long if long else ())


@pytest.mark.parametrize("module", LEFT_OUT)
def test_every_name_is_known_or_has_a_reason(module: str, capsys: pytest.CaptureFixture[str]) -> None:
    known = [name for name in TIMM[module] if zoo.find(name) is not None]
    with capsys.disabled():
        print(f"\ntimm's {module} module: {len(known)} of {len(TIMM[module])} names are known; not:")  # noqa: T201
        for name, reason in LEFT_OUT[module].items():
            print(f"  {name}: {reason}")  # noqa: T201
    assert set(TIMM[module]) - set(known) == set(LEFT_OUT[module])
    assert all(reason for reason in LEFT_OUT[module].values())


def test_all_of_torchvisions_are_known() -> None:
    assert [name for name in TORCHVISION if zoo.find(name) is None] == []


@pytest.mark.parametrize(("library", "name"), list(cases(12e6)))
def test_the_figures_are_those_of_the_module(library: str, name: str) -> None:
    """Parameters are the sum of `numel`, and FLOPs are what torch counts, to the digit."""
    spec = parse(name)
    module = on_meta(name, library).eval()
    assert totals(spec).params == sum(p.numel() for p in module.parameters())
    with FlopCounterMode(display=False) as counter:
        module(torch.empty(1, *spec.input, device="meta"))
    flops, *_ = predict(layout(spec), Tool.torch)
    assert flops.total == counter.get_total_flops()


@pytest.mark.parametrize(("library", "name"), list(cases()))
def test_the_same_weights_give_the_same_outputs(library: str, name: str) -> None:
    more = OTHERS_WEIGHTS.get(name, "") if library == "torchvision" else ""
    spec = parse(f"{name} {more}")
    theirs = randomise(materialise(on_meta(name, library)))
    ours = materialise(build(spec, device="meta"))
    load_weights(ours, theirs.state_dict(), library=library)  # type: ignore[arg-type]  # one of the two
    # An odd size tells paddings apart.
    # VGG's head takes maps of one size alone.
    for size in [(224, 224)] if "plain" in spec.block else [(64, 64), (65, 97)]:
        assert difference(ours, theirs, size) < 1e-5


@pytest.mark.parametrize("name", ["mobilenetv3_small_050", "test_efficientnet", "efficientnet_lite0"])
def test_infer_reads_archkits_own(name: str) -> None:
    network = build(parse(name), device="meta")
    assert infer(network) == parse(name)
    network.stage1.block1.project = torch.nn.Identity()
    with pytest.raises(InferError, match="the nearest spec is"):
        infer(network)


@pytest.mark.parametrize(("library", "name"), list(cases(12e6)))
def test_the_keys_are_exactly_the_librarys(library: str, name: str) -> None:
    spec = parse(name)
    theirs = {key: tuple(tensor.shape) for key, tensor in on_meta(name, library).state_dict().items()}
    keys = key_map(spec, library)  # type: ignore[arg-type]  # one of the two
    assert set(keys.values()) == set(state_shapes(spec))
    called = renumbered(theirs, keys)
    assert sorted(called.values()) == sorted(keys)
    # A linear layer may be a conv there, and a factor for each channel have two more sides.
    shapes = state_shapes(spec)
    assert all(prod(shapes[keys[called[key]]]) == prod(shape) for key, shape in theirs.items())
