"""What every test shares: Hypothesis profiles, and the command line as a user runs it."""

from __future__ import annotations

import importlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import HealthCheck, settings

from tests import processes

# No deadline anywhere: the machines that run this are shared, and a slow example is no failure. The normal
# run draws the same examples each time, so that a commit passes everywhere or nowhere; the long one searches.
settings.register_profile(
    "default",
    max_examples=100,
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile(
    "long", max_examples=10_000, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))

# Two threads that wait for each other on a busy machine are far slower than one; torch reads it at import.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# `nohup make test &` starts everything with SIGINT and SIGHUP ignored, and the commands that the tests
# interrupt would inherit that. With a handler here they start with the default.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, lambda *_: None)  # the tests themselves still outlive the terminal

Cli = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(autouse=True)
def as_many_threads() -> Iterator[None]:
    """A run takes as many threads as are fastest; the tests after it get back the number that was set."""
    yield
    torch = sys.modules.get("torch")
    threads = int(os.environ["OMP_NUM_THREADS"])
    if torch is not None and torch.get_num_threads() != threads:
        torch.set_num_threads(threads)


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], ModuleType]:
    """Imports a script of the folder benchmarks."""
    monkeypatch.syspath_prepend(str(Path(__file__).parent.parent / "benchmarks"))
    return importlib.import_module


@pytest.fixture
def cli() -> Cli:
    """Runs `archkit ARGS...` as a process of its own and returns what came of it."""
    return lambda *args, **options: processes.run(args, **options)
