"""PyTorch models for the command line: a function of the user makes them."""

from __future__ import annotations

import importlib
import importlib.util
import os
import re
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from cairn import files
from cairn.errors import CairnError, nearest, refusal

if TYPE_CHECKING:
    from cairn.torch import Workload


def is_function(target: str) -> bool:
    """Whether a target is of the form FILE.py:FUNCTION or package.module:FUNCTION."""
    return re.fullmatch(r".+:[^\W\d]\w*", target) is not None


def workload(
    target: str, seed: int, sparsity: float | None, prune: str | None
) -> Callable[[], Workload]:
    """Find the function of a target; what is returned calls it, and runs its model natively.

    Raises E101, E107 (no such file or function), E108 (no PyTorch); what it returns raises E502
    (not a model and its inputs) and E503 (the code fails).
    """
    load = _function(target)
    from cairn import torch as runner  # late: loading PyTorch takes a while

    def make() -> Workload:
        import torch

        with _theirs(target):
            torch.manual_seed(seed)
            made = load()()
        if not (
            isinstance(made, tuple) and len(made) == 2 and isinstance(made[0], torch.nn.Module)
        ):
            message = f"the function returned {_kind(made)}, not a model and its inputs"
            raise refusal("E502", target, message, "return (model, inputs)")
        with _theirs(target):
            return runner.Workload(*made, sparsity=sparsity, prune=prune)

    return make


def _kind(value: Any) -> str:
    """Name the type of what a function returned."""
    if isinstance(value, tuple):
        return f"({', '.join(type(each).__name__ for each in value)})"
    return type(value).__name__


def _function(target: str) -> Callable[[], Callable[[], Any]]:
    """Find the code of a target; what is returned executes or imports it."""
    source, _, name = target.rpartition(":")
    file = files.existing(source) if source.endswith(".py") else None

    def load() -> Callable[[], Any]:
        module = _module(source) if file is None else _executed(file)
        function = getattr(module, name, None)
        if callable(function):
            return function
        known = [each for each, value in vars(module).items() if callable(value)]
        hint = nearest(name, known, "it must be a function of the module, without arguments")
        message = f"there is no function '{files.readable(name)}'"
        raise refusal("E107", files.readable(source), message, hint)

    return load


def _executed(file: Path) -> ModuleType:
    """Execute a Python file as a module; it imports what lies beside it."""
    name = f"captured_{file.stem}"
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None and spec.loader is not None, "the ending is that of Python"
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    sys.path.insert(0, str(file.parent.resolve()))
    spec.loader.exec_module(module)
    return module


def _module(name: str) -> ModuleType:
    """Import a module by its name, from the working directory first."""
    sys.path.insert(0, os.getcwd())
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{name}.".startswith(f"{error.name}."):
            raise
        remedy = "a file is named with its ending: FILE.py:FUNCTION"
        message = f"there is no module '{files.readable(error.name)}'"
        raise refusal("E107", files.readable(name), message, remedy) from error


@contextmanager
def _theirs(target: str) -> Iterator[None]:
    """Say of what the user's code raises where it did and what (E503)."""
    try:
        yield
    except (CairnError, MemoryError):
        raise
    except (Exception, SystemExit) as error:
        words = next(iter(str(error).strip().splitlines()), "")
        message = f"the model's own code failed: {type(error).__name__}: {words}"
        remedy = "it must run by itself in Python, before it can be captured"
        raise refusal("E503", _line(target, error), files.readable(message), remedy) from error


def _line(target: str, error: BaseException) -> str:
    """Return the line of the user's file that an error came through, else the target."""
    file = os.path.realpath(target.rpartition(":")[0])
    lines = [
        frame.lineno
        for frame in traceback.extract_tb(error.__traceback__)
        if os.path.realpath(frame.filename) == file
    ]
    if isinstance(error, SyntaxError) and error.filename:
        return files.readable(f"{error.filename}:{error.lineno}")
    return files.readable(f"{target.rpartition(':')[0]}:{lines[-1]}" if lines else target)
