"""Cairn: an exact, cycle-level simulator of deep-learning inference accelerators.

    >>> import cairn
    >>> session = cairn.Session(cairn.load_machine("tpu-16x16"))
    >>> session.run("square", cairn.Gemm(64, 64, 64))
    >>> session.layers[0]["cycles"]

``cairn.torch`` and ``cairn.onnx`` run whole models, ``cairn.capture`` keeps what they computed,
``cairn.stonne`` reads the inputs of STONNE. Importing ``cairn`` itself stays light: the compiled
core, PyTorch and the ONNX packages are loaded when they are first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from cairn.errors import CairnError, Diagnostic
from cairn.machines import load_machine
from cairn.plugins import cmake_dir, load_plugin

if TYPE_CHECKING:
    from cairn import capture, onnx, sparse, stonne, torch
    from cairn._core import (
        Conv,
        EnergyTable,
        Gemm,
        Machine,
        MaxPool,
        Session,
        Trace,
        __version__,
        catalog,
        codes,
        energy_tables,
        load_energy_table,
        machine_of,
        parse_machine,
        parse_topology,
        presets,
    )
    from cairn.instance import Instance

__all__ = [
    "CairnError",
    "Conv",
    "Diagnostic",
    "EnergyTable",
    "Gemm",
    "Instance",
    "Machine",
    "MaxPool",
    "Session",
    "Trace",
    "__version__",
    "capture",
    "catalog",
    "cmake_dir",
    "codes",
    "energy_tables",
    "load_energy_table",
    "load_machine",
    "load_plugin",
    "machine_of",
    "onnx",
    "parse_machine",
    "parse_topology",
    "presets",
    "sparse",
    "stonne",
    "torch",
]


def __getattr__(name: str) -> Any:
    """Load the compiled core, or a submodule, on first use."""
    if name in ("capture", "onnx", "sparse", "stonne", "torch"):
        return importlib.import_module(f"cairn.{name}")
    if name == "Instance":
        return importlib.import_module("cairn.instance").Instance
    if name in __all__:
        return getattr(importlib.import_module("cairn._core"), name)
    raise AttributeError(f"module 'cairn' has no attribute {name!r}")
