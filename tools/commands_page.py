"""The page of commands: what every `cairn COMMAND --help` says."""

from enum import Enum
from typing import Any

import typer

from cairn.cli.app import app
from pages import table

# How a command is called whose name stands for an ending of its target.
_TARGETS = {
    "csv": "TABLE.csv",
    "onnx": "MODEL.onnx",
    "pytorch": "FILE.py:FUNCTION",
    "safetensors": "FILE.safetensors",
    "suite": "--suite NAME",
}


def page(note: str) -> str:
    """Return the page."""
    root: Any = typer.main.get_command(app)
    text = f"# Commands\n\n{note}\nWhat `cairn COMMAND --help` says.\n"
    # Those that simulate, which have targets, come first.
    for name, command in sorted(root.commands.items(), key=lambda e: not hasattr(e[1], "commands")):
        text += f"\n## cairn {name}\n\n{_help(command)}"
        commands = getattr(command, "commands", {})
        if not commands:
            text += _options(command.params)
            continue
        shared = _shared(list(commands.values()))
        text += f"\nOptions of all targets:\n\n{_options(shared)}" if shared else ""
        names = {each.name for each in shared}
        for kind, each in commands.items():
            own = [param for param in each.params if param.name not in names]
            text += f"\n### cairn {name} {_TARGETS.get(kind, kind)}\n\n{_help(each)}{_options(own)}"
    return text


def _help(command: Any) -> str:
    """Return the help of a command, which is Markdown."""
    return f"{(command.help or '').strip()}\n\n"


def _shared(commands: list[Any]) -> list[Any]:
    """Return the options that all commands have but those that take the place of a target."""
    targets = [each for each in commands if each.name != "suite"]
    names = set.intersection(*({param.name for param in each.params} for each in targets))
    return [param for param in targets[0].params if param.name in names and param.opts[0][0] == "-"]


def _options(params: list[Any]) -> str:
    rows = [
        [", ".join(f"`{opt}`" for opt in param.opts), _value(param), _default(param), param.help]
        for param in params
        if param.opts[0].startswith("-") and not param.hidden
    ]
    return table(["option", "value", "default", "meaning"], rows) if rows else ""


def _value(param: Any) -> str:
    """Return what an option takes; nothing if it is a switch."""
    kind = param.type_descriptor.annotation
    if param.is_flag:
        return ""
    if isinstance(kind, type) and issubclass(kind, Enum):
        return ", ".join(f"`{each.value}`" for each in kind)
    return " or ".join(f"`{each}`" for each in (param.metavar or _word(kind)).split("|"))


def _word(kind: Any) -> str:
    return {int: "NUMBER", float: "NUMBER"}.get(kind, "TEXT")


def _default(param: Any) -> str:
    if param.required:
        return "required"
    default = param.default.value if isinstance(param.default, Enum) else param.default
    return "" if default in (None, [], False) else f"`{default}`"
