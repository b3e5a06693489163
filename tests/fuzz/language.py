"""Fuzzes the language: whatever the text, `parse` and `parse_space` end in a value or a SpecError.

    pip install ".[fuzz]"
    python tests/fuzz/language.py -runs=1000000

Coverage-guided by atheris; the arguments are libFuzzer's. A text that takes more than 50 ms, three
times over, or that allocates more than 50 MB, is a finding too, and so is one that does not come back
from its canonical form.
"""

from __future__ import annotations

import sys
import time
import tracemalloc

import atheris

with atheris.instrument_imports(include=["archkit"]):
    from archkit.errors import SpecError
    from archkit.spec import parse, parse_space

SECONDS = 0.05
BYTES = 50_000_000
SEEDS = [
    "[2,1,1,1]x[64,128,256,512]",
    "[1..4]*3..5x[{16,32,64,128,256,512}] order=nondecreasing",
    "[1..]*4x[8..512:8] order=nondecreasing",
    "[3,4,6,3]x[64,128,256,512] block=bottleneck groups=32 base_width=4 stem=deep:64 shortcut=avg attn=se:4",
    "resnet50 input=3x224x224 classes=1000 stem=tiered stem_pool=conv norm=group:16 aa=blur",
    "[1,1]x[8,16] stride=[1,{1,2}] kernel=[3,5] bias=yes pool=2 stem_attn=se-plain project=stage reduce=2",
    "wrn-28-10 block={preact,basic} bias={yes,no}",
]


def read(text: str) -> None:
    """Reads a text both ways.

    Raises:
        AssertionError: a canonical form does not read back.
    """
    try:
        spec = parse(text)
    except SpecError as error:
        str(error)
    else:
        assert parse(str(spec)) == spec, text
    try:
        parse_space(text).size()
    except SpecError as error:
        str(error)


def test_one_input(data: bytes) -> None:
    """One text of the fuzzer's."""
    text = atheris.FuzzedDataProvider(data).ConsumeUnicodeNoSurrogates(sys.maxsize)
    started = time.process_time()
    read(text)
    if time.process_time() - started > SECONDS:
        _look_again(text)


def _look_again(text: str) -> None:
    """Times a slow text again, since the machine may have been busy, and weighs what it allocates."""
    seconds = []
    for _ in range(3):
        started = time.process_time()
        read(text)
        seconds.append(time.process_time() - started)
    tracemalloc.start()
    read(text)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # Instrumented code runs about three times as slowly.
    assert min(seconds) < 3 * SECONDS, f"{min(seconds):.3f} s: {text!r}"
    assert peak < BYTES, f"{peak:,} bytes: {text!r}"


if __name__ == "__main__":
    for seed in SEEDS:
        read(seed)
    atheris.Setup(sys.argv, test_one_input)
    atheris.Fuzz()
