"""Whether this machine can make PNG and PDF of a drawing."""

from __future__ import annotations

import pytest

__all__ = ["needs_cairo"]


def _reason() -> str | None:
    try:
        import cairosvg  # noqa: F401 - only whether it can be imported
    except (ImportError, OSError) as error:  # the package, or the library that it calls
        return f"no PNG and PDF: {error}"
    return None


needs_cairo = pytest.mark.skipif(_reason() is not None, reason=str(_reason()))
