"""Blocks by themselves are those of the network, and the arithmetic of their times. No time is asserted."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings

from archkit.budget import blocks_of_space
from archkit.budget.table_rows import blocks_with_places
from archkit.count import totals
from archkit.errors import ExportError, RunError
from archkit.measure.blocks import Additivity, measure_blocks, measured
from archkit.measure.timers import median_ms, prepared
from archkit.plan.pieces import pieces
from archkit.spec import ArchSpec, parse_space
from tests.strategies import share, specs

SPACE = "[1..2]*2x[8] input=3x8x8"


@given(specs(max_stages=3, max_blocks=3, widths=(1, 32), max_size=16))
@settings(max_examples=share(0.6))
def test_blocks_together_have_the_networks_parameters(spec: ArchSpec) -> None:
    """The closed form counts the whole network; torch counts each block's module."""
    every = blocks_with_places(parse_space(str(spec)))
    params = 0
    for piece, n in pieces(spec).items():
        like, stage = every[piece._replace(stage=0)]
        with torch.device("meta"):
            module = measured(piece, like, stage).module
        params += n * sum(one.numel() for one in module.parameters())
    assert params == totals(spec).params


def test_every_block_is_timed_once() -> None:
    told: list[tuple[int, int]] = []
    found = measure_blocks(parse_space(SPACE), "torch-cpu", watch=lambda *done: told.append(done))
    assert [one.piece for one in found] == list(blocks_of_space(parse_space(SPACE)))
    assert all(one.ms > 0 and one.spread >= 0 for one in found)
    # A stem, two first blocks, two further ones and a head, in five rounds.
    assert told == [(i, 30) for i in range(1, 31)]


def test_the_median_of_samples() -> None:
    taken = iter([9.0, 0.002, 0.001, 0.003, 0.002, 0.9, 0.002])
    # After one run and two more to see how long one takes, 1 ms: two runs a sample, and the outlier is none.
    asked: list[int] = []

    def run(times: int) -> float:
        asked.append(times)
        return next(taken)

    ms, samples = median_ms(run, 0.0)
    assert asked == [1, 2, 2, 2, 2, 2, 2]
    assert (ms, samples) == (1.0, 5)


def test_onnxruntime_runs_the_same_blocks() -> None:
    pytest.importorskip("onnxruntime")
    pytest.importorskip("onnx")
    for piece, (like, stage) in blocks_with_places(parse_space(SPACE)).items():
        assert prepared(measured(piece, like, stage), "onnxruntime", batch=2, threads=1)(1) > 0


def test_tensorflow_lite_runs_the_same_blocks() -> None:
    pytest.importorskip("ai_edge_litert")
    space = parse_space("[1..2]*2x[8,16] block={mbconv,depthwise} se=input act=relu input=3x16x16")
    for piece, (like, stage) in blocks_with_places(space).items():
        assert prepared(measured(piece, like, stage), "tflite", batch=1, threads=1)(1) > 0


def test_what_tensorflow_lite_cannot_run_is_said() -> None:
    pytest.importorskip("ai_edge_litert")
    with pytest.raises(RunError, match="one image at a time, not 2"):
        measure_blocks(parse_space(SPACE), "tflite", batch=2)
    with pytest.raises(ExportError, match="no operator for group norm"):
        measure_blocks(parse_space(f"{SPACE} norm=group:4"), "tflite")


def test_a_gpu_that_is_not_there() -> None:
    if torch.cuda.is_available():
        pytest.skip("there is one")
    with pytest.raises(RunError, match="sees no GPU"):
        measure_blocks(parse_space(SPACE), "torch-cuda")


def test_how_well_sums_agree() -> None:
    found = Additivity(networks=(("a", 1.0, 2.5), ("b", 2.0, 4.5), ("c", 3.0, 6.5), ("d", 7.0, 7.5)))
    # 7 of 7.5 is within 10% alone.
    assert found.within() == pytest.approx(1 / 4)
    # Twice the sum and half a ms: exact for the first three, 14.5 for the last.
    assert found.within((2.0, 0.5)) == pytest.approx(3 / 4)


def test_a_line_is_judged_by_networks_that_it_was_not_fitted_to() -> None:
    """By the first and the third it is twice the sum; the second has that, the fourth half as much again."""
    found = Additivity(networks=(("a", 1.0, 2.0), ("b", 2.0, 4.1), ("c", 3.0, 6.0), ("d", 4.0, 12.0)))
    assert found.held_out() == pytest.approx(1 / 2)
    assert Additivity(networks=found.networks[:3]).held_out() is None


def test_the_line_that_fits_best() -> None:
    exact = Additivity(networks=(("a", 1.0, 2.5), ("b", 2.0, 4.5), ("c", 3.0, 6.5)))
    assert exact.line() == pytest.approx((2.0, 0.5))
    assert exact.within(exact.line()) == 1
    # All sums alike: a factor, whose relative errors are least at the harmonic mean of the ratios.
    alike = Additivity(networks=(("a", 1.0, 2.0), ("b", 2.0, 4.0)))
    assert alike.within(alike.line()) == 1
    assert Additivity(networks=(("a", 1.0, 2.0),)).line() == pytest.approx((2.0, 0.0))
