"""Keras's totals, against what Keras itself said of its networks and of twins of ours (keras.csv).

tests/count/keras_twins.py writes the table. Where Keras is installed the twins are built and asked again.
"""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from archkit.blocks import FAMILIES
from archkit.count.reconcile import reconcile
from archkit.count.tools import Tool, predict
from archkit.plan import layout
from archkit.spec import parse
from tests.conftest import Cli

FIGURES = ("total params", "trainable params", "non-trainable params")
# Its EfficientNets of the first version begin with a layer that normalises the images: a mean and a variance
# for each channel, and how many values they come from, are weights that are not trained.
NORMALISES = [f"EfficientNetB{i}" for i in range(8)]
OF_IMAGES = 3 + 3 + 1


def _rows() -> list[dict[str, str]]:
    with Path(__file__).with_name("keras.csv").open(newline="") as file:
        return list(csv.DictReader(file))


ROWS = _rows()


def predicted(text: str) -> tuple[int, ...]:
    found = {one.quantity: one.total for one in predict(layout(parse(text)), Tool.keras)}
    return tuple(found[name] for name in FIGURES)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["network"] or row["spec"])
def test_every_figure_to_the_digit(row: dict[str, str]) -> None:
    total, trained, others = predicted(row["spec"])
    more = OF_IMAGES if row["network"] in NORMALISES else 0
    assert (total + more, trained, others + more) == tuple(int(row[name]) for name in FIGURES)


def test_what_the_table_holds() -> None:
    assert len([row for row in ROWS if row["network"]]) >= 29
    texts = [row["spec"] for row in ROWS if not row["network"]]
    assert {kind for text in texts for kind in parse(text).block} == FAMILIES.keys()
    kinds = {layer.kind for text in texts for layer in layout(parse(text))}
    assert {"conv", "mix_conv", "conv1d", "linear", "layer_scale"} <= kinds
    assert {"batch_norm", "group_norm", "layer_norm", "rms_norm"} <= kinds


@pytest.mark.parametrize("text", [row["spec"] for row in ROWS if not row["network"]])
def test_keras_itself(text: str) -> None:
    pytest.importorskip("keras", reason="Keras is not installed")
    from tests.count import keras_twins

    assert keras_twins.figures(keras_twins.twin(text)) == dict(zip(FIGURES, predicted(text), strict=True))


def test_the_command_has_them_apart(cli: Cli) -> None:
    done = cli("count", "mobilenetv2_100", "--as", "keras", "--json")
    found = {one["quantity"]: one["total"] for one in json.loads(done.stdout)["figures"]}
    assert found == {"total params": 3_538_984, "trainable params": 3_504_872, "non-trainable params": 34_112}


@pytest.mark.parametrize(
    ("text", "figure", "reading"),
    [
        ("mobilenetv2_100", "3,538,984", "total params as keras counts it"),
        (
            "efficientnet_b0",
            "5,330,571",
            "total params with the 7 of the images' normalisation as keras counts it",
        ),
        ("efficientnet_b0", "5,330,564", "total params as keras counts it"),
        ("convnext_tiny", "28,589,128", "parameters"),
    ],
)
def test_reconcile_knows_them(text: str, figure: str, reading: str) -> None:
    first = reconcile(text, figure)[0]
    assert (first.changes, first.reading, first.fit) == ((), reading, "exact")
