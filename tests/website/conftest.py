"""The site, built once and strictly, and a browser to look at it."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.bench.page.conftest import browser

__all__ = ["browser"]

ROOT = Path(__file__).parents[2]
WEBSITE = ROOT / "docs" / "website"
sys.path.insert(0, str(WEBSITE))  # its modules import each other by name, as in `python docs/website`


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    """The folder of the built site; no host can be reached while it is built."""
    out = tmp_path_factory.mktemp("site") / "built"
    nowhere = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:9")
    done = subprocess.run(
        [sys.executable, str(WEBSITE), "--out", str(out)],
        cwd=tmp_path_factory.getbasetemp(),
        env={**os.environ, **nowhere, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "No issues found" in done.stdout + done.stderr
    return out


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        """Nothing."""


@pytest.fixture(scope="session")
def served(site):
    """The address of the site on a server."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(site)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()
    thread.join()
