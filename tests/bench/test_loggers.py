"""`--log mlflow` and `--log wandb`: what the real packages kept, read back by their own readers, offline."""

from __future__ import annotations

import csv
import json
import socket
import sys

import pytest
import torch

from archkit.bench.recipe import override
from archkit.bench.sweep.loggers import LOGGERS, logging
from archkit.bench.sweep.place import adapt, folder_of
from archkit.bench.sweep.run import Run
from archkit.bench.sweep.run_spec import run_spec
from archkit.bench.train.events import EpochRow, ignore
from archkit.errors import RunError
from archkit.spec import parse

CPU = torch.device("cpu")
FIGURES = {
    "loss/train", "loss/validation", "accuracy/train", "accuracy/validation", "lr", "images_per_second",
}  # fmt: skip


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    """Nothing here reaches beyond this machine, and nothing of whoever runs the tests is read."""
    real = socket.socket.connect

    def connect(self, address):
        if self.family in (socket.AF_INET, socket.AF_INET6) and address[0] not in (
            "127.0.0.1",
            "::1",
            "localhost",
        ):
            raise AssertionError(f"a connection to {address}")
        return real(self, address)

    monkeypatch.setattr(socket.socket, "connect", connect)
    for name in ("MLFLOW_TRACKING_URI", "WANDB_MODE", "WANDB_API_KEY"):
        monkeypatch.delenv(name, raising=False)


def run(kind, tiny, recipe, root, watch=ignore, **options):
    spec = adapt(parse("[1]x[8]"), tiny)
    folder = folder_of(Run(label="small", spec=spec, recipe=recipe, seed=0), tiny, root)
    about = {"network": "small", "recipe.epochs": recipe.epochs}
    with logging(kind, folder, watch, about=about) as watching:
        return run_spec(spec, tiny, recipe, device=CPU, out=folder, watch=watching, **options)


def table(folder):
    with (folder / "epochs.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def stopping_after(epoch):
    def stop(event):
        if isinstance(event, EpochRow) and event.epoch == epoch:
            raise KeyboardInterrupt

    return stop


def mlflow_runs(root):
    tracking = pytest.importorskip("mlflow.tracking")
    client = tracking.MlflowClient(tracking_uri=f"sqlite:///{root / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("archkit")
    return client, client.search_runs([experiment.experiment_id])


def assert_as_in_the_table(history, folder):
    """`history`: figure -> [(epoch, value)]."""
    rows = table(folder)
    assert set(history) == FIGURES
    for name, column in (("loss/train", "train_loss"), ("loss/validation", "validation_loss"), ("lr", "lr")):
        assert [step for step, _ in history[name]] == [int(row["epoch"]) for row in rows]
        assert [value for _, value in history[name]] == pytest.approx([float(row[column]) for row in rows])


def test_mlflow_has_each_epoch_once_also_of_a_run_that_was_cut_off(tiny, brief, tmp_path):
    pytest.importorskip("mlflow")
    longer = override(brief, [("epochs", 4)])
    with pytest.raises(KeyboardInterrupt):
        run("mlflow", tiny, longer, tmp_path, stopping_after(2))
    _, (left,) = mlflow_runs(tmp_path)
    assert left.info.status == "KILLED"
    done = run("mlflow", tiny, longer, tmp_path, resume=True)
    client, (kept,) = mlflow_runs(tmp_path)
    assert (kept.info.status, kept.info.run_name) == ("FINISHED", done.folder.name)
    assert kept.data.params == {"network": "small", "recipe.epochs": "4"}
    history = {
        name: sorted((one.step, one.value) for one in client.get_metric_history(kept.info.run_id, name))
        for name in kept.data.metrics
    }
    assert_as_in_the_table(history, done.folder)
    run("mlflow", tiny, longer, tmp_path, force=True)  # begun again: another run there
    assert len(mlflow_runs(tmp_path)[1]) == 2


def records_of(path):
    """The records of a file in the format of LevelDB's logs, after a head of seven bytes: bytes of each."""
    data, at, whole = path.read_bytes(), 7, b""
    assert data.startswith(b":W&B")
    while at + 7 <= len(data):
        if 32768 - at % 32768 < 7:  # no room for a head: the rest of the block is empty
            at += 32768 - at % 32768
            continue
        length, kind = int.from_bytes(data[at + 4 : at + 6], "little"), data[at + 6]
        if not kind:
            return
        whole += data[at + 7 : at + 7 + length]
        at += 7 + length
        if kind in (1, 4):  # full, or the last part of one
            yield whole
            whole = b""


def wandb_parts(root):
    """What lies in the files of each part, by wandb's own messages: epoch -> figures."""
    messages = pytest.importorskip("wandb.proto.wandb_internal_pb2")
    parts = []
    for path in sorted((root / "wandb").glob("offline-run-*/*.wandb"), key=lambda path: path.stat().st_mtime):
        found, name, config = {}, None, {}
        for data in records_of(path):
            record = messages.Record()
            record.ParseFromString(data)
            if record.WhichOneof("record_type") == "history":
                items = {
                    "/".join(i.nested_key) or i.key: json.loads(i.value_json) for i in record.history.item
                }
                found[items["_step"]] = {key: items[key] for key in items if not key.startswith("_")}
            if record.WhichOneof("record_type") == "run":
                name = record.run.display_name
                config = {item.key: json.loads(item.value_json) for item in record.run.config.update}
        parts.append((path.stem, name, config, found))
    return parts


def test_wandb_keeps_the_epochs_in_files(tiny, brief, tmp_path):
    pytest.importorskip("wandb")
    longer = override(brief, [("epochs", 3)])
    with pytest.raises(KeyboardInterrupt):
        run("wandb", tiny, longer, tmp_path, stopping_after(2))
    done = run("wandb", tiny, longer, tmp_path, resume=True)
    (one, name, config, first), (other, _, _, second) = wandb_parts(tmp_path)
    assert one == other  # two parts of one run
    assert name == done.folder.name
    assert (config["network"], config["recipe.epochs"]) == ("small", 3)
    assert set(first) == {1, 2}
    assert set(second) == {2, 3}  # the second epoch was not in the checkpoint
    both = {**first, **second}
    history = {key: [(step, both[step][key]) for step in sorted(both)] for key in both[1]}
    assert_as_in_the_table(history, done.folder)


@pytest.mark.parametrize("kind", ["mlflow", "wandb"])
def test_without_the_package_it_says_what_to_install(tiny, brief, tmp_path, monkeypatch, kind):
    monkeypatch.setitem(sys.modules, "mlflow.tracking" if kind == "mlflow" else "wandb", None)
    with pytest.raises(RunError, match=rf"--log {kind} needs the package .*: pip install {LOGGERS[kind]}$"):
        run(kind, tiny, brief, tmp_path)
    assert list(tmp_path.iterdir()) == []
