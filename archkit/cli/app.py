"""The `archkit` command: its subcommands, and the one place where an error becomes an exit code.

Only Typer is imported here and at the top of each command's module; whatever a command needs besides
is imported when it runs, so that `archkit count` does not wait for torch.
"""

from __future__ import annotations

import os
import sys
from typing import Annotated, Any, Final

import typer

from archkit import __version__
from archkit.cli.bench import bench
from archkit.cli.count import count_command
from archkit.cli.enumerate import enumerate_command
from archkit.cli.reconcile import reconcile_command
from archkit.cli.report import report_command
from archkit.cli.solve import solve_command
from archkit.cli.zoo import zoo_command
from archkit.errors import ArchkitError, BudgetError, SpecError

__all__ = ["app", "main"]

app = typer.Typer(
    name="archkit",
    help="Design neural networks under a budget: count exactly, enumerate what fits, measure fairly.",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("count")(count_command)
app.command("enumerate")(enumerate_command)
app.command("solve")(solve_command)
app.command("reconcile")(reconcile_command)
app.command("bench")(bench)
app.command("report")(report_command)
app.command("zoo")(zoo_command)

_USAGE: Final = 2
_FAILED: Final = 1
_INTERRUPTED: Final = 130  # 128 + SIGINT, as shells have it

# Typer has carried its own copy of click since 0.26 and uses the package before that; its public
# BadParameter derives from the right ClickException either way.
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
    """Runs the command line and exits: 0 done, 2 a mistake in the command, 1 anything else that failed."""
    sys.exit(_run())


def _run() -> int:
    try:
        result = typer.main.get_command(app).main(prog_name="archkit", standalone_mode=False)
        sys.stdout.flush()
    except ArchkitError as error:
        return _complain(str(error), _USAGE if isinstance(error, SpecError | BudgetError) else _FAILED)
    except (KeyboardInterrupt, typer.Abort):
        return _complain("interrupted", _INTERRUPTED)
    except BrokenPipeError:
        # The reader has gone (`| head`): nothing is wrong, and the interpreter must not try to flush.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except _ClickException as error:
        context = getattr(error, "ctx", None)
        path = context.command_path if context is not None else "archkit"
        message = f"{error.format_message()} (see `{path} --help`)"
        return _complain(message, error.exit_code)
    return result if isinstance(result, int) else 0


def _complain(message: str, code: int) -> int:
    """Prints an error: one line, in red on a terminal, and the text it points at below."""
    first, _, rest = message.partition("\n")
    first = f"error: {first}"
    if sys.stderr.isatty() and "NO_COLOR" not in os.environ:
        first = f"\x1b[31m{first}\x1b[0m"
    print(first, *([rest] if rest else []), sep="\n", file=sys.stderr)  # noqa: T201 - this is the CLI
    return code
