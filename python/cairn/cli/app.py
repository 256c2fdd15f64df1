"""The root of the command line: the commands and the global options."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated

import typer

import cairn
from cairn.cli import boundary
from cairn.cli.capture import HELP as CAPTURE_HELP
from cairn.cli.capture import capture
from cairn.cli.compare import compare_app
from cairn.cli.describe import describe
from cairn.cli.energy import HELP as ENERGY_HELP
from cairn.cli.energy import energy
from cairn.cli.map import map_app
from cairn.cli.report import report
from cairn.cli.run import run_app
from cairn.cli.stonne import HELP, ReferenceCommand, stonne
from cairn.cli.trace import trace_app
from cairn.cli.verify import verify

app = typer.Typer(
    name="cairn",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    help="Simulate deep-learning inference accelerators, cycle by cycle and exactly.",
    epilog="Start with `cairn describe` to see the machines, then `cairn run --help`.",
)
app.add_typer(run_app, name="run")
app.add_typer(compare_app, name="compare")
app.add_typer(map_app, name="map")
app.add_typer(trace_app, name="trace")
app.command("capture", help=CAPTURE_HELP, no_args_is_help=True)(capture)
app.command("energy", help=ENERGY_HELP, no_args_is_help=True)(energy)
app.command("report", no_args_is_help=True)(report)
app.command("verify")(verify)
app.command("describe")(describe)
app.command("stonne", cls=ReferenceCommand, help=HELP)(stonne)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"cairn {cairn.__version__}")
        raise typer.Exit


def _cmake_dir(wanted: bool) -> None:
    if wanted:
        print(cairn.cmake_dir())
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
    debug: Annotated[
        bool, typer.Option("--debug", help="Show the traceback of an internal error (any place).")
    ] = False,
    plugin: Annotated[
        list[str],
        typer.Option(
            "--plugin",
            metavar="FILE.so",
            help="Load components of your own, which machines may then name (any place,"
            " repeatable); docs/your-own-accelerator.md shows how to build them.",
        ),
    ] = [],  # noqa: B006 - Typer reads the default and never changes it
    cmake_dir: Annotated[
        bool,
        typer.Option(
            "--cmake-dir",
            callback=_cmake_dir,
            is_eager=True,
            help="Show where find_package(cairn) of CMake finds Cairn.",
        ),
    ] = False,
) -> None:
    """Take the options that come before a command; ``main`` acts on --debug and --plugin."""


def _take_plugins(words: list[str]) -> tuple[list[str], list[str]]:
    """Split a command line in the words without --plugin, and the files that it names."""
    rest, plugins = [], []
    left = iter(words)
    for word in left:
        name, equals, file = word.partition("=")
        if name != "--plugin":
            rest.append(word)
        elif file := file if equals else next(left, ""):
            plugins.append(file)
        else:
            raise typer.BadParameter("--plugin needs a file: --plugin build/libmine.so")
    return rest, plugins


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line on ``arguments`` (default: the process's); return the exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in words
    words = [word for word in words if word != "--debug"]

    def work() -> int | None:
        rest, plugins = _take_plugins(words)
        for plugin in plugins:
            cairn.load_plugin(plugin)
        return app(args=rest, prog_name="cairn", standalone_mode=False)

    return boundary.guarded(work, debug)
