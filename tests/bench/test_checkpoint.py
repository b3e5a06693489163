"""A checkpoint holds what was put in, to the bit, and a file that is not what was written is refused."""

from dataclasses import replace

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from archkit.bench.train import checkpoint as module
from archkit.bench.train.checkpoint import Checkpoint, Keeper, read_checkpoint, write_checkpoint
from archkit.bench.train.results import EpochRow, Score
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
        device="cpu",
        threads=3,
    )


def same(one, other):
    if isinstance(one, torch.Tensor):
        return one.dtype == other.dtype and torch.equal(one, other)
    if isinstance(one, dict):
        return list(one) == list(other) and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple):
        return type(one) is type(other) and all(same(a, b) for a, b in zip(one, other, strict=True))
    return type(one) is type(other) and one == other


def test_a_setting_of_an_optimizer_may_be_a_dtype(checkpoint, tmp_path):
    """As timm's adafactorbv has one."""
    state = {"optimizer": {"param_groups": [{"momentum_dtype": torch.bfloat16}]}}
    write_checkpoint(tmp_path / "c", replace(checkpoint, state=state), key="k")
    assert same(read_checkpoint(tmp_path / "c", key="k").state, state)


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


@pytest.fixture
def keeper(tmp_path, monkeypatch):
    """A Keeper whose writing takes a second of a clock that stands still otherwise."""
    now = [100.0]

    def write(path, checkpoint, *, key):
        now[0] += 1
        write_checkpoint(path, checkpoint, key=key)

    monkeypatch.setattr(module, "write_checkpoint", write)
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    keeper = Keeper(tmp_path / "x", key="k", written=lambda one: keeper.written.append(one.kept))
    keeper.now, keeper.written = now, []
    return keeper


def test_writing_takes_a_twentieth_of_the_time(keeper, checkpoint):
    for epoch in range(1, 101):
        keeper.now[0] += 1
        keeper(replace(checkpoint, kept=epoch))
    assert keeper.written == [1, 21, 41, 61, 81]


def test_each_is_written_where_epochs_are_long(keeper, checkpoint):
    for epoch in (1, 2, 3):
        keeper.now[0] += 20
        keeper(replace(checkpoint, kept=epoch))
    assert keeper.written == [1, 2, 3]


def ended(keeper, checkpoint, *kept, error=None):
    """Gives it checkpoints of these epochs and then ends, well or with an error."""
    with keeper.at_the_end(but=(ValueError,)):
        for epoch in kept:
            keeper(replace(checkpoint, kept=epoch))
        if error is not None:
            raise error


def test_what_waits_is_written_at_a_bad_end(keeper, checkpoint, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        ended(keeper, checkpoint, 1, 2, 3, error=KeyboardInterrupt())
    assert keeper.written == [1, 3]
    assert read_checkpoint(tmp_path / "x", key="k").kept == 3


def test_nothing_is_written_twice_or_in_vain(keeper, checkpoint):
    with pytest.raises(KeyboardInterrupt):
        ended(keeper, checkpoint, 1, error=KeyboardInterrupt())
    with pytest.raises(ValueError, match="not worth"):
        ended(keeper, checkpoint, 2, error=ValueError("not worth to be resumed"))
    ended(keeper, checkpoint, 3)
    assert keeper.written == [1]
