"""The command and the machine file that give a result again."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from typing import Any

import cairn
from cairn.errors import CairnError

_FILES = (".onnx", ".csv", ".safetensors")


def again(result: Mapping[str, Any]) -> dict[str, str]:
    """Say how to run a result again.

    ``machine`` is the text of a machine file and ``file`` what to call it. ``command`` is the
    command line, empty where none is known: ``why`` then says why. ``note`` is what to add to it.
    """
    context = result["context"]
    machine = context.get("machine") or {"name": "machine", "parts": {}}
    name = str(machine["name"])
    found = {"machine": toml(machine), "file": f"{name}.toml", "command": "", "note": "", "why": ""}
    target = _target(result)
    if target is None:
        found["why"] = (
            "This result was made by a program, not by a command: run that again, on the machine "
            "below."
        )
        return found
    arch = name if _is_preset(machine) else found["file"]
    plugins = [word for each in context.get("plugins", ()) for word in ("--plugin", each["file"])]
    words = ["cairn", "run", *target, "--arch", arch, *_options(result), *plugins]
    notes = []
    if arch != name:
        notes.append(f"Save the machine below as {arch} first.")
    if context.get("inputs"):
        notes.append("Inputs that came from files are to be given again, with --input.")
    if len(result["layers"]) > 1 and _given_tiles(result):
        notes.append("Some tiles were given by hand: give them again, with --tile.")
    return found | {"command": shlex.join(words), "note": " ".join(notes)}


def toml(machine: Mapping[str, Any]) -> str:
    """Write a machine as a machine file: every parameter, defaults filled in."""
    words = [f"{key} = {json.dumps(machine[key])}" for key in _WORDS if machine.get(key)]
    for slot, part in machine["parts"].items():
        words += ["", f"[{slot}]", *(f"{key} = {json.dumps(value)}" for key, value in part.items())]
    return "\n".join(words) + "\n"


_WORDS = ("name", "summary", "follows")


def _is_preset(machine: Mapping[str, Any]) -> bool:
    try:
        return cairn.load_machine(str(machine["name"])).describe()["parts"] == machine["parts"]
    except CairnError:
        return False


def _target(result: Mapping[str, Any]) -> list[str] | None:
    """Return the words that name the work, or None if it was a program's."""
    context, layers = result["context"], result["layers"]
    target = str(context.get("target", ""))
    if target in ("gemm", "conv", "maxpool") and len(layers) == 1:
        own = _gemm(layers[0]["sizes"]) if target == "gemm" else _windows(layers[0]["sizes"])
        return [target, *own, *([] if "values_agree" in context else ["--timing-only"])]
    if not target.endswith(_FILES) and ".py:" not in target:
        return None
    words = [target]
    if target.endswith(".csv") and "values_agree" in context:
        words.append("--values")
    for name, shape in context.get("inputs", {}).items():
        words += ["--shape", f"{name}={_by(shape)}"]
    return words


def _gemm(sizes: Mapping[str, Any]) -> list[str]:
    small = {key.lower(): value for key, value in sizes.items()}
    words = [word for key in "mnk" for word in (f"--{key.upper()}", str(small[key]))]
    return words + (["--batch", str(small["batch"])] if small.get("batch", 1) > 1 else [])


def _windows(sizes: Mapping[str, Any]) -> list[str]:
    pad = f"{_by(sizes['pad_begin'])}:{_by(sizes['pad_end'])}"
    counts = ("batch", "channels", "filters", "groups")
    named = {key: str(sizes[key]) for key in counts if key in sizes}
    named |= {key: _by(sizes[key]) for key in ("input", "kernel", "stride", "dilation")}
    words = [word for key, value in (named | {"pad": pad}).items() for word in (f"--{key}", value)]
    return words + (["--ceil-mode"] if sizes.get("ceil_mode") else [])


def _by(sizes: Any) -> str:
    return "x".join(map(str, sizes))


def _options(result: Mapping[str, Any]) -> list[str]:
    """Return the options that the context tells of, those at their defaults left out."""
    context = result["context"]
    pruning = context.get("pruning") or {}
    sparsity = context.get("weight_sparsity", pruning.get("sparsity"))
    words = []
    if context.get("evaluator") == "step":
        words += ["--evaluator", "step"]
    if context.get("objective", "cycles") != "cycles":
        words += ["--objective", context["objective"]]
    if sparsity is not None:
        words += ["--sparsity", str(sparsity)]
    if pruning.get("per", "tensor") != "tensor":
        words += ["--prune", pruning["per"]]
    if context.get("schedule", "none") != "none":
        words += ["--schedule", context["schedule"]]
    if context.get("offload"):
        words += ["--offload", context["offload"]]
    if context.get("seed", 1) != 1:
        words += ["--seed", str(context["seed"])]
    if len(result["layers"]) == 1 and _given_tiles(result):
        tile = result["layers"][0]["mapping"]["tile"]
        words += ["--tile", ",".join(f"{key}={size}" for key, size in tile.items())]
    return words


def _given_tiles(result: Mapping[str, Any]) -> bool:
    return any(layer.get("mapping", {}).get("chosen") == "given" for layer in result["layers"])
