"""The words of the result document and of the summary that no component declares."""

from __future__ import annotations

import json
from functools import cache

import cairn
from cairn import effective

# How a word is used, what it means, and what to do where it is large.
_STATES = {
    "busy": "A unit at work: a multiplier multiplies, a read port sends a word, an adder adds.",
    "operand": (
        "A unit that has a round to work on and waits for an operand which is not there yet. Where "
        "multipliers wait so, the distribution network or the controller is too slow for the tile."
    ),
    "port": (
        "A unit that has what it needs but waits for a port, a line or a place in a queue that "
        "another uses. More of these (distribution.bandwidth, collection.lines) help."
    ),
    "readout": (
        "A unit that waits until the results of the last tile have left. A faster write-back "
        "(collection.lines, writeback.drain) or tiles with fewer outputs help."
    ),
    "reconfiguring": (
        "A unit between the begin of a round (tile, fold) and its first operands: configuration "
        "and the way through the networks. Fewer, larger rounds help."
    ),
    "draining": (
        "A unit that is done with its round and waits for the last results of the others. Fewer, "
        "larger rounds, and tiles that give all units as much to do, help."
    ),
    "idle": (
        "A unit that takes no part: the tile leaves it without work. `cairn map` finds the tile "
        "that uses most; a layer that is too small or of the wrong shape for the machine runs "
        "better on another one: `cairn compare`."
    ),
}
_BOUNDS = {
    "compute": (
        "The multipliers alone: their busy cycles divided by the multipliers that take part. A "
        "layer that is bound by it gets faster with more multipliers or with a tile that uses more."
    ),
    "drain": (
        "The begin and the end of rounds: the cycles that multipliers reconfigure and drain, "
        "divided by their number. Fewer, larger rounds help: a larger tile (`cairn map`), or a "
        "controller that lets rounds overlap (memory.overlap, memory.fold_barrier, "
        "memory.row_barrier)."
    ),
}
_FIELDS = {
    "schema": "The name and version of a document's form: cairn.result/1, cairn.comparison/1.",
    "context": "What is needed to run the same again: version, machine, target, evaluator, seed.",
    "units": "The unit of every number that a layer or the totals carry.",
    "layers": "The results, one for each product of the workload, in the order in which they ran.",
    "totals": "Sums over the layers, and the utilisation of the whole.",
    "notes": "What a reader must know besides: work that is not in the cycles, inputs drawn.",
    "calls": "The calls of a PyTorch model, each with its layers and cycles.",
    "name": "What a layer or a machine is called.",
    "operation": "What a layer computes: gemm, conv or maxpool.",
    "sizes": "The sizes of a layer: M, N, K and batch, or those of its windows.",
    "mapping": "How a layer was laid on the machine: its tile, who chose it, and its rounds.",
    "chosen": "Who chose the tile: the machine itself, the mapper, or the user.",
    "evaluator": (
        "How time was evaluated: step clocks every part, flow computes streams of arrival times. "
        "Both give the same cycles and counters."
    ),
    "cycles": "How long the work takes, from the first configuration to the last stored result.",
    "multiplications": "The work of a layer, the same on every machine.",
    "comparisons": "The work of max-pooling, the same on every machine.",
    "utilisation": "Which part of all the multipliers could do is the work of the layer.",
    "buffer_reads": "Traffic from the global buffer.",
    "buffer_writes": "Traffic to the global buffer.",
    "tile": "What is in the multipliers at once, in one round.",
    "rounds": "How often the array is configured anew.",
    "sparsity": "How much of the operands is zero.",
    "early_stop": (
        "On a machine whose accumulators check signs: sums that were left early, since the "
        "rectifier behind the layer makes 0 of them anyhow."
    ),
    "checked": (
        "Whether the signs of a layer's sums were checked: a rectifier follows it, and its values "
        "are known."
    ),
    "wrong_zeros": "What a machine that predicts zeros (memory.prefix) gets wrong.",
    "largest_error": "How far off a machine that predicts zeros (memory.prefix) is at most.",
    "mean_error": "How far off a machine that predicts zeros (memory.prefix) is on average.",
    "counters": "What each part counted, slot by slot; `cairn describe SLOT` explains them.",
    "activity": (
        "What the units of each part did, in unit-cycles: one unit for one cycle. The seven "
        "states busy, operand, port, readout, reconfiguring, draining and idle sum to units x "
        "cycles."
    ),
    "bound": (
        "What limits a layer: the cycles that compute, distribution, collection, write-back and "
        "drain would each take alone; `by` names the largest."
    ),
    "roofline": "Work and traffic of a layer beside what the machine could do at most.",
    "intensity": "Useful products for each word of traffic to and from the global buffer.",
    "performance": "Useful products a cycle, on average.",
    "peak": "Multiplications a cycle if all multipliers were always at work: their number.",
    "energy": (
        "What the counted events cost by the energy table (dynamic), and what passes with time "
        "(static), in the unit of context.energy."
    ),
    "dynamic": "Energy of the counted events: each counter times its price in the energy table.",
    "static": "Energy that passes with time, whatever the machine does.",
    "power": "Energy divided by time, in watts; null where the table has no clock or no joules.",
    "edp": "Energy-delay product: energy times the time it takes. Of a mapping: --objective edp.",
    "clock": "The frequency at which cycles become time, in MHz: context.energy.clock.",
    "area": "The silicon area of the machine by the energy table, in all and by part.",
    "avoidable": (
        "Cycles of a layer that all multipliers at work would save: cycles x (1 - utilisation), "
        "by the effective utilisation where that is known. The summary of `cairn run` names the "
        "layers with the most."
    ),
    "ratio": "In a comparison: cycles divided by those of the first machine; 0.50x is half.",
}


@cache
def terms() -> dict[str, tuple[str, str]]:
    """Return what each word is (a field, a state, a bound) and its explanation, by the word.

    The units that result documents declare are among them.
    """
    empty = cairn.Session(cairn.load_machine(cairn.presets()[0]["name"])).document({})
    units = json.loads(empty)["units"] | effective.UNITS
    found = {name: ("field of the result document", text) for name, text in _FIELDS.items()}
    for name, unit in units.items():
        about, text = found.get(name, ("field of the result document", ""))
        found[name] = (about, f"{text} Unit: {unit}." if text else f"Unit: {unit}.")
    found |= {name: ("state of a unit in `activity`", text) for name, text in _STATES.items()}
    return found | {name: ("what may bound a layer", text) for name, text in _BOUNDS.items()}
