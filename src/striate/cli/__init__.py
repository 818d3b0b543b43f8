"""The command line: thin commands over the library.

Commands import what they need when they run, so that ``striate --help`` loads no compiler.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

import typer

from striate.cli._text import flowing, visible
from striate.cli.bench.commands import bench as bench_commands
from striate.cli.draw import draw
from striate.cli.filter import filter_images
from striate.cli.inspect import inspect
from striate.cli.reproduce import reproduce
from striate.cli.run import run
from striate.cli.tour import tour
from striate.cli.train import train
from striate.errors import (
    DTypeError,
    GeometryError,
    ParameterError,
    ShapeError,
    StriateError,
    UnknownNameError,
)

__all__ = ["app", "main"]

BAD_USAGE = (DTypeError, GeometryError, ParameterError, ShapeError, UnknownNameError)
"""What the caller asked for cannot be: exit code 2. Anything else that fails is 1."""

UsageError: Any = typer.BadParameter.__bases__[0]
"""What Typer raises for arguments it cannot parse; it gives the class no public name."""

app = typer.Typer(
    name="striate",
    help="Convolution in Python, from one kernel to a trained network.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
COMMANDS: dict[str, Callable[..., None]] = {
    "tour": tour,
    "filter": filter_images,
    "inspect": inspect,
    "run": run,
    "train": train,
    "reproduce": reproduce,
    "draw": draw,
}
for name, command in COMMANDS.items():
    app.command(name, help=flowing(command.__doc__ or ""))(command)
app.add_typer(bench_commands, name="bench")


def _version(asked: bool) -> None:
    if asked:
        from striate import __version__

        typer.echo(f"striate {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Print the version and exit."
    ),
) -> None:
    pass


def main() -> None:
    """Run the command line; every foreseen error is one line on stderr, without a traceback."""
    try:
        code = app(prog_name="striate", standalone_mode=False)  # errors of usage reach us too
        sys.stdout.flush()
    except StriateError as error:
        _fail(str(error), 2 if isinstance(error, BAD_USAGE) else 1, getattr(error, "__notes__", ()))
    except UsageError as error:
        _fail_usage(error)
    except (KeyboardInterrupt, typer.Abort) as error:
        _fail(str(error) or "interrupted", 130)  # as shells say it of SIGINT
    except BrokenPipeError:  # the reader of our output went away, as `head` does
        _forget_output()
        sys.exit(1)
    except OSError as error:
        _forget_output()
        _fail(f"output cannot be written ({error.strerror or error}); make room or redirect it", 1)
    sys.exit(code if isinstance(code, int) else 0)


def _fail_usage(error: Any) -> NoReturn:
    message = error.format_message().rstrip(".")
    if not message:  # help was asked for, by giving no arguments, and is printed
        sys.exit(error.exit_code)
    context = getattr(error, "ctx", None)
    _fail(f"{message}; see {context.command_path if context else 'striate'} --help", 2)


def _fail(message: str, code: int, hints: Sequence[str] = ()) -> NoReturn:
    typer.secho(f"striate: {visible(' '.join(message.split()))}", err=True, fg="red")
    for hint in hints:
        typer.secho(f"striate: {visible(hint)}", err=True)
    sys.exit(code)


def _forget_output() -> None:
    """Keep Python from trying once more, at its end, to write what could not be written."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
