"""The rules of other counters, against figures that the tools themselves have printed.

tests/nn/test_crosscheck.py asks the tools; here nothing needs torch.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given

from archkit.count import totals
from archkit.count.formulas import layer_macs, layer_params
from archkit.count.tools import Prediction, Tool, predict
from archkit.count.tools.rules import NOT_IN_PYCLS, RULES
from archkit.errors import SpecError
from archkit.plan import Plan, layout
from archkit.spec import ArchSpec, parse
from tests.conftest import Cli
from tests.strategies import specs

PLAIN = "[2,1,1,1]x[64,128,256,512]"

# Printed by the tools for torchvision's modules at 224x224 and, in the first column, for the plain
# ResNet-10 at 32x32 (None: not noted down).
PRINTED = {
    (Tool.fvcore, "flops"): (329_937_920, 1_819_065_856, 4_111_512_576),
    (Tool.fvcore, "activations"): (None, 2_484_712, 11_114_984),
    (Tool.ptflops, "macs"): (330_830_858, 1_825_313_768, 4_132_436_968),
    (Tool.ptflops_aten, "macs"): (328_930_314, 1_814_074_344, 4_089_185_256),
    (Tool.torchinfo, "mult-adds"): (328_936_330, 1_814_083_944, 4_089_238_376),
    (Tool.torch, "flops"): (657_860_608, 3_628_146_688, 8_178_368_512),
    (Tool.thop, "macs"): (330_937_856, 1_824_033_792, 4_133_742_592),
    (Tool.ultralytics_thop, "macs"): (None, None, 4_133_742_592),
    (Tool.torchprofile, "macs"): (None, None, 4_100_300_288),
    (Tool.deepspeed, "macs"): (None, None, 4_089_184_256),
    (Tool.deepspeed, "flops"): (None, None, 8_211_108_352),
    (Tool.calflops, "macs"): (None, 1_814_073_344, 4_089_184_256),
    (Tool.calflops, "flops"): (None, 3_636_250_112, 8_211_108_352),
    (Tool.pycls, "flops"): (None, None, 4_089_185_256),
}
# pycls's model zoo prints ResNet-50 as 4.1B flops, 25.6M parameters and 11.1M activations; the
# activations are fvcore's and the 64x56x56 that the max pooling puts out.
PYCLS_RESNET50_ACTS = 11_114_984 + 64 * 56 * 56


def figure(plan: Plan, tool: Tool, quantity: str) -> Prediction:
    (found,) = (p for p in predict(plan, tool) if p.quantity == quantity)
    return found


@pytest.mark.parametrize(("column", "text"), [(0, PLAIN), (1, "resnet18"), (2, "resnet50")])
def test_figures_that_the_tools_have_printed(column: int, text: str) -> None:
    plan = layout(parse(text))
    for (tool, quantity), printed in PRINTED.items():
        if printed[column] is not None:
            assert figure(plan, tool, quantity).total == printed[column], (tool, quantity)


def test_what_ultralytics_thop_counts_more_than_thop() -> None:
    """The windows of average pools, and group norm with its parameters; measured on both."""

    def more(text: str, quantity: str) -> int:
        plan = layout(parse(text))
        ours, theirs = (figure(plan, tool, quantity).total for tool in (Tool.ultralytics_thop, Tool.thop))
        return ours - theirs

    assert more("resnet50d", "macs") == 1_404_928
    assert more("[2,2]x[32,64] norm=group:4", "macs") == 983_040
    assert more("[2,2]x[32,64] norm=group:4", "params") == 960
    assert more("resnet50", "macs") == more("resnet50", "params") == 0


def test_a_pools_last_window_may_be_cut() -> None:
    """What ultralytics-thop 2.2.3 printed: on 65x97 the shortcut's windows of 2x2 are cut at both edges."""
    assert (
        figure(layout(parse("resnet50d input=3x65x97")), Tool.ultralytics_thop, "macs").total == 747_911_008
    )


def test_pycls_counts_what_max_pooling_puts_out() -> None:
    assert figure(layout(parse("resnet50")), Tool.pycls, "acts").total == PYCLS_RESNET50_ACTS


def test_the_terms_of_the_plain_resnet10() -> None:
    """Batch norm 999,424, twice the ReLU and pooling elements 2 x 450,560, the head's bias 10."""
    plan = layout(parse(PLAIN))
    assert dict(figure(plan, Tool.fvcore, "flops").terms) == {
        "conv": 328_925_184,
        "linear": 5_120,
        "batch norm, 2 an element": 999_424,
        "global pooling, 1 an input element": 8_192,
    }
    ptflops = dict(figure(plan, Tool.ptflops, "macs").terms)
    assert ptflops["batch norm, 2 an element"] == 999_424
    assert ptflops["ReLU, 2 an element"] + ptflops["global pooling, 2 an input element"] == 2 * 450_560
    assert ptflops["linear bias"] == 10


def predictable(spec: ArchSpec) -> list[Tool]:
    plan = layout(spec)
    beyond = any(layer.kind in NOT_IN_PYCLS or layer.window[0] != layer.window[1] for layer in plan)
    return [tool for tool in Tool if not (beyond and tool is Tool.pycls)]


@given(specs())
def test_what_every_tool_has_in_common(spec: ArchSpec) -> None:
    """Parameters are the counted ones, and convs and linear layers count what archkit calls MACs."""
    plan, cost = layout(spec), totals(spec)
    for tool in predictable(spec):
        for prediction in predict(plan, tool):
            terms = dict(prediction.terms)
            assert len(terms) == len(prediction.terms)
            assert all(part > 0 for part in terms.values())
            assert prediction.total == sum(terms.values())
            if "params" in prediction.quantity:
                left_out = 0
                if tool is Tool.thop:  # it has no rule for these norms
                    norms = ("group_norm", "layer_norm", "response_norm")
                    left_out = 2 * sum(x.in_shape[0] for x in plan if x.kind in norms)
                    others = ("layer_scale", "rms_norm", "simple_norm")
                    left_out += sum(x.in_shape[0] for x in plan if x.kind in others)
                    left_out += sum(layer_params(x) for x in plan if x.kind == "std_conv")
                moving = 2 * sum(x.in_shape[0] for x in plan if x.kind == "batch_norm")
                more = {"total params": moving, "non-trainable params": moving - cost.params}  # Keras's
                assert prediction.total == cost.params - left_out + more.get(prediction.quantity, 0)
            elif prediction.quantity in ("flops", "macs", "mult-adds"):
                times = 2 if {"2 x conv", "2 x standardised conv"} & terms.keys() else 1
                prefix = "2 x " if times == 2 else ""
                kinds = ("conv", "standardised conv", "conv1d", "linear")
                products = sum(terms.get(prefix + kind, 0) for kind in kinds)
                unseen = 0
                if tool in (Tool.ptflops, Tool.thop):  # which go by the exact type
                    unseen = sum(layer_macs(x) for x in plan if x.kind == "std_conv")
                assert products == times * (cost.macs - unseen)
    outputs = dict(figure(plan, Tool.fvcore, "activations").terms)
    outputs.pop("blur pooling outputs", None)
    assert sum(outputs.values()) == cost.activations


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("[1]x[8] attn=eca", "conv1d"),
        ("[1]x[8] norm=group:4", "group_norm"),
        ("[1]x[8] pool=4", "avg_pool"),
        ("[1,1]x[8,16] shortcut=pad", "zero_pad"),
        ("[1,1]x[8,16] aa=blur", "blur_pool"),
        ("[1]x[8] stem=conv10x4s2:8", "conv of 10x4"),
    ],
)
def test_what_pycls_has_no_layer_for_has_no_figure(text: str, kind: str) -> None:
    with pytest.raises(SpecError, match=f"pycls has no {kind}"):
        predict(layout(parse(text)), Tool.pycls)


@pytest.mark.parametrize(
    "text",
    [PLAIN, "resnet10", "resnet50", "resnext50_32x4d", "[1,2]x[8,16] attn=se stem=conv7 input=3x33x47"],
)
def test_pycls_by_its_own_functions(text: str) -> None:
    """Its complexity functions, layer by layer; it has none for whole networks of another shape."""
    net = pytest.importorskip("pycls.core.net", reason="pycls is not installed")
    plan = layout(parse(text))
    cx = {"h": 0, "w": 0, "flops": 0, "params": 0, "acts": 0}
    for layer in plan:
        c, *size = layer.in_shape
        cx["h"], cx["w"] = size if size else (1, 1)
        if layer.kind in ("conv", "linear"):
            cx = net.complexity_conv2d(
                cx,
                c,
                layer.out_shape[0],
                layer.kernel or 1,
                layer.stride,
                layer.padding,
                layer.groups,
                bias=layer.bias,
            )
        elif layer.kind == "batch_norm":
            cx = net.complexity_batchnorm2d(cx, c)
        elif layer.kind == "max_pool":
            cx = net.complexity_maxpool2d(cx, c, layer.kernel, layer.stride, layer.padding)
    assert {p.quantity: p.total for p in predict(plan, Tool.pycls)} == {
        name: cx[name] for name in ("flops", "params", "acts")
    }


def test_the_command_prints_terms_and_figure(cli: Cli) -> None:
    done = cli("count", PLAIN, "--as", "fvcore")
    assert done.returncode == 0
    lines = [" ".join(line.split()) for line in done.stdout.splitlines()]
    assert "batch norm, 2 an element 999,424" in lines
    assert "flops 329,937,920" in lines


@pytest.mark.parametrize("tool", [Tool.fvcore, Tool.ptflops_aten, Tool.pycls])
def test_the_command_as_json(cli: Cli, tool: Tool) -> None:
    done = cli("count", PLAIN, "resnet18", "--as", tool.value, "--json")
    for text, line in zip((PLAIN, "resnet18"), done.stdout.splitlines(), strict=True):
        found = json.loads(line)
        assert found["tool"] == tool.value
        for one, prediction in zip(found["figures"], predict(layout(parse(text)), tool), strict=True):
            assert one["quantity"] == prediction.quantity
            assert one["total"] == prediction.total == sum(term["figure"] for term in one["terms"])


def test_predicting_imports_no_torch() -> None:
    code = (
        "import sys; from archkit.cli import main\n"
        "try: main()\n"
        "finally: assert not {'torch', 'numpy', 'fvcore', 'ptflops'} & set(sys.modules)"
    )
    command = [sys.executable, "-c", code, "count", PLAIN, "--as", "ptflops"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")


def test_an_unknown_tool_is_told_the_known_ones(cli: Cli) -> None:
    done = cli("count", PLAIN, "--as", "fvcor")
    assert done.returncode == 2
    assert all(tool.value in done.stderr for tool in Tool)
    help_text = cli("count", "--help", env={"COLUMNS": "200", "PATH": ""}).stdout
    assert all(tool.value in help_text for tool in Tool)


PAGE = Path(__file__).parents[2] / "docs" / "rosetta.md"
ROWS = {
    "conv": "conv",
    "standardised conv": "conv whose weights are standardised",
    "standardisation": "the standardisation itself",
    "conv bias": "conv bias",
    "conv1d": "conv of channel attention (ECA)",
    "blur pooling's conv": "conv inside blur pooling",
    "linear": "linear",
    "linear bias": "linear bias",
    "batch norm": "batch norm",
    "group norm": "group norm",
    "layer norm": "layer norm",
    "RMS norm": "RMS norm",
    "simple norm": "norm by the deviation alone (`norm=simple`)",
    "response norm": "global response normalisation",
    "ReLU": "ReLU",
    "ReLU6": "ReLU6",
    "SiLU": "SiLU",
    "GELU": "GELU",
    "max pooling": "max pooling",
    "average pooling": "average pooling",
    "global pooling": "global average pooling",
    "mean of channel attention": "mean of channel attention",
    "product of channel attention": "product of channel attention",
    "layer scale": "layer scale",
}
COLUMNS = [
    (Tool.fvcore, "flops"),
    (Tool.ptflops, "macs"),
    (Tool.ptflops_aten, "macs"),
    (Tool.torchinfo, "mult-adds"),
    (Tool.torch, "flops"),
    (Tool.thop, "macs"),
    (Tool.ultralytics_thop, "macs"),
    (Tool.torchprofile, "macs"),
    (Tool.deepspeed, "macs"),
    (Tool.deepspeed, "flops"),
    (Tool.calflops, "macs"),
    (Tool.calflops, "flops"),
    (Tool.pycls, "flops"),
]


def rosetta_table() -> list[str]:
    """The page's table as the rules have it."""
    cells: dict[str, list[str]] = {row: [] for row in ROWS}
    for tool, quantity in COLUMNS:
        (rule,) = (rule for rule in RULES[tool] if rule.quantity == quantity)
        counted = {}
        for term in rule.terms:
            name, _, unit = term.name.removeprefix("2 x ").partition(", ")
            counted[name] = unit or ("2" if term.name.startswith("2 x ") else "1")
        for row, found in cells.items():
            found.append(counted.pop(row, ""))
        assert not counted, "a term without a row"
    head = " | ".join(f"{tool.value} {quantity}" for tool, quantity in COLUMNS)
    return [
        f"| | {head} |",
        "|---" * (len(COLUMNS) + 1) + "|",
        *(f"| {ROWS[row]} | {' | '.join(found)} |" for row, found in cells.items()),
    ]


def test_the_pages_table_is_the_rules() -> None:
    assert "\n".join(rosetta_table()) in PAGE.read_text(encoding="utf-8")


def test_the_pages_figures_of_resnet10() -> None:
    plan, lines = layout(parse(PLAIN)), PAGE.read_text(encoding="utf-8").splitlines()
    for tool, quantity in COLUMNS:
        total = figure(plan, tool, quantity).total
        assert f"| {tool.value} {quantity} | {total:,} | {total - totals(parse(PLAIN)).macs:+,} |" in lines
