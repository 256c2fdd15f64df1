"""Where exceptions end: a failure becomes diagnostics on the standard error and a code."""

from __future__ import annotations

import os
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import typer
from rich.text import Text
from typer.exceptions import TyperException

from cairn import tables
from cairn.errors import CairnError, Diagnostic, diagnostic, refusal

OK, DIFFERENT, REFUSED, BROKEN, INTERRUPTED = 0, 1, 2, 3, 130


def show(faults: list[Diagnostic]) -> None:
    """Print diagnostics to the standard error, unwrapped so that places stay searchable."""
    stderr = tables.console(sys.stderr)
    for fault in faults:
        # Bytes of a file name that are no text are shown as such.
        text = Text(str(fault).encode(errors="backslashreplace").decode())
        text.highlight_regex(r"^[^:]*?error\[\w+\]", "bold red")
        text.highlight_regex(r"(?m)^  help:", "bold cyan")
        stderr.print(text, soft_wrap=True)


@contextmanager
def telling() -> Iterator[None]:
    """Print what is warned of inside to the standard error, one line each, then go on."""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        try:
            yield
        finally:
            for each in told:
                text = Text(f"warning: {each.message}")
                text.highlight_regex(r"^warning:", "bold yellow")
                tables.console(sys.stderr).print(text, soft_wrap=True)


def guarded(work: Callable[[], int | None], debug: bool) -> int:
    """Do ``work`` and return its exit code; 2 for refusals, 3 when the fault is Cairn's own."""
    try:
        return work() or OK
    except CairnError as error:
        show(error.diagnostics)
        internal = any(fault.kind == "internal" for fault in error.diagnostics)
        return BROKEN if internal else REFUSED
    except TyperException as error:
        show([*_usage(error)])
        return REFUSED
    except (KeyboardInterrupt, typer.Abort):
        return INTERRUPTED
    except MemoryError:
        remedy = "simulate the timing only (--timing-only), or a smaller workload"
        show(refusal("U203", "", "the values do not fit in memory", remedy).diagnostics)
        return REFUSED
    except BrokenPipeError:
        # The reader of our output went away (`cairn ... | head`): that is its right, not a fault.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK
    except Exception as error:
        if debug:
            traceback.print_exc()
        remedy = "report it, with the command and the output of --debug"
        show(refusal("I001", "", f"{type(error).__name__}: {error}", remedy).diagnostics)
        return BROKEN


def _usage(error: TyperException) -> Iterator[Diagnostic]:
    """Turn a usage error into a diagnostic; a group without command has already shown its help."""
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "cairn"
    message = error.format_message()
    if message:
        yield diagnostic("E001", "", message, f"`{command} --help` shows what is accepted")
