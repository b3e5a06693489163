"""Memory that runs out is said in a line, whichever command it was."""

from __future__ import annotations

import sys

import pytest

from archkit.cli import app
from archkit.errors import ran_out_of_memory

# What torch says of a conv of 60,000 channels on a machine with 24 GB, and of a tensor on a GPU.
OF_A_CPU = (
    "[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory: you tried to"
    " allocate 129600000000 bytes. Error code 12 (Cannot allocate memory)"
)
OF_A_GPU = "CUDA out of memory. Tried to allocate 120.70 GiB. GPU 0 has a total capacity of 79.18 GiB"
HINT = "; `archkit count SPEC --memory` says how much a network takes"


@pytest.mark.parametrize(
    ("command", "error", "said"),
    [
        ("export", RuntimeError(OF_A_CPU), f"there is too little memory ({OF_A_CPU}){HINT}"),
        ("eval", RuntimeError(f"{OF_A_GPU}\nmore"), f"there is too little memory ({OF_A_GPU}){HINT}"),
        (
            "enumerate",
            MemoryError("Unable to allocate 3.00 TiB"),
            "there is too little memory (Unable to allocate",
        ),
        ("solve", MemoryError(), "there is too little memory\n"),
    ],
)
def test_memory_runs_out(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    command: str,
    error: Exception,
    said: str,
) -> None:
    def fails(_named: object) -> None:
        raise error

    monkeypatch.setattr(app, "_register", fails)
    monkeypatch.setattr(sys, "argv", ["archkit", command])
    with pytest.raises(SystemExit) as ended:
        app.main()
    assert ended.value.code == 1
    assert capsys.readouterr().err.startswith(f"error: {said}")


def test_another_error_is_no_lack_of_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(_named: object) -> None:
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    monkeypatch.setattr(app, "_register", fails)
    with pytest.raises(RuntimeError, match="mat1"):
        app.main()
    assert not ran_out_of_memory(ValueError("out of memory"))
