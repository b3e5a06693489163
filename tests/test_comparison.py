"""The README's table beside other tools: what can be asked of the tools that are installed is asked."""

from __future__ import annotations

import inspect
import re

import pytest

from archkit.count.tools import Tool
from tests.test_docs import ROOT

ROW = re.compile(
    r"^\| (?:\[(?P<linked>[\w-]+)\]\([^)]*\)|(?P<plain>archkit))[^|]* \|(?P<cells>.*)\|$", re.MULTILINE
)
WORDS = (
    "no",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
)
SPEC = "[1,1]x[8,16]"


def table() -> dict[str, list[str]]:
    """For each tool the cells behind its name: counts, needs, how many, the best, trains, newest release."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    part = readme[readme.index("## Beside other tools") : readme.index("## Limits")]
    return {
        found["linked"] or found["plain"]: [cell.strip() for cell in found["cells"].split("|")]
        for found in ROW.finditer(part)
    }


@pytest.fixture(scope="module")
def module():
    return pytest.importorskip("archkit.nn").build(SPEC).eval()


def test_the_table_is_read_whole():
    rows = table()
    assert list(rows) == ["archkit", "fvcore", "ptflops", "torchinfo", "timm", "pycls", "DeepMAD", "Puzzle"]
    assert {len(cells) for cells in rows.values()} == {6}


def test_archkit_says_what_so_many_tools_print():
    assert f"what {WORDS[len(Tool)]} tools print" in table()["archkit"][0]


def test_fvcore(module):
    """It traces a module on an input, and has a figure for each word of the table."""
    nn = pytest.importorskip("fvcore.nn")
    torch = pytest.importorskip("torch")
    counts, needs = table()["fvcore"][:2]
    assert (counts, needs) == ("flops, activations, parameters", "a torch module, traced")
    image = torch.zeros(1, 3, 32, 32)
    assert nn.FlopCountAnalysis(module, image).unsupported_ops_warnings(enabled=False).total() > 0
    assert nn.ActivationCountAnalysis(module, image).unsupported_ops_warnings(enabled=False).total() > 0
    assert nn.parameter_count(module)[""] > 0


def test_ptflops(module):
    ptflops = pytest.importorskip("ptflops")
    counts, needs = table()["ptflops"][:2]
    assert (counts, needs) == ("macs, parameters", "a torch module, run")
    macs, params = ptflops.get_model_complexity_info(
        module, (3, 32, 32), as_strings=False, print_per_layer_stat=False, verbose=False
    )
    assert macs > params > 0


def test_torchinfo(module):
    torchinfo = pytest.importorskip("torchinfo")
    counts, needs = table()["torchinfo"][:2]
    assert (counts, needs) == (
        "mult-adds, parameters, an estimate of memory",
        "a torch module, run",
    )
    said = torchinfo.summary(module, (1, 3, 32, 32), verbose=0)
    assert said.total_mult_adds > said.total_params > 0
    assert "Estimated Total Size (MB)" in str(said)


def test_timm_builds_by_a_name_of_its_own():
    timm = pytest.importorskip("timm")
    assert table()["timm"][:2] == ["tables of its own networks", "a name of its own"]
    assert "resnet18" in timm.list_models()
    with pytest.raises(RuntimeError, match="Unknown model"):
        timm.create_model(SPEC)


@pytest.mark.parametrize("package", ["fvcore.nn", "ptflops", "torchinfo"])
def test_the_counters_search_nothing(package):
    """An empty cell is what a tool is not for: none of them has a search or a count of networks by name."""
    public = [name.lower() for name, _ in inspect.getmembers(pytest.importorskip(package))]
    assert not [name for name in public if re.search(r"search|budget|enumerat|solve|sample", name)]
