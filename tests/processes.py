"""Commands as processes of their own, forked off one that has imported what takes long.

`run` does what `subprocess.run` does for `archkit ARGS...`. There are two processes to fork off, which have
imported packages and nothing of archkit: one with torch, whose import takes 4 s, and one without, for a fork
with torch's memory takes longer than a command that does without torch. A command still reads its own
environment, folder and arguments. Where it is given settings that Python or torch read at their start, and
where a system cannot fork, it is started the plain way. `program` is a program for shells that does the same.
"""

from __future__ import annotations

import atexit
import gc
import json
import os
import select
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

__all__ = ["program", "run"]

COMMAND = "from archkit.cli import main; main()"
AT_START = ("PYTHON", "LC_", "LANG", "OMP_", "MKL_", "TORCH", "MALLOC_", "LD_")
"""How the names of the settings begin that are read before a command's first line."""
_PIPES: list[subprocess.Popen[str]] = []
"""They stay open as long as this process lives."""
TORCH = {"bench", "tune", "lr-find", "eval", "predict", "export", "measure", "--check", "--latency"}
"""Words of commands that import torch; the others are right without it, and quicker."""


def run(
    args: tuple[str, ...],
    *,
    cwd: Path | str | None = None,
    env: Mapping[str, str] | None = None,
    timeout: float = 300,
    **options: Any,
) -> subprocess.CompletedProcess[str]:
    """Runs `archkit ARGS...` and returns its exit status and what it wrote.

    Raises:
        subprocess.TimeoutExpired: it took longer than `timeout` seconds, and was killed.
    """
    given = dict(os.environ if env is None else env)
    if options or not sys.platform.startswith("linux") or _at_start(given) != _at_start(os.environ):
        command = [sys.executable, "-c", COMMAND, *args]
        options |= {"cwd": cwd, "env": given, "timeout": timeout}
        return subprocess.run(command, capture_output=True, text=True, check=False, **options)
    with (
        tempfile.TemporaryFile() as out,
        tempfile.TemporaryFile() as err,
        Path(os.devnull).open("rb") as nothing,
    ):
        files = [file.fileno() for file in (nothing, out, err)]
        code = _ordered(_server(_heavy(args)), args, str(cwd or Path.cwd()), given, files, timeout)
        said = []
        for file in (out, err):
            file.seek(0)
            said.append(file.read().decode())
    return subprocess.CompletedProcess([sys.executable, "-c", COMMAND, *args], code, *said)


def program() -> str:
    """The line of a shell that is `archkit`: `... "$@"` stands for its arguments."""
    if not sys.platform.startswith("linux"):
        return f"{shlex.quote(sys.executable)} -c '{COMMAND}'"
    return shlex.join([sys.executable, "-I", "-S", __file__, _server(heavy=True), _server(heavy=False)])


def _ordered(
    place: str,
    args: Sequence[str],
    cwd: str,
    env: Mapping[str, str],
    files: Sequence[int],
    timeout: float | None = None,
) -> int:
    """Has a process forked off that reads and writes `files`, and returns its exit status."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
        line.connect(place)
        socket.send_fds(line, [b"."], list(files))
        line.sendall(json.dumps({"args": ["-c", *args], "cwd": cwd, "env": dict(env)}).encode())
        line.shutdown(socket.SHUT_WR)
        with line.makefile("r") as answers:
            pid = int(answers.readline())
            line.settimeout(timeout)
            try:
                return int(answers.readline())
            except TimeoutError as error:
                os.kill(pid, signal.SIGKILL)
                raise subprocess.TimeoutExpired(list(args), timeout or 0) from error


def _heavy(args: Sequence[str]) -> bool:
    return not TORCH.isdisjoint(args)


def _at_start(environment: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if name.startswith(AT_START)}


@cache
def _server(heavy: bool) -> str:
    """Starts the process to fork off, which ends with this one; where it listens."""
    # The path of a socket has room for 107 bytes.
    root = tempfile.gettempdir()
    if len(os.fsencode(root)) > 70:
        root = "/tmp"  # noqa: S108 - mkdtemp makes a folder of our own there
    place = tempfile.mkdtemp(prefix="archkit-tests-", dir=root) + "/socket"
    # `python -c`, as in the plain way: processes that a command starts find the same __main__.
    code = f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r}); import processes; "
    code += f"processes.serve({place!r}, {heavy}); {COMMAND}"
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    _PIPES.append(process)
    return place


def serve(place: str, heavy: bool) -> None:
    """Forks a process for each order; returns in that process alone, which is then as if just started."""
    for name in ("rich.table", "typer", "numpy", *(("torch", "torchvision.transforms.v2") if heavy else ())):
        with suppress(ImportError):
            import_module(name)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(place)
    listener.listen()
    gc.freeze()  # what is here already is not looked through, and so not copied, in each process
    print("ready", flush=True)  # noqa: T201 - to who started it
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # who waits for an order is a child of its own
    while True:
        heard, _, _ = select.select([listener, sys.stdin], [], [])
        if sys.stdin in heard:  # the tests have ended
            shutil.rmtree(Path(place).parent)
            os._exit(0)
        line, _ = listener.accept()
        if os.fork() == 0:
            listener.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            _forked(line)
            return
        line.close()


def _forked(line: socket.socket) -> None:
    """Takes an order and waits for its process; returns in that process, and nowhere else."""
    _, files, _, _ = socket.recv_fds(line, 1, 3)
    with line.makefile("r") as reader:
        order = json.load(reader)
    pid = os.fork()
    if pid:
        _wait(line, pid)
    line.close()
    for to, fd in enumerate(files):
        os.dup2(fd, to)
        os.close(fd)
    os.environ.clear()
    os.environ.update(order["env"])
    os.chdir(order["cwd"])
    sys.argv[:] = order["args"]
    sys.path.remove(str(Path(__file__).parent))
    atexit.register(gc.unfreeze)  # what has to go before the end of the process does go


def _wait(line: socket.socket, pid: int) -> NoReturn:
    line.sendall(f"{pid}\n".encode())
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    line.sendall(f"{code}\n".encode())
    os._exit(0)


if __name__ == "__main__":
    words = sys.argv[3:]
    sys.exit(_ordered(sys.argv[1 if _heavy(words) else 2], words, str(Path.cwd()), os.environ, (0, 1, 2)))
