"""Weights and checkpoints are loaded whole or not at all, and what is wrong with them is named."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import torchvision
from safetensors.torch import save_file
from torch import nn

from archkit.errors import WeightsError
from archkit.nn import build, key_map, load_weights
from archkit.spec import parse
from tests.nn.reference import randomise


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


def test_the_names_of_another_library_are_recognised() -> None:
    given = torchvision.models.resnet18().state_dict()
    with pytest.raises(
        WeightsError, match=r"; these are the names that library='timm' or library='torchvision' reads$"
    ):
        load_weights(build("resnet18"), given)
    load_weights(build("resnet18"), given, library="torchvision")
    with pytest.raises(WeightsError, match=r"expected: stem.conv.weight.* more$"):
        load_weights(build("resnet34"), build("resnet50").state_dict(), library="torchvision")


@pytest.mark.parametrize(
    ("library", "end"),
    [
        ("torchvision", "take that off"),
        ("archkit", "take that off, and give library='timm' or library='torchvision'"),
    ],
)
def test_what_begins_every_key_is_named(library: str, end: str) -> None:
    given = torchvision.models.resnet18().state_dict()
    given = {f"backbone.{key}": value for key, value in given.items()}
    with pytest.raises(WeightsError, match=rf"; every key begins with 'backbone.': {end}$"):
        load_weights(build("resnet18"), given, library=library)
