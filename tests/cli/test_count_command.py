from __future__ import annotations

import json
import os
import re
import subprocess
import sys

import pytest
import torch

from archkit.budget import FIGURES, OBJECTIVES
from archkit.budget.output import FORMATS
from archkit.count.optimizers import OPTIMIZER_STATES
from archkit.count.tools import Tool
from archkit.nn import build
from archkit.spec import parse
from tests.conftest import Cli
from tests.helps import help_of

PLAIN = "[2,1,1,1]x[64,128,256,512]"


def test_the_table_has_layers_stages_and_totals(cli: Cli) -> None:
    done = cli("count", PLAIN)
    assert done.returncode == 0
    assert done.stderr == ""
    lines = [line.split() for line in done.stdout.splitlines()]
    assert ["stem.conv", "conv", "64x32x32", "1,728", "1,769,472"] in lines
    assert ["stage4", "512x4x4", "3,673,088", "58,720,256"] in lines
    assert ["total", "4,977,226", "328,930,304"] in lines


def test_the_table_fits_80_columns(cli: Cli) -> None:
    assert max(len(line.rstrip()) for line in cli("count", PLAIN).stdout.splitlines()) <= 80


def test_by_stage(cli: Cli) -> None:
    done = cli("count", "--by", "stage", PLAIN)
    assert "conv1" not in done.stdout
    assert "3,673,088" in done.stdout


def test_several_specs_side_by_side(cli: Cli) -> None:
    done = cli("count", "resnet10", "resnet12")
    lines = [line.split() for line in done.stdout.splitlines()]
    assert ["resnet10", PLAIN, "bias=yes", "4,980,234", "328,930,304", "499,722", "12"] in lines
    assert [line[0] for line in lines if "195,738" in line] == ["resnet12"]
    mixed = [line.split() for line in cli("count", "resnet10 classes=100", PLAIN).stdout.splitlines()]
    assert [line[:2] for line in mixed[2:]] == [["resnet10", "classes=100"], [PLAIN, "4,977,226"]]
    plain = cli("count", PLAIN, "[1]x[16]").stdout
    assert plain.split()[:2] == ["spec", "params"]


def test_json_is_one_object_a_spec_and_nothing_else(cli: Cli) -> None:
    done = cli("count", "--json", PLAIN, "resnet12")
    first, second = (json.loads(line) for line in done.stdout.splitlines())
    assert set(first) == {"spec", "params", "macs", "activations", "params_equation1", "layers"}
    assert set(first["layers"][0]) == {"name", "kind", "in_shape", "out_shape", "params", "macs"}
    assert first["spec"] == PLAIN
    assert first["params"] == 4_977_226
    assert first["macs"] == 328_930_304
    assert first["params_equation1"] == 4_974_218
    assert sum(layer["params"] for layer in first["layers"]) == 4_977_226
    assert second["params"] == 195_738


def test_the_count_is_what_torch_allocates(cli: Cli) -> None:
    names = ["resnet10", "resnet12", "resnet14-4", "resnet14-5", "paper-resnet18", "wrn-16-4", "resnet50"]
    done = cli("count", "--json", *names)
    for name, line in zip(names, done.stdout.splitlines(), strict=True):
        with torch.device("meta"):
            network = build(parse(name), device="meta")
        assert json.loads(line)["params"] == sum(p.numel() for p in network.parameters())


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["count", "[2,1"], "the text ends"),
        (["count", "[0]x[64]"], "blocks must be 1 to"),
        (["count", "[1]x[1000000000]"], "channels must be 1 to"),
        (["count", "resnet11"], "did you mean resnet1"),
        (["count", PLAIN, "[1,2]x[3]"], "1 channel for 2 stages"),
        (["count"], "Missing argument"),
        (["count", "--jsno", PLAIN], "--json"),
        (["count", "--by", "moon", PLAIN], "moon"),
        (["cuont", PLAIN], "count"),
        (["reconcile", PLAIN, "five"], "is not a figure"),
    ],
)
def test_a_mistake_is_one_clear_line_and_exit_code_2(cli: Cli, args: list[str], words: str) -> None:
    done = cli(*args)
    assert done.returncode == 2
    assert done.stdout == ""
    first, *rest = done.stderr.splitlines()
    assert first.startswith("error: ")
    assert words in first
    assert "Traceback" not in done.stderr
    # Below the line, a spec's error points at the text; nothing else is printed.
    assert rest == [] or (len(rest) == 2 and set(rest[1].strip()) == {"^"})


def test_memory(cli: Cli) -> None:
    done = cli("count", "--memory", "--batch", "128", "--optimizer", "adam", PLAIN)
    assert ["weights", "19,908,904", "parameters", "x", "4"] in [
        line.split() for line in done.stdout.splitlines()
    ]
    found = json.loads(
        cli("count", "--memory", "--batch", "128", "--optimizer", "adam", "--json", PLAIN).stdout
    )
    assert found["optimizer_states"] == 2 * 4 * 4_977_226
    assert cli("count", "--memory", "--optimizer", "adaam", PLAIN).returncode == 2


def test_memory_on_a_device(cli: Cli) -> None:
    """The head is that of the int8 ResNet-8 that MLPerf Tiny ships."""
    shape = "[1,1,1]x[16,32,64]"
    done = cli("count", "--memory", "--target", "tflm", shape)
    assert ["head", "49,152", "maps", "alive", "at", "once,"] in [
        line.split()[:6] for line in done.stdout.splitlines()
    ]
    found = json.loads(cli("count", "--memory", "--target", "tflm", "--json", shape).stdout)
    assert found["arena"] == found["head"] + found["tail"]
    wide = cli("count", "--memory", "--target", "tflm", "--values", "float32", "--json", shape)
    assert json.loads(wide.stdout)["head"] == 4 * 49_152
    tiny = cli("count", "--memory", "--target", "tflm", "[1]x[4] input=1x4x4").stdout
    assert "preparing" in tiny


def test_a_step_of_training_on_a_gpu(cli: Cli) -> None:
    on_gpu = ("count", "--memory", "--target", "cuda", "--batch", "8", "--optimizer", "adam")
    found = json.loads(cli(*on_gpu, "--json", PLAIN).stdout)
    assert found["target"] == "cuda"
    held = found["weights"] + found["buffers"] + found["optimizer_states"]
    least, most = found["allocated"]
    assert least == held + max(found["step"][0], found["update"][0])
    assert most == held + max(found["step"][1], found["update"][1]) + found["unsplit"]
    table = cli(*on_gpu, PLAIN).stdout
    for figure in (least, most - least, found["reserved"], found["cublas"][1]):
        assert f"{figure:,}" in table


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["--memory", "--target", "cuda", "--values", "int8", PLAIN], "--values goes with --target tflm"),
        (["--memory", "--target", "cuda", "--batch", "0", PLAIN], "0 is not in the range"),
        (["--target", "tflm", PLAIN], "--target goes with --memory"),
        (["--memory", "--values", "int8", PLAIN], "--values goes with --target"),
        (["--memory", "--target", "tflm", "--batch", "2", PLAIN], "--batch does not go with --target tflm"),
        (["--memory", "--target", "torch", "--values", "int8", PLAIN], "--values goes with --target tflm"),
        (
            ["--memory", "--target", "torch", "--optimizer", "adam", PLAIN],
            "--optimizer does not go with --target torch",
        ),
        (["--memory", "--target", "tflm", "convnext_tiny"], "no operator for layer norm"),
        (
            ["--memory", "--target", "tflm", "--values", "int16x8", "mobilenet_v3_small"],
            "no HARD_SWISH in int16x8",
        ),
    ],
)
def test_what_a_device_cannot_have_is_one_line(cli: Cli, args: list[str], words: str) -> None:
    done = cli("count", *args)
    assert done.returncode != 0
    assert words in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_the_command_alone_is_its_help(cli: Cli) -> None:
    done = cli()
    assert done.returncode == 0
    for command in ("count", "enumerate", "reconcile", "bench", "zoo"):
        assert command in done.stdout


@pytest.mark.parametrize("command", ["count", "bench"])
def test_help_everywhere(cli: Cli, command: str) -> None:
    done = cli(command, "--help")
    assert done.returncode == 0
    assert "Usage" in done.stdout
    assert cli(command, "-h").stdout == done.stdout


@pytest.mark.parametrize(
    ("args", "listed"),
    [
        (["count"], [*OPTIMIZER_STATES, *(tool.value for tool in Tool)]),
        (
            ["enumerate"],
            [
                *OPTIMIZER_STATES,
                *(ending[1:] for ending in FORMATS),
                *(name.replace("_", "-") for name in FIGURES),
            ],
        ),
        (["solve"], [*OPTIMIZER_STATES, *(name.replace("_", "-") for name in OBJECTIVES)]),
    ],
    ids=lambda one: " ".join(one[:1]),
)
def test_lists_in_helps_are_whole(args: list[str], listed: list[str]) -> None:
    words = set(re.findall(r"[\w-]+", help_of(*args)))
    assert set(listed) <= words


def test_version(cli: Cli) -> None:
    from archkit import __version__

    assert cli("--version").stdout == f"archkit {__version__}\n"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shell_completion(cli: Cli, shell: str) -> None:
    done = cli(env={**os.environ, "_ARCHKIT_COMPLETE": f"source_{shell}"})
    assert "_ARCHKIT_COMPLETE" in done.stdout
    env = {**os.environ, "_ARCHKIT_COMPLETE": "complete_bash", "COMP_WORDS": "archkit co", "COMP_CWORD": "1"}
    assert "count" in cli(env=env).stdout.split()


def test_zoo_lists_every_name(cli: Cli) -> None:
    listed = [json.loads(line) for line in cli("zoo", "--json").stdout.splitlines()]
    assert {"resnet10", "resnet50", "wrn-28-10", "resnet20"} <= {one["name"] for one in listed}
    assert all(one["source"] and one["params"] > 0 for one in listed)


def test_reconcile_names_the_papers_convention(cli: Cli) -> None:
    done = cli("reconcile", "--json", "[2,2,2,1]x[16,32,64,512]", "3.15M")
    first = json.loads(done.stdout.splitlines()[0])
    assert first["changes"] == ["shortcut=conv3"]
    assert first["params"] == 3_152_410
    assert {"spec", "params", "macs", "changes"} <= set(first)
    assert "shortcut=conv3" in cli("reconcile", "[2,2,2,1]x[16,32,64,512] stem=64", "3.15M").stdout


def test_as_a_module() -> None:
    command = [sys.executable, "-m", "archkit", "count", "[1]x[4]", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["spec"] == "[1]x[4]"
    wrong = subprocess.run([*command[:4], "[1"], capture_output=True, text=True, check=False, timeout=60)
    assert (wrong.returncode, wrong.stdout) == (2, "")


def test_a_network_without_a_stem_has_no_row_for_it(cli) -> None:
    for by in ("layer", "stage"):
        done = cli("count", "vgg11", "--by", by)
        assert done.returncode == 0
        assert not re.search(r"^stem", done.stdout, re.MULTILINE)
        # Simonyan and Zisserman 2015, table 2: 133 million; torchvision's vgg11 has 132,863,336.
        assert "132,863,336" in done.stdout
