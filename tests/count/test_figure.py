"""Figures that say that they count bytes."""

from __future__ import annotations

import pytest

from archkit.budget import Budget, Limit
from archkit.count.figure import parse_figure
from archkit.errors import BudgetError


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("64KiB", 65_536),
        ("64 kib", 65_536),
        ("1.5MiB", 1_572_864),
        ("2GiB", 2_147_483_648),
        ("256kB", 256_000),
        ("1MB", 1_000_000),
        ("0.5 GB", 500_000_000),
        ("61,440 bytes", 61_440),
        ("1 byte", 1),
        ("1e3kB", 1_000_000),
    ],
)
def test_bytes(text: str, value: int) -> None:
    figure = parse_figure(text)
    assert (figure.value, figure.counted) == (value, "bytes")


def test_the_last_digit_of_a_figure_in_kib() -> None:
    """0.1 KiB: 1.5KiB was rounded from 1,485 to 1,587 bytes."""
    figure = parse_figure("1.5KiB")
    assert figure.unit * 10 == 1024
    assert [figure.fit(n) for n in (1484, 1485, 1536, 1587, 1588)] == [
        None, "rounded", "exact", "rounded", "cut",
    ]  # fmt: skip


def test_a_b_alone_is_a_billion() -> None:
    assert (parse_figure("5B").value, parse_figure("5B").counted) == (5 * 10**9, None)


@pytest.mark.parametrize("text", ["256KB", "256 kb", "256Kb"])
def test_kb_may_mean_either(text: str) -> None:
    with pytest.raises(BudgetError, match="write kB for 1,000 or KiB for 1,024"):
        parse_figure(text)


def test_only_what_is_counted_in_bytes_is_limited_in_bytes() -> None:
    budget = Budget.read({"max_weight_bytes": "1KiB", "max_peak_memory": "64KiB"})
    assert budget.params == Limit(None, 256)
    assert budget.peak_memory == Limit(None, 65_536)
    for key in ("max_params", "max_macs", "max_depth", "batch"):
        with pytest.raises(BudgetError, match="64KiB counts bytes"):
            Budget.read({key: "64KiB"})
