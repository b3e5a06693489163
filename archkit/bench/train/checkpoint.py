"""`Checkpoint`: a run between two epochs, as one file that is either whole or refused.

The file is safetensors: every tensor of the state, and the rest of the state as JSON in the header. Nothing
in it is code. The header also has a hash over both, so that no run goes on from a file that was cut off or
altered.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from archkit.bench.train.results import EpochRow
from archkit.errors import DataError
from archkit.files import replacing
from archkit.toml_values import from_json, read

__all__ = ["CHECKPOINT_FILE", "Checkpoint", "Keeper", "read_checkpoint", "write_checkpoint"]

CHECKPOINT_FILE: Final = "checkpoint.safetensors"

_FORMAT: Final = "2"

# So many times as long as writing took, until the next one is written: a twentieth of the time at most.
_SPACING: Final = 20.0


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Checkpoint:
    """Everything that decides how a run goes on, and what it has reached so far.

    Attributes:
        rows: the epochs that are done, at least one.
        kept: the epoch whose weights are kept so far; None if there is none yet.
        weights: the weights of that epoch; empty if there is none yet.
        state: the trainer's, see `Trainer.state`.
        compile_seconds: the time spent in compiling so far; None if nothing is compiled.
        total_seconds: the time since the first step, without interruptions.
        device: the kind of the device, `cpu` or `cuda`: the generators of one have no state of the other's.
        threads: of the CPU, on which the last bits of its sums depend.
        sharing: up to how many runs of a suite were given the device at once; None if that is not known.
    """

    rows: tuple[EpochRow, ...]
    kept: int | None
    weights: Mapping[str, Tensor]
    state: Mapping[str, Any]
    compile_seconds: float | None
    total_seconds: float
    device: str
    threads: int
    sharing: int | None = None


class Keeper:
    """Writes a run's checkpoints: all or, if epochs are short, as many as take a twentieth of the time.

    Args:
        path: the file.
        key: the key of the run.
        sharing: what each checkpoint says of `Checkpoint.sharing`.
        written: called with each checkpoint that was written.
    """

    def __init__(
        self, path: Path, *, key: str, sharing: int | None = None, written: Callable[[Checkpoint], None]
    ) -> None:
        self._path, self._key, self._sharing, self._written = path, key, sharing, written
        self._waiting: Checkpoint | None = None
        self._not_before = -float("inf")

    def __call__(self, checkpoint: Checkpoint) -> None:
        """Takes the latest checkpoint, and writes it if it is time.

        Raises:
            OSError: it cannot be written.
        """
        self._waiting = dataclasses.replace(checkpoint, sharing=self._sharing)
        if time.monotonic() >= self._not_before:
            self._write()

    @contextmanager
    def at_the_end(self, *, but: tuple[type[BaseException], ...]) -> Iterator[None]:
        """If the block ends with an exception that is none of `but`, writes the checkpoint that waits."""
        try:
            yield
        except BaseException as error:
            if not isinstance(error, but):
                self._write()
            raise

    def _write(self) -> None:
        if (checkpoint := self._waiting) is None:
            return
        started = time.monotonic()
        write_checkpoint(self._path, checkpoint, key=self._key)
        self._waiting = None
        self._written(checkpoint)  # which may send it far: that counts as writing
        ended = time.monotonic()
        self._not_before = ended + _SPACING * (ended - started)


def write_checkpoint(path: Path, checkpoint: Checkpoint, *, key: str) -> None:
    """Writes a checkpoint, which takes the place of the one before only when it is whole.

    Args:
        path: the file.
        checkpoint: what to write.
        key: the key of the run, see `run_key`.

    Raises:
        OSError: it cannot be written.
    """
    tensors: dict[str, Tensor] = {}
    table = {
        "key": key,
        "rows": [dataclasses.asdict(row) for row in checkpoint.rows],
        "kept": checkpoint.kept,
        "weights": _packed(dict(checkpoint.weights), tensors),
        "state": _packed(dict(checkpoint.state), tensors),
        "compile_seconds": checkpoint.compile_seconds,
        "total_seconds": checkpoint.total_seconds,
        "device": checkpoint.device,
        "threads": checkpoint.threads,
        "sharing": checkpoint.sharing,
    }
    text = json.dumps(table, allow_nan=False)
    header = {"format": _FORMAT, "checkpoint": text, "sha256": _hash(text, tensors)}
    try:
        with replacing(path, durable=True) as new:
            save_file(tensors, new, metadata=header)
    except SafetensorError as error:
        raise OSError(None, str(error), str(path)) from error


def read_checkpoint(path: Path, *, key: str) -> Checkpoint:
    """The checkpoint of the run `key` in the file `path`.

    Raises:
        DataError: it cannot be read, is damaged, or belongs to another run.
    """
    try:
        with safe_open(path, "pt") as file:
            header = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping
        if header.get("format") != _FORMAT:
            raise DataError(f"{path} is not a checkpoint that this version can read")
        text = header["checkpoint"]
        if header.get("sha256") != _hash(text, tensors):
            raise DataError(f"{path} is damaged: it does not hold what was written")
        table = from_json(text)
        if table["key"] != key:
            raise DataError(f"{path} is the checkpoint of another run")
        return Checkpoint(
            rows=tuple(read(EpochRow, row) for row in table["rows"]),
            kept=table["kept"],
            weights=_unpacked(table["weights"], tensors),
            state=_unpacked(table["state"], tensors),
            compile_seconds=table["compile_seconds"],
            total_seconds=table["total_seconds"],
            device=table["device"],
            threads=table["threads"],
            sharing=table.get("sharing"),  # an older one does not say
        )
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}") from error
    except (SafetensorError, ValueError, KeyError, TypeError, IndexError) as error:
        raise DataError(f"{path} is damaged: {error}") from error


def _packed(value: Any, tensors: dict[str, Tensor]) -> Any:
    """`value` as JSON can hold it without loss; tensors go into `tensors` and leave their names behind.

    A dict becomes a list of pairs, because its keys may be numbers; a tuple stays different from a list.
    """
    if isinstance(value, Tensor):
        name = str(len(tensors))
        tensors[name] = value.cpu().contiguous()
        return {"tensor": name}
    if isinstance(value, dict):
        return {"dict": [[key, _packed(v, tensors)] for key, v in value.items()]}
    if isinstance(value, tuple):
        return {"tuple": [_packed(v, tensors) for v in value]}
    if isinstance(value, list):
        return [_packed(v, tensors) for v in value]
    if isinstance(value, torch.dtype):  # as in the settings of timm's adafactorbv
        return {"dtype": str(value).removeprefix("torch.")}
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError(f"a checkpoint cannot hold {type(value).__name__}")


def _unpacked(value: Any, tensors: Mapping[str, Tensor]) -> Any:
    if isinstance(value, list):
        return [_unpacked(v, tensors) for v in value]
    if not isinstance(value, dict):
        return value
    ((kind, held),) = value.items()
    if kind == "tensor":
        return tensors[held]
    if kind == "tuple":
        return tuple(_unpacked(v, tensors) for v in held)
    if kind == "dtype":
        return getattr(torch, held)
    return {key: _unpacked(v, tensors) for key, v in held}


def _hash(text: str, tensors: Mapping[str, Tensor]) -> str:
    digest = hashlib.sha256(text.encode())
    for name in sorted(tensors):
        tensor = tensors[name]
        digest.update(f"{name}{tensor.dtype}{tuple(tensor.shape)}".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()
