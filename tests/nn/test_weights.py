"""Weights of timm and torchvision give the same outputs here: the proof that a name is the same network."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from safetensors.torch import save_file
from torch import nn

from archkit.count import totals
from archkit.errors import WeightsError
from archkit.nn import build, key_map, load_weights, state_shapes
from archkit.spec import ArchSpec, parse, zoo
from tests.nn.reference import TIMM, TORCHVISION, materialise, on_meta, randomise
from tests.strategies import specs

# Larger networks are compared in the long run: 468 million parameters take 40 s and 8 GB.
LARGE = 30e6

COVERED = [("torchvision", name) for name in TORCHVISION]
COVERED += [("timm", name) for name in TIMM if zoo.find(name) is not None]


def cases() -> Iterator[object]:
    for library, name in COVERED:
        long = totals(parse(name)).params > LARGE
        yield pytest.param(name, library, id=f"{library}-{name}", marks=pytest.mark.long if long else ())


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def relative_difference(ours: torch.Tensor, theirs: torch.Tensor) -> float:
    assert torch.isfinite(theirs).all()
    return ((ours - theirs).abs().max() / theirs.abs().max()).item()


@torch.no_grad()
def difference(ours: nn.Module, theirs: nn.Module, size: tuple[int, int]) -> float:
    """The largest difference of two networks' outputs, relative to the largest output."""
    images = torch.randn(2, 3, *size, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    return relative_difference(ours(images), theirs(images))


@pytest.mark.parametrize(("name", "library"), list(cases()))
def test_the_same_weights_give_the_same_outputs(name: str, library: str) -> None:
    spec = parse(name)
    theirs = randomise(materialise(on_meta(name, library)))
    ours = materialise(build(spec, device="meta"))
    load_weights(ours, theirs.state_dict(), library=library)
    # An odd size tells paddings and ceilings apart; averages of 2x2 need maps of an even one.
    for size in [(64, 64), (65, 97) if spec.aa != "avg" else (96, 64)]:
        assert difference(ours, theirs, size) < 1e-5


def test_as_many_networks_as_promised() -> None:
    assert len([name for library, name in COVERED if library == "torchvision"]) == 10
    assert len([name for library, name in COVERED if library == "timm"]) >= 70
    normal = [case for case in cases() if not case.marks]
    assert len(normal) >= 40


def test_swapping_two_norms_shows() -> None:
    """What the comparison above can see: the statistics of two norms of one width exchanged."""
    theirs = randomise(materialise(on_meta("resnet18", "torchvision")))
    ours = materialise(build(parse("resnet18"), device="meta"))
    load_weights(ours, theirs.state_dict(), library="torchvision")
    block = ours.get_submodule("stage3.block2")
    first, second = block.norm1.running_mean.clone(), block.norm2.running_mean.clone()
    block.norm1.running_mean.copy_(second)
    block.norm2.running_mean.copy_(first)
    assert difference(ours, theirs, (64, 64)) > 1e-3


@given(specs(max_blocks=2, widths=(4, 24)))
@settings(max_examples=60)
def test_the_shapes_of_a_state_dict_are_the_plans(spec: ArchSpec) -> None:
    network = build(spec, device="meta")
    assert state_shapes(spec) == {key: tuple(tensor.shape) for key, tensor in network.state_dict().items()}


@pytest.mark.parametrize(("library", "name"), COVERED, ids=lambda value: value)
def test_the_keys_are_exactly_the_librarys(library: str, name: str) -> None:
    spec = parse(name)
    keys = key_map(spec, library)
    theirs = {key: tuple(tensor.shape) for key, tensor in on_meta(name, library).state_dict().items()}
    shapes = state_shapes(spec)
    assert {there: shapes[here] for there, here in keys.items()} == theirs
    assert list(keys.values()) == list(shapes)  # one to one, none left out


def test_keys_of_each_part() -> None:
    deep = key_map(parse("resnetrs50"), "timm")
    assert deep["conv1.0.weight"] == "stem.conv1.weight"
    assert deep["conv1.6.weight"] == "stem.conv3.weight"
    assert deep["bn1.running_var"] == "stem.norm.running_var"
    assert deep["maxpool.0.weight"] == "stem.pool_conv.weight"
    assert deep["maxpool.1.bias"] == "stem.pool_norm.bias"
    assert deep["layer1.0.downsample.1.weight"] == "stage1.block1.shortcut.conv.weight"
    assert deep["layer4.2.se.fc2.bias"] == "stage4.block3.attn.fc2.bias"
    assert deep["fc.weight"] == "head.fc.weight"
    assert (
        key_map(parse("ecaresnet26t"), "timm")["layer2.0.se.conv.weight"] == "stage2.block1.attn.conv.weight"
    )


def test_archkits_own_keys_are_themselves() -> None:
    spec = parse("[2,1]x[8,16] block=preact attn=se stem_attn=eca")
    assert key_map(spec, "archkit") == {key: key for key in build(spec, device="meta").state_dict()}


@pytest.mark.parametrize(
    ("text", "library", "layer"),
    [
        ("[1,1]x[8,16] block=preact", "timm", "stage1.block1.norm1"),
        ("[1,1]x[8,16] stem_attn=se", "timm", "stem.attn.fc1"),
        ("[1,1]x[8,16] attn=se", "torchvision", "stage1.block1.attn.fc1"),
        ("[1,1]x[8,16] stem=deep", "torchvision", "stem.conv1"),
        ("[1,1]x[8,16] stem_pool=conv", "torchvision", "stem.pool_conv"),
    ],
)
def test_a_layer_that_the_library_has_no_name_for(text: str, library: str, layer: str) -> None:
    with pytest.raises(WeightsError, match=rf"{library}'s ResNet has no place for {layer} of \["):
        key_map(parse(text), library)


def test_an_unknown_library() -> None:
    with pytest.raises(WeightsError, match=r"library is archkit \| timm \| torchvision, not keras"):
        key_map(parse("resnet18"), "keras")


def prefixed(state: dict[str, torch.Tensor], prefix: str) -> dict[str, torch.Tensor]:
    return {prefix + key: tensor for key, tensor in state.items()}


def loaded(state: dict[str, torch.Tensor]) -> nn.Module:
    network = build(TestCheckpoints.spec)
    network.load_state_dict(state)
    return network


def loaded_in_parallel(state: dict[str, torch.Tensor]) -> nn.Module:
    return nn.DataParallel(loaded(state))


class TestLoading:
    spec = parse("[1,1]x[4,8] stem=conv7:4")

    def weights(self) -> dict[str, torch.Tensor]:
        network = randomise(build(self.spec).eval())
        state = network.state_dict()
        return {there: state[here].clone() for there, here in key_map(self.spec, "torchvision").items()}

    def test_every_tensor_lands_in_its_place(self) -> None:
        weights, network = self.weights(), build(self.spec)
        load_weights(network, weights, library="torchvision")
        state = network.state_dict()
        for there, here in key_map(self.spec, "torchvision").items():
            assert torch.equal(state[here], weights[there])

    @pytest.mark.parametrize("as_text", [True, False])
    def test_from_a_safetensors_file(self, tmp_path: Path, as_text: bool) -> None:
        path = tmp_path / "weights.safetensors"
        weights, network = self.weights(), build(self.spec)
        save_file(weights, path)
        load_weights(network, str(path) if as_text else path, library="torchvision")
        assert torch.equal(network.state_dict()["head.fc.weight"], weights["fc.weight"])

    def test_a_round_trip_of_its_own_file(self, tmp_path: Path) -> None:
        path = tmp_path / "weights.safetensors"
        saved, network = randomise(build(self.spec)), build(self.spec)
        save_file(saved.state_dict(), path)
        load_weights(network, path)
        for key, tensor in saved.state_dict().items():
            assert torch.equal(network.state_dict()[key], tensor)

    def test_a_pickle_is_never_opened(self, tmp_path: Path) -> None:
        path = tmp_path / "weights.pth"
        torch.save(self.weights(), path)
        with pytest.raises(WeightsError, match=r"cannot read .*weights\.pth.*only safetensors"):
            load_weights(build(self.spec), path, library="torchvision")

    def test_a_file_that_is_not_there(self, tmp_path: Path) -> None:
        with pytest.raises(WeightsError, match=r"cannot read .*none\.safetensors"):
            load_weights(build(self.spec), tmp_path / "none.safetensors")

    def test_one_error_names_every_kind_of_mistake_and_changes_nothing(self) -> None:
        weights, network = self.weights(), build(self.spec)
        del weights["conv1.weight"], weights["layer1.0.bn1.bias"]
        weights["head.weight"] = torch.zeros(3)
        weights["fc.weight"] = torch.zeros(1000, 8)
        before = {key: tensor.clone() for key, tensor in network.state_dict().items()}
        with pytest.raises(WeightsError) as caught:
            load_weights(network, weights, library="torchvision")
        assert str(caught.value) == (
            "the weights do not fit [1,1]x[4,8] stem=conv7:4: "
            "2 missing: conv1.weight, layer1.0.bn1.bias; "
            "1 not expected: head.weight; "
            "1 of another shape: fc.weight is 1000x8, expected 10x8"
        )
        assert all(torch.equal(tensor, before[key]) for key, tensor in network.state_dict().items())

    def test_many_keys_are_counted(self) -> None:
        with pytest.raises(WeightsError, match=r"\d+ missing: (\S+, ){3}\S+ and \d+ more"):
            load_weights(build(self.spec), {}, library="torchvision")

    def test_counters_of_batches_may_be_missing(self) -> None:
        weights = {key: t for key, t in self.weights().items() if not key.endswith("num_batches_tracked")}
        network = build(self.spec)
        load_weights(network, weights, library="torchvision")
        assert torch.equal(network.state_dict()["head.fc.weight"], weights["fc.weight"])

    def test_a_network_without_numbers_takes_none(self) -> None:
        with pytest.raises(WeightsError, match="meta device"):
            load_weights(build(self.spec, device="meta"), self.weights(), library="torchvision")


class TestCheckpoints:
    """What `torch.load` gives for a file that a training script has saved."""

    spec = parse("[1,1]x[4,8]")

    def state(self) -> dict[str, torch.Tensor]:
        return randomise(build(self.spec)).state_dict()

    @pytest.mark.parametrize(
        ("wrap", "entry", "prefix"),
        [
            (lambda state: state, None, ""),
            (lambda state: {"epoch": 3, "state_dict": state, "optimizer": {}}, "state_dict", ""),
            (lambda state: {"model_state_dict": state, "loss": torch.ones(1)}, "model_state_dict", ""),
            (lambda state: {"model": state, "args": None}, "model", ""),
            (lambda state: {"net": prefixed(state, "module."), "acc": 93.0}, "net", "module."),
            (lambda state: prefixed(state, "_orig_mod."), None, "_orig_mod."),
            (lambda state: prefixed(state, "module._orig_mod."), None, "module._orig_mod."),
            (lambda state: {**prefixed(state, "module."), "n_averaged": torch.tensor(3)}, None, "module."),
            (lambda state: {"checkpoint": 1, "model": {"state_dict": state}}, "model.state_dict", ""),
            (lambda state: {"model": loaded(state)}, "model", ""),
            (loaded_in_parallel, None, "module."),
        ],
    )
    def test_weights_are_found(
        self, wrap: Callable[[object], object], entry: str, prefix: str | None
    ) -> None:
        state, network = self.state(), build(self.spec)
        found = load_weights(network, wrap(state))
        assert (found.entry, found.prefix) == (entry, prefix)
        assert all(torch.equal(tensor, state[key]) for key, tensor in network.state_dict().items())

    def test_what_torch_saves_and_loads(self, tmp_path: Path) -> None:
        state, network = self.state(), build(self.spec)
        torch.save({"epoch": 1, "state_dict": prefixed(state, "module.")}, tmp_path / "last.pth")
        load_weights(network, torch.load(tmp_path / "last.pth", weights_only=True))
        assert torch.equal(network.state_dict()["head.fc.weight"], state["head.fc.weight"])

    def test_into_a_wrapped_network(self) -> None:
        state, network = self.state(), build(self.spec)
        load_weights(torch.compile(nn.DataParallel(network)), state)
        assert torch.equal(network.state_dict()["head.fc.weight"], state["head.fc.weight"])

    def test_an_error_says_where_it_looked(self) -> None:
        state = self.state()
        del state["head.fc.bias"]
        with pytest.raises(
            WeightsError,
            match=r"^the weights \(of the checkpoint's state_dict, without the prefix module\.\) do not fit"
            r" \[1,1\]x\[4,8\]: 1 missing: head\.fc\.bias$",
        ):
            load_weights(build(self.spec), {"state_dict": prefixed(state, "module.")})

    @pytest.mark.parametrize(
        ("given", "message"),
        [
            (None, "not None"),
            (3, "not of the type int"),
            ([torch.zeros(3)], "not of the type list"),
            (b"weights.pth", "not of the type bytes"),
            (torch.zeros(3), "not of the type Tensor"),
            ({"epoch": 3, "best": 0.9}, "the checkpoint holds epoch, best, and in none of state_dict"),
            ({"state_dict": {"a": {"b": 1}}}, "the checkpoint in state_dict holds a, and in none of"),
            ({"state_dict": None, "model": [1]}, "the checkpoint holds state_dict, model, and"),
            ({"a": torch.zeros(1), "b": 3}, "the weights hold b, which is of the type int, not a tensor"),
            ({1: torch.zeros(1)}, "a key that is of the type int, not a name"),
            ({"a": torch.zeros(1, device="meta")}, "a, which lies on the meta device"),
            ({"a": torch.zeros(2, dtype=torch.complex64)}, "a, which is torch.complex64"),
            ({"a": torch.zeros(2, dtype=torch.int8)}, "a, whose numbers are torch.int8; floating point"),
            ({"a": torch.eye(2).to_sparse()}, "torch.sparse_coo; dense real numbers are expected"),
            ({"n_averaged": torch.tensor(3)}, "1 not expected: n_averaged"),
            ({}, "missing"),
            (nn.Linear(3, 3), "2 not expected: weight, bias"),
            (".", "cannot read"),
        ],
    )
    def test_whatever_it_is_given(self, given: object, message: str) -> None:
        network = build(self.spec)
        before = {key: tensor.clone() for key, tensor in network.state_dict().items()}
        with pytest.raises(WeightsError, match=re.escape(message)):
            load_weights(network, given)
        assert all(torch.equal(tensor, before[key]) for key, tensor in network.state_dict().items())

    @pytest.mark.parametrize("network", [None, "resnet10", nn.Linear(3, 3), nn.DataParallel(nn.Linear(3, 3))])
    def test_into_what_is_no_network(self, network: object) -> None:
        with pytest.raises(WeightsError, match=r"into what archkit\.nn\.build makes, not into"):
            load_weights(network, self.state())

    def test_no_part_is_loaded_where_one_tensor_cannot_be_copied(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        network, state = build(self.spec), self.state()
        before = {key: tensor.clone() for key, tensor in network.state_dict().items()}
        load = nn.Linear._load_from_state_dict
        failed = []

        def fail_once(
            self: nn.Module, state: object, prefix: str, local: object, strict: bool, *rest: list
        ) -> None:
            load(self, state, prefix, local, strict, *rest)
            if not failed:
                failed.append(prefix)
                rest[-1].append("it cannot be copied")

        monkeypatch.setattr(nn.Linear, "_load_from_state_dict", fail_once)
        with pytest.raises(WeightsError, match="cannot be copied"):
            load_weights(network, state)
        assert all(torch.equal(tensor, before[key]) for key, tensor in network.state_dict().items())
