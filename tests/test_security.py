"""Nothing that a stranger hands over is executed; docs/security.md names the test for each way in."""

import ast
import json
import pickle
import re
from pathlib import Path

import pytest

from archkit.bench.recipe import load_recipe
from archkit.bench.report import find_runs, group_runs
from archkit.bench.report.html import to_html
from archkit.bench.sweep.place import default_folder
from archkit.bench.train.checkpoint import read_checkpoint
from archkit.errors import ArchkitError, DataError
from archkit.nn import load_weights
from tests.bench.runs import write_run

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "security.md"


def test_the_page_names_tests_that_exist():
    named = re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", PAGE.read_text(encoding="utf-8"))
    assert len(named) >= 12
    for file, test in named:
        text = (ROOT / file).read_text(encoding="utf-8")
        assert not test or f"def {test}(" in text, f"{file} has no {test}"


def calls(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node


@pytest.mark.parametrize("path", sorted((ROOT / "archkit").rglob("*.py")), ids=lambda path: path.name)
def test_nothing_is_unpickled_or_evaluated(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        names = [one.name for one in node.names] if isinstance(node, ast.Import | ast.ImportFrom) else []
        assert not {"pickle", "cloudpickle", "dill", "shelve", "marshal"} & set(names)
    for name, call in calls(tree):
        assert name != "eval"
        if name == "torch.load":
            assert any(key.arg == "weights_only" and ast.literal_eval(key.value) for key in call.keywords)
        if name in ("np.load", "numpy.load"):
            assert not any(key.arg == "allow_pickle" and ast.literal_eval(key.value) for key in call.keywords)


class Bomb:
    """Unpickled, it makes a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


@pytest.mark.parametrize("name", ["checkpoint.safetensors", "weights.safetensors", "weights.pt"])
def test_a_pickle_in_their_place_is_not_run(tmp_path, name):
    bang, path = tmp_path / "bang", tmp_path / name
    path.write_bytes(pickle.dumps(Bomb(bang)))
    if name.startswith("checkpoint"):
        with pytest.raises(DataError):
            read_checkpoint(path, key="x")
    else:
        with pytest.raises(ArchkitError):
            load_weights(path_to_model(), path)
    assert not bang.exists()


def path_to_model():
    import archkit
    from archkit.nn import build

    return build(archkit.parse("[1]x[4] classes=3 input=3x8x8"))


def test_no_html_of_a_result_reaches_a_page(tmp_path):
    folder = write_run(tmp_path, data="<script>alert(1)</script>")
    table = json.loads((folder / "result.json").read_text())
    evil = "<img src=x onerror=alert(2)>"
    table["recipe"]["name"] = evil
    table["environment"]["device"] = evil
    table["data"]["classes"][0] = evil
    (folder / "result.json").write_text(json.dumps(table))
    found, skipped = find_runs([tmp_path])
    assert (len(found), skipped) == (1, ())
    page = to_html(group_runs(found), title="<b>title</b>")
    for text in ("<script>alert(1)", "<img src=x", "<b>title"):
        assert text not in page


@pytest.mark.parametrize("label", ["../../evil", "/etc/passwd", "a/../../b", "..", "C:\\x", "x\0y"])
def test_no_label_leads_out_of_the_folder_of_runs(tmp_path, label):
    class Named:
        name = label

    made = default_folder(tmp_path, label, load_recipe("demo"), Named, seed=0, key="0" * 64)
    assert made.parent == tmp_path
    assert made.name not in (".", "..")
    assert "/" not in made.name
    assert "\\" not in made.name
    assert "\0" not in made.name
