"""A checkpoint holds what was put in, to the bit, and a file that is not what was written is refused."""

from dataclasses import replace

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from archkit.bench.checkpoint import Checkpoint, read_checkpoint, write_checkpoint
from archkit.bench.results import EpochRow, Score
from archkit.errors import DataError

ROW = EpochRow(
    epoch=1,
    lr=0.1,
    train_loss=1 / 3,
    train_correct=5,
    train_total=9,
    validation=Score(correct=1, total=3, loss=0.1 + 0.2),
    seconds=1.5,
    best=True,
)
STATE = {
    "generator": torch.arange(7, dtype=torch.uint8),
    "optimizer": {
        "state": {0: {"step": torch.tensor(3.0), "momentum_buffer": None}, 1: {"exp_avg": torch.randn(2, 3)}},
        "param_groups": [{"betas": (0.9, 0.999), "lr": 0.1, "params": [0, 1], "foreach": None, "big": 2**60}],
    },
    "name": "x",
}


@pytest.fixture
def checkpoint():
    weights = {"a.weight": torch.randn(4, 2, 3, 3).to(memory_format=torch.channels_last)}
    return Checkpoint(
        rows=(ROW, replace(ROW, validation=None)),
        kept=1,
        weights=weights,
        state=STATE,
        compile_seconds=None,
        total_seconds=12.25,
    )


def same(one, other):
    if isinstance(one, torch.Tensor):
        return one.dtype == other.dtype and torch.equal(one, other)
    if isinstance(one, dict):
        return list(one) == list(other) and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple):
        return type(one) is type(other) and all(same(a, b) for a, b in zip(one, other, strict=True))
    return type(one) is type(other) and one == other


def test_what_is_written_is_read_to_the_bit(checkpoint, tmp_path):
    path = tmp_path / "x.safetensors"
    write_checkpoint(path, checkpoint, key="k")
    found = read_checkpoint(path, key="k")
    assert (found.rows, found.kept, found.total_seconds) == (checkpoint.rows, 1, 12.25)
    assert same(dict(found.state), STATE)
    assert same(dict(found.weights), checkpoint.weights)
    assert [p.name for p in tmp_path.iterdir()] == ["x.safetensors"]


@pytest.mark.parametrize("where", [100, -5, -1])
def test_an_altered_byte_is_noticed(checkpoint, tmp_path, where):
    path = tmp_path / "x.safetensors"
    write_checkpoint(path, checkpoint, key="k")
    content = bytearray(path.read_bytes())
    content[where] ^= 1
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"x\.safetensors is (damaged|not a checkpoint)"):
        read_checkpoint(path, key="k")


@pytest.mark.parametrize("size", [0, 7, 500, -1])
def test_a_file_that_is_cut_off_is_noticed(checkpoint, tmp_path, size):
    path = tmp_path / "x.safetensors"
    write_checkpoint(path, checkpoint, key="k")
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(DataError, match="is damaged"):
        read_checkpoint(path, key="k")


def test_an_altered_state_is_noticed(checkpoint, tmp_path):
    """The header is part of what is summed: a longer run cannot be made of a shorter one."""
    path = tmp_path / "x.safetensors"
    write_checkpoint(path, checkpoint, key="k")
    with safe_open(path, "pt") as file:
        header = file.metadata()
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping
    header["checkpoint"] = header["checkpoint"].replace('"kept": 1', '"kept": 2')
    save_file(tensors, path, metadata=header)
    with pytest.raises(DataError, match="is damaged"):
        read_checkpoint(path, key="k")


def test_another_runs_checkpoint_is_refused(checkpoint, tmp_path):
    write_checkpoint(tmp_path / "x", checkpoint, key="k")
    with pytest.raises(DataError, match="of another run"):
        read_checkpoint(tmp_path / "x", key="l")
    with pytest.raises(DataError, match=r"cannot read .*No such file|is damaged"):
        read_checkpoint(tmp_path / "y", key="k")
    save_file({"x": torch.zeros(1)}, tmp_path / "z")
    with pytest.raises(DataError, match="not a checkpoint that this version can read"):
        read_checkpoint(tmp_path / "z", key="k")


def test_a_write_that_fails_leaves_the_one_before(checkpoint, tmp_path):
    path = tmp_path / "x"
    write_checkpoint(path, checkpoint, key="k")
    with pytest.raises(TypeError, match="cannot hold object"):
        write_checkpoint(path, replace(checkpoint, state={"x": object()}), key="k")
    assert read_checkpoint(path, key="k").kept == 1
