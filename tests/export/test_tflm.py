"""What TensorFlow Lite Micro allocates for the files that archkit writes, and for MLPerf Tiny's shapes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from archkit.count.tflm import DATA_TYPES, device_memory, lower
from archkit.count.tflm.arena import MAP_BYTES, alive, buffers
from archkit.errors import BudgetError, ExportError
from archkit.export.tflite import QUANTISATIONS, tflite_bytes
from archkit.plan import layout
from archkit.spec import ArchSpec
from tests.export.micro import allocated, interpreter, run
from tests.export.networks import OF_PIXELS, SPECS, images, logits, network, normalised, pixels
from tests.strategies import specs

pytest.importorskip("ai_edge_litert", reason="TensorFlow Lite's interpreter is not installed")

_EXAMPLES = settings().max_examples // 10  # 10, and 1,000 in the long run


@pytest.mark.parametrize(
    ("spec", "values", "published"),
    [
        ("[1,1,1]x[16,32,64]", "int8", 49_152),
        ("[1,1,1]x[16,32,64]", "float32", 196_608),
        ("[1,1,1]x[40,80,160]", "int8", 122_880),
    ],
)
def test_mlperf_tinys_shapes_take_the_head_of_its_own_files(spec: str, values: str, published: int) -> None:
    """The heads of the three files in MLPerf Tiny's repository, under TensorFlow Lite Micro's own planner."""
    assert device_memory(spec, values=values).head == published


def test_mlperf_tinys_keyword_spotting_holds_two_maps() -> None:
    """By hand: what enters and what leaves one of its convs, 64 channels of 25x5 each; others hold less."""
    assert device_memory("ds-cnn").head == 2 * 64 * 25 * 5 == 16_000


@pytest.mark.parametrize("spec", SPECS)
@pytest.mark.parametrize("quantize", QUANTISATIONS)
def test_every_layer_takes_what_is_allocated(spec: str, quantize: str) -> None:
    _compare(spec, quantize)


@pytest.mark.parametrize("spec", OF_PIXELS)
@pytest.mark.parametrize("quantize", QUANTISATIONS)
def test_a_file_that_takes_pixels_takes_a_map_more(spec: str, quantize: str) -> None:
    want = device_memory(spec, values=QUANTISATIONS[quantize], pixels=True)
    content = tflite_bytes(normalised(network(spec)), quantize=quantize, images=pixels(spec, 2))
    assert (want.head, want.tail) == allocated(content)
    assert want.flash == len(content)
    run(interpreter(content, want.arena), pixels(spec, 1)[0].transpose(1, 2, 0))


@settings(max_examples=_EXAMPLES, suppress_health_check=list(HealthCheck))
@given(specs(max_size=24, widths=(1, 40), max_blocks=2, max_stages=3))
def test_random_networks_take_what_is_allocated(spec: ArchSpec) -> None:
    for quantize in QUANTISATIONS:
        _compare(spec, quantize)


def _compare(spec: ArchSpec | str, quantize: str) -> None:
    values = QUANTISATIONS[quantize]
    try:
        want = device_memory(spec, values=values)
    except ExportError:
        return  # it is refused by a test of its own
    made = network(spec)
    some = images(made, 2)
    content = tflite_bytes(made, quantize=quantize, images=some)
    assert (want.head, want.tail) == allocated(content)
    assert want.flash == len(content)
    found = run(interpreter(content, want.arena), some[0].transpose(1, 2, 0))  # it is large enough
    if quantize == "none":
        expected = logits(made, some)[0]
        assert np.abs(found - expected).max() <= 1e-4 * max(1.0, np.abs(expected).max())


@given(specs(max_size=24, widths=(1, 40), max_blocks=3))
def test_the_head_lies_between_what_is_alive_and_the_sum(spec: ArchSpec) -> None:
    try:
        graph = lower(layout(spec))
    except ExportError:
        return
    for values in DATA_TYPES:
        try:
            found = device_memory(spec, values=values)
        except ExportError:
            continue
        maps = buffers(graph, MAP_BYTES[values])
        assert alive(maps) <= found.head <= sum(one.size for one in maps)
        assert found.flash % 4 == 0


def test_an_unknown_type_is_refused() -> None:
    with pytest.raises(BudgetError, match="int4"):
        device_memory("[1]x[4]", values="int4")
