"""`archkit` on a pseudo-terminal."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from pathlib import Path
from typing import Literal

__all__ = ["on_a_terminal"]


def on_a_terminal(
    *args: str, stream: Literal["stdout", "stderr"] = "stderr", columns: int, cwd: Path | None = None
) -> tuple[str, str]:
    """What `archkit ARGS...` shows on a terminal of so many columns, and what it says on its other stream.

    Colours and movements of the cursor are left out.

    Args:
        args: of the command, which must succeed.
        stream: the one that is the terminal's.
        columns: of the terminal.
        cwd: where it runs.
    """
    parent, child = pty.openpty()
    fcntl.ioctl(child, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    environment = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}
    with subprocess.Popen(
        [sys.executable, "-c", "from archkit.cli import main; main()", *args],
        stdout=child if stream == "stdout" else subprocess.PIPE,
        stderr=child if stream == "stderr" else subprocess.PIPE,
        cwd=cwd,
        env={**environment, "TERM": "xterm", "OMP_NUM_THREADS": "1"},
        text=True,
    ) as process:
        os.close(child)
        shown = b""
        try:
            while part := os.read(parent, 65536):
                shown += part
        except OSError:  # Linux's end of a pseudo-terminal
            pass
        os.close(parent)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 0
    plain = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", shown.decode())
    return plain, out if stream == "stderr" else err
