"""The `archkit` command: its subcommands, and the one place where an error becomes an exit code.

This module and the top of each command's module import Typer and what is as light. Whatever else a
command needs is imported when it runs, so that `archkit count` does not wait for torch. Nor does it wait for
the other commands: a command that is named is imported alone; for the help, or a mistyped name, all are.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from archkit import __version__
from archkit.cli.missing import how_to_install
from archkit.cli.output import READER_GONE, ReaderGone, StdoutError, abandon, guarded
from archkit.cli.render import say
from archkit.cli.stopping import Stopped, stoppable
from archkit.errors import (
    ArchkitError,
    BudgetError,
    NothingFitsError,
    SpecError,
    first_line,
    ran_out_of_memory,
)

__all__ = ["main"]

app = typer.Typer(
    name="archkit",
    help="Design neural networks under a budget: count exactly, enumerate what fits, measure fairly.",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
_COMMANDS: Final = {
    "count": "count_command",
    "draw": "draw_command",
    "enumerate": "enumerate_command",
    "solve": "solve_command",
    "explore": "explore_command",
    "measure": "measure_command",
    "reconcile": "reconcile_command",
    "audit": "audit_command",
    "bench": "bench",
    "lr-find": "lr_find_command",
    "tune": "tune_command",
    "eval": "eval_command",
    "predict": "predict_command",
    "export": "export_command",
    "report": "report_command",
    "certify": "certify_command",
    "zoo": "zoo_command",
    "budgets": "budgets_command",
    "serve": "serve_command",
}
"""The commands in the order of the help; each is a function in the module of its name."""

_USAGE: Final = 2
_FAILED: Final = 1
_STDOUT: Final = 1
_STDERR: Final = 2
_INTERRUPTED: Final = 130  # 128 + SIGINT, as shells have it

# Since 0.26 Typer carries its own copy of click; before that it used the package. Its public BadParameter
# derives from the right ClickException either way.
_ClickException: Final[type[Any]] = next(
    c for c in typer.BadParameter.__mro__ if c.__name__ == "ClickException"
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"archkit {__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def _archkit(
    ctx: typer.Context,
    version: Annotated[  # noqa: ARG001 - the callback acts on it
        bool, typer.Option("--version", help="Print the version.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    if ctx.invoked_subcommand is None:
        typer.echo(ctx.get_help())


def main() -> None:
    """Run the command line and exit: 0 if all went well, 2 for a mistake in the command, 1 for a failure."""
    sys.exit(_run())


def _run() -> int:
    if sys.stderr is None:  # closed: what would be said there is said nowhere
        sys.stderr = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - as long as the process
    try:
        sys.stdout = guarded(sys.stdout)
        _register(sys.argv[1:2])
        result = typer.main.get_command(app).main(prog_name="archkit", standalone_mode=False)
        sys.stdout.flush()
    except StdoutError as error:
        if sys.stdout is not None:
            abandon(_STDOUT)
        return _complain(str(error), _FAILED)
    except ArchkitError as error:
        mistaken = isinstance(error, SpecError | BudgetError) and not isinstance(error, NothingFitsError)
        return _complain(str(error), _USAGE if mistaken else _FAILED)
    except (KeyboardInterrupt, typer.Abort) as error:
        with contextlib.suppress(OSError):  # a terminal that has hung up takes no line
            say(str(error) or "interrupted")
        return error.code if isinstance(error, Stopped) else _INTERRUPTED
    except ModuleNotFoundError as error:
        line = how_to_install(error)
        if line is None:
            raise
        return _complain(line, _FAILED)
    except (MemoryError, RuntimeError) as error:
        if not ran_out_of_memory(error):
            raise
        reason = first_line(error)
        hint = (
            "; `archkit count SPEC --memory` says how much a network takes" if _builds(sys.argv[1:2]) else ""
        )
        return _complain(f"there is too little memory{f' ({reason})' if reason else ''}{hint}", _FAILED)
    except ReaderGone:
        abandon(_STDOUT)
        return READER_GONE
    except BrokenPipeError:  # the same for standard error, `2>&1 | head`
        abandon(_STDOUT, _STDERR)
        return READER_GONE
    except _ClickException as error:
        context = getattr(error, "ctx", None)
        path = context.command_path if context is not None else "archkit"
        message = f"{error.format_message()} (see `{path} --help`)"
        return _complain(message, error.exit_code)
    return result if isinstance(result, int) else 0


def _register(named: Sequence[str]) -> None:
    """Add the command that is named, or all of them if none is."""
    wanted = [name for name in named if name in _COMMANDS] or _COMMANDS
    for name in wanted:
        command = getattr(import_module(f"archkit.cli.{name.replace('-', '_')}"), _COMMANDS[name])
        app.command(name)(stoppable(command))


def _builds(named: Sequence[str]) -> bool:
    """Whether the command builds networks, which are then what takes the memory."""
    return bool({*named} & {"count", "eval", "export", "lr-find", "measure", "predict"})


def _complain(message: str, code: int) -> int:
    """Print an error: one line, red where a terminal has colours, and below it the text it points at."""
    first, _, rest = message.partition("\n")
    first = f"error: {first}"
    colours = "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"
    if colours and sys.stderr.isatty():
        first = f"\x1b[31m{first}\x1b[0m"
    with contextlib.suppress(OSError):  # the exit code says it where nothing can be written
        print(first, *([rest] if rest else []), sep="\n", file=sys.stderr)  # noqa: T201 - this is the CLI
    return code
