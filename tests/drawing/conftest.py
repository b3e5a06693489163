"""The browser of the report's tests, for drawings."""

from __future__ import annotations

from tests.bench.page.conftest import browser

__all__ = ["browser"]
