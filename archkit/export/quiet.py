"""`quiet`: torch's exporters report each of their steps; what goes wrong is an error here, or is seen to."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from io import StringIO

__all__ = ["quiet"]


@contextmanager
def quiet() -> Iterator[None]:
    """Nothing is logged, warned of or printed within the block."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings(), redirect_stdout(StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
