"""Spaces and limits in files."""

from __future__ import annotations

from pathlib import Path

import pytest

from archkit.budget import Limit, read_budget, read_space
from archkit.count import totals
from archkit.errors import BudgetError
from archkit.spec import parse, parse_space

BUDGETS = Path(__file__).parents[2] / "budgets"


@pytest.mark.parametrize(
    ("table", "space"),
    [
        ("blocks = [1, 2]\nchannels = [16, 32]", "[1,2]x[16,32]"),
        ("blocks = 3\nchannels = [16]", "[3]x[16]"),
        ("blocks = [2, 2, 2]\nchannels = [16, 32, 64]\nstride = [1, 2, 2]",
         "[2,2,2]x[16,32,64] stride=[1,2,2]"),
        ('blocks = [[1, 2], "1..4"]\nchannels = ["16..64:16", [32, 64]]\nstride = [1, [1, 2]]',
         "[{1,2},1..4]x[16..64:16,{32,64}] stride=[1,{1,2}]"),
        ('blocks = "[1..4]*3"\nchannels = "[16]"\nblock = ["basic", "preact"]\nkernel = [3, 5]\nbias = true',
         "[1..4]*3x[16] block={basic,preact} kernel={3,5} bias=yes"),
        ('blocks = [1, 1]\nchannels = [8, 8]\nkernel = "[3,5]"', "[1,1]x[8,8] kernel=[3,5]"),
        (
            'blocks = [1, 1]\nchannels = [8, 8]\nblock = "mbconv"\nexpand = [2, 2.5]',
            "[1,1]x[8,8] block=mbconv expand={2,2.5}",
        ),
    ],
)  # fmt: skip
def test_a_table_means_what_it_looks_like(tmp_path: Path, table: str, space: str) -> None:
    path = tmp_path / "space.toml"
    path.write_text(f"[space]\n{table}\n")
    assert read_space(path) == space


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("[space]\nblocks = [1, 2]\nchannels = [16, 0]", "space.channels: channels must be 1 to"),
        ("[space]\nblocks = [1, 0]\nchannels = [16, 16]", "space.blocks: blocks must be 1 to"),
        ("[space]\nblocks = [1]\nchannels = [16]\nkernal = 3", "space.kernal: unknown option 'kernal'"),
        ("[space]\nblocks = [1]\nchannels = [16]\nbias = 3", "space.bias: bias is"),
        ("[space]\nblocks = [1]\nchannels = {a = 1}", "space.channels must be a list"),
        ("[space]\nblocks = [1]", "space.channels must be a list"),
        ("[space]\nblocks = [1]\nchannels = [16]\nbias = 1.5", "space.bias: bias is yes or no, not 1.5"),
        (
            "[space]\nblocks = [1]\nchannels = [16]\nkernel = [3, 1.5]",
            "space.kernel: kernel is a whole number, not 1.5",
        ),
        ('space = "[1]x[a]"', "space: channels are numbers"),
        ("space = 3", "space must be a text"),
    ],
)
def test_an_error_names_the_file_and_the_key(tmp_path: Path, text: str, key: str) -> None:
    path = tmp_path / "bad.toml"
    path.write_text(text)
    with pytest.raises(BudgetError) as error:
        read_space(path)
    assert str(error.value).startswith(f"{path}: {key}")


def test_limits_as_numbers_of_every_kind(tmp_path: Path) -> None:
    path = tmp_path / "budget.toml"
    path.write_text(
        '[limits]\nmax_params = 5e6\nmin_params = 0.27e6\nmax_macs = "300M"\n'
        'max_peak_memory = "64KiB"\nmax_training_memory = "1.5 GB"\nmax_depth = 40\n'
    )
    budget = read_budget(path).budget
    assert budget.params == Limit(270_000, 5_000_000)
    assert budget.macs == Limit(None, 300_000_000)
    assert budget.peak_memory == Limit(None, 65_536)
    assert budget.training_memory == Limit(None, 1_500_000_000)
    assert budget.depth == Limit(None, 40)
    for wrong in ("inf", "nan", "-1.0", "true", "[1]"):
        path.write_text(f"[limits]\nmax_params = {wrong}\n")
        with pytest.raises(BudgetError, match=r"max.params"):
            read_budget(path)


@pytest.mark.parametrize("name", ["mobilenet_v2", "efficientnet_b0"])
def test_the_phone_s_space_holds_what_phones_run(name: str) -> None:
    """Its blocks and widths, and all that costs anything: EfficientNet's silu costs what relu6 does."""
    known = parse(name)
    space = parse_space(read_budget(BUDGETS / "phone.toml").space or "")
    by_stage = space.by_stage(len(known.blocks))
    assert all(n in blocks.values for n, (blocks, _) in zip(known.blocks, by_stage, strict=True))
    assert all(c in widths.values for c, (_, widths) in zip(known.channels, by_stage, strict=True))
    alike = {totals(space.spec(one, known.blocks, known.channels)) for one in space.combinations}
    assert totals(known) in alike
    assert read_budget(BUDGETS / "phone.toml").budget.fits(parse("mobilenet_v2"))
