"""The reference's statistics file: the machine, the layer, its tile, and what each instance did.

What only a clock can tell is left out: Max_occupancy of the queues; N_Times_conflicts and
N_Conflicts_Average of the lines of the collection bus.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from cairn.stonne.hardware import INPUTS, SPARSE, SPARSE_DENSE, WEIGHTS, Hardware
from cairn.stonne.instances import Ran, bus_inputs, by_level, by_line, order_of_adders

Json = dict[str, Any]
Of = Callable[[str], int]  # the count of that name of one instance

_MODES = ("ADD_2_1", "ADD_3_1", "ADD_1_1_PLUS_FW_1_1", "FW_2_2", "FOLD")
_FEW_ONES = 3  # that the reference gives each vector of a bitmap at least


def statistics(ran: Ran) -> Json:
    """Return the content of the file, its keys in the reference's order."""
    tile = {} if ran.hardware.sparse else {"TileConfiguration": _tile(ran)}
    return {
        "hardwareConfiguration": _hardware(ran.hardware),
        "LayerConfiguration": _layer(ran),
        **tile,
        "ASNetworkConfiguration": _adder_settings(ran),
        "MSNetworkConfiguration": {"MSwitchConfiguration": [{"VN": each} for each in _owners(ran)]},
        "GlobalStats": {"N_cycles": ran.cycles},
        "DSNetworkStats": {"DSTreeStats": _switches(ran)},
        "MSNetworkStats": {"MSwitchStats": _multipliers(ran)},
        "ASNetworkStats": _adders(ran),
        "SDMemoryStats": _memory(ran),
        "CollectionBusStats": {"CollectionBusLineStats": _bus(ran)},
    }


def _hardware(hardware: Hardware) -> Json:
    """Return the settings; those without a flag are always the same."""
    return {
        "print_stats_enabled": 1,
        "DSNetwork": {"n_switches_traversed_by_cycle": 23},
        "DSwitch": {"latency": 1, "input_ports": 1, "output_ports": 2, "port_width": 16},
        "MSNetwork": {
            "multiplier_network_type": hardware.mn_type,
            "ms_rows": hardware.ms_rows,
            "ms_columns": hardware.ms_cols,
            "ms_size": hardware.num_ms,
        },
        "MSwitch": {
            **{"latency": 1, "input_ports": 1, "output_ports": 1, "forwarding_ports": 1},
            **{"port_width": 16, "buffers_capacity": 2048},
        },
        "ReduceNetwork": {
            "reduce_network_type": hardware.rn_type,
            "accumulation_buffer_enabled": hardware.accumulation_buffer,
        },
        "ASwitch": {
            **{"latency": 1, "input_ports": 2, "output_ports": 1, "forwarding_ports": 1},
            **{"port_width": 16, "buffers_capacity": 256},
        },
        "LookUpTable": {"latency": 1, "port_width": 1},
        "SDMemory": {
            "mem_controller_type": hardware.mem_ctrl,
            "write_buffers_capacity": 256,
            "dn_bw": hardware.dn_bw,
            "rn_bw": hardware.rn_bw,
            "port_width": 16,
        },
    }


def _layer(ran: Ran) -> Json:
    """Every layer is told as a convolution; C and K are those of a group."""
    size: Any = ran.operation
    if ran.hardware.mem_ctrl == SPARSE_DENSE:
        kind, sizes = 4, (1, 1, size.k, size.n, 1, size.m, 1, 1, 1, 1)
    elif hasattr(size, "kernel"):
        kind = 0
        groups = size.groups
        of_group = (size.channels // groups, size.filters // groups)
        sizes = (*size.kernel, *of_group, groups, size.batch, *size.input, *size.output)
    else:
        sparse = ran.hardware.mem_ctrl == SPARSE
        filters, pixels = (size.m, size.n) if sparse else (size.n, size.m)
        kind, sizes = 3, (1, size.k, 1, filters, 1, 1, pixels, size.k, pixels, 1)
    names = ("R", "S", "C", "K", "G", "N", "X", "Y", "X_", "Y_")
    return {"Layer_Type": kind, **dict(zip(names, sizes, strict=True))}


def _tile(ran: Ran) -> Json:
    tile = dict(ran.tile)
    size: Any = ran.operation
    folds = 1
    if "R" in tile:
        kernel = dict(zip("RSC", (*size.kernel, size.channels // size.groups), strict=True))
        for letter, whole in kernel.items():
            folds *= -(-whole // tile[letter])
        sizes = [tile[letter] for letter in "RSCKGNXY"]
    else:
        depth = tile.get("K", 1)
        folds = 1 if ran.hardware.systolic else -(-size.k // depth)
        sizes = [1, depth, 1, tile["N"], 1, 1, tile["M"], 1]
    adds_folds = ran.hardware.accumulation_buffer or ran.hardware.rn_type != "ASNETWORK"
    passes_psums = int(folds > 1 and not adds_folds)  # a multiplier of each virtual neuron
    names = ("T_R", "T_S", "T_C", "T_K", "T_G", "T_N", "T_X_", "T_Y_")
    return {
        **dict(zip(names, sizes, strict=True)),
        "VN_Size": sizes[0] * sizes[1] * sizes[2] + passes_psums,
        "Num_VNs": int(np.prod(sizes[3:])),
        "folding_enabled": passes_psums,
    }


def _owners(ran: Ran) -> list[int]:
    """Return the virtual neuron of each multiplier in the last configuration."""
    if ran.hardware.systolic:
        rows, columns = ran.hardware.ms_rows, ran.hardware.ms_cols
        last = {
            letter: (getattr(ran.operation, letter.lower()) - 1) % ran.tile[letter] + 1
            for letter in "MN"
        }
        owners = [0] * (rows * columns)
        for i in range(last["M"] * last["N"]):
            owners[i // last["N"] * columns + i % last["N"]] = i
        return owners
    owners = [-1] * ran.hardware.num_ms
    ends = [0, *ran.instances["configuration"]["clusters"]]
    for vn, (begin, end) in enumerate(pairwise(ends)):
        owners[begin:end] = [vn] * (end - begin)
    return owners


def _adder_settings(ran: Ran) -> Json:
    """Return the last configuration of each adder, level by level."""
    settings = ran.instances.get("configuration", {})
    modes, links = settings.get("mode", []), settings.get("link", [])
    if not modes:
        return {}
    folding = ran.hardware.rn_type == "FENETWORK"
    tree = len(modes) - folding
    used = settings["clusters"][-1]
    taken = set(links)
    bus = bus_inputs(ran.hardware)

    def enabled(child: int) -> int:
        """Whether anything comes up from a child; behind the adders come the multipliers."""
        if child >= tree:
            return int(child - tree < used)
        aside = modes[child] == 0 and links[child] >= 0
        return int(0 <= modes[child] < _MODES.index("FOLD") and not aside)

    def adder(i: int) -> Json:
        sends, takes = links[i] >= 0, i in taken
        folds = modes[i] == _MODES.index("FOLD")
        line, place = bus[settings["lane"][i]]
        sent = {"Send_result_to_memory": int(folds if folding else settings["complete"][i])}
        if folding:
            sent = {"Send_result_to_fold_node": settings["complete"][i], **sent}
        return {
            "Configuration": _MODES[max(modes[i], 0)],
            "Augmented_link_enabled": int(sends or takes),
            "Augmented_link_direction": (
                "SEND" if sends else "RECEIVE" if takes else "NOT_CONFIGURED"
            ),
            "Left_child_enabled": enabled(2 * i + 1) if i < tree else 0,
            "Right_child_enabled": enabled(2 * i + 2) if i < tree else 0,
            "BusID": line,
            "InputID": place,
            **sent,
        }

    levels = order_of_adders(tree, folding)
    return {"ASwitchConfiguration": [[adder(i) for i in level] for level in levels]}


def _queue(pushes: int, pops: int | None = None) -> Json:
    return {"N_pops": pushes if pops is None else pops, "N_pushes": pushes, "N_fronts": 0}


def _switches(ran: Ran) -> list[Json]:
    levels = by_level(ran.instances["distribution"])

    def switch(depth: int, node: int) -> Json:
        left, right = levels[depth + 1][2 * node : 2 * node + 2]
        words = levels[depth][node]
        both = left + right - words
        return {
            "Total_cycles": ran.cycles,
            "Idle_cycles": ran.cycles - words,
            "N_broadcasts": both,
            "N_unicasts": words - both,
            "N_left_sends": left,
            "N_right_sends": right,
        }

    def tree(port: int) -> Json:
        of_level = [range(port << depth, (port + 1) << depth) for depth in range(len(levels) - 1)]
        return {"DSwitchStats": [[switch(d, n) for n in of] for d, of in enumerate(of_level)]}

    return [tree(port) for port in range(len(levels[0]))]


def _each(counts: Mapping[str, Sequence[int]]) -> list[Of]:
    """Return what gives the counts of each instance."""
    length = len(next(iter(counts.values())))
    return [lambda name, i=i: counts[name][i] for i in range(length)]  # type: ignore[misc]


def _multipliers(ran: Ran) -> list[Json]:
    make = _element if ran.hardware.systolic else _multiplier
    return [make(ran, of) for of in _each(ran.instances["multiplier"])]


def _multiplier(ran: Ran, of: Of) -> Json:
    products, psums = of("multiplications"), of("psum_forwards")
    flushes = 0 if ran.hardware.sparse or not products else ran.rounds - 1
    return {
        "Total_cycles": ran.cycles,
        "Idle_cycles": ran.cycles - products - psums,
        "N_multiplications": products,
        "N_input_forwardings_send": of("sent"),
        "N_input_forwardings_receive": of("received"),
        "N_inputs_receive_from_memory": of("inputs"),
        "N_weights_receive_from_memory": of("weights"),
        "N_weight_fifo_flush": flushes,
        "N_psums_receive": of("psums"),
        "N_psum_forwarding_send": psums,
        "N_configurations": of("configurations"),
        "ActivationFifo": _queue(of("inputs") + of("psums")),
        "WeightFifo": _queue(of("weights") + products, of("dropped") + products),
        "PsumFifo": _queue(products + psums + of("zeros")),
        "ForwardingInputFifo": _queue(of("received")),
        "ForwardingOutputFifo": _queue(of("sent")),
    }


def _element(ran: Ran, of: Of) -> Json:
    return {
        "Total_cycles": ran.cycles,
        "Idle_cycles": ran.cycles - of("multiplications"),
        "N_multiplications": of("multiplications"),
        "N_bottom_forwardings_send": of("sent_bottom"),
        "N_top_forwardings_receive": of("received_top"),
        "N_right_forwardings_send": of("sent_right"),
        "N_left_forwardings_receive": of("received_left"),
        "N_configurations": of("configurations"),
        "TopFifo": _queue(of("received_top")),
        "LeftFifo": _queue(of("received_left")),
        "RightFifo": _queue(of("sent_right")),
        "BottomFifo": _queue(of("sent_bottom")),
        "OutputFifo": _queue(of("multiplications")),
    }


def _adders(ran: Ran) -> Json:
    folding = ran.hardware.rn_type == "FENETWORK"
    stats: Json = {}
    if "adder" in ran.instances:
        adders = _each(ran.instances["adder"])
        levels = order_of_adders(len(adders) - folding, folding)
        stats["ASwitchStats"] = [
            [_adder(ran.cycles, adders[i], folding) for i in level] for level in levels
        ]
    if "accumulator" in ran.instances:
        sparse = ran.hardware.sparse or ran.hardware.systolic
        each = [
            _accumulator(ran.cycles, ran.rounds if sparse else 1, of)
            for of in _each(ran.instances["accumulator"])
        ]
        stats["AccumulationBufferStats"] = {"AccumulatorStats": each}
    return stats


def _adder(cycles: int, of: Of, folding: bool) -> Json:
    folds = of("fold_results")
    sums = of("additions_2to1") + of("folded") - folds

    def side(name: str) -> Json:
        return _queue(of(name), of(name) - of(f"waiting_{name}"))

    return {
        "Total_cycles": cycles,
        "Idle_cycles": cycles - sums - of("additions_3to1"),
        "N_2_1_sums": sums,
        "N_2_1_comps": 0,
        "N_3_1_sums": of("additions_3to1"),
        "N_3_1_comps": 0,
        "N_parent_send": of("transfers_up"),
        "N_augmentendLink_send": of("aside"),
        "N_memory_send": folds if folding else of("transfers_out"),
        "N_configurations": of("configurations"),
        "InputPsumLeftFifo": side("left"),
        "InputPsumRightFifo": side("right"),
        "OutputPsumFifo": _queue(of("made") + folds),
        "OutputForwardingFifo": _queue(of("aside")),
        "InputForwardingFifo": side("neighbour"),
    }


def _accumulator(cycles: int, configurations: int, of: Of) -> Json:
    again = of("taken") - of("results")
    return {
        "Total_cycles": cycles,
        "N_adds": again,
        "N_memory_send": of("results"),
        "N_receives": of("transfers"),
        "N_register_reads": again,
        "N_register_writes": of("taken"),
        "N_configurations": configurations,
        "InputFifo": _queue(of("taken")),
        "OutputFifo": _queue(of("results")),
    }


def _memory(ran: Ran) -> Json:
    hardware = ran.hardware
    ports = ran.instances["distribution"]
    dataflow = {SPARSE: hardware.dataflow, SPARSE_DENSE: "SPARSE_DENSE_DATAFLOW"}
    stationary, streaming = _zeros(ran)
    average, most = 0, 0
    if hardware.mem_ctrl == SPARSE:
        streams = ran.operation.n if hardware.dataflow == INPUTS else ran.operation.m  # type: ignore[union-attr]
        average = ran.counters["N_SRAM_psum_writes"] // streams // ran.rounds
        (most,) = ran.instances["configuration"]["most_clusters"]
    dense = not (hardware.sparse or hardware.systolic)
    results = [sum(each) for each in _results(ran)] if dense else [0] * hardware.rn_bw
    names = ("weight_reads", "input_reads", "psum_reads", "psum_writes")
    return {
        "Total_cycles": ran.cycles,
        **{f"N_SRAM_{name}": ran.counters.get(f"N_SRAM_{name}", 0) for name in names},
        "Dataflow": dataflow.get(hardware.mem_ctrl, "CNN_DATAFLOW"),
        "STA_sparsity": stationary,
        "STR_sparsity": streaming,
        "STA_vectors_at_once_avg": average,
        "STA_vectors_at_once_max": most,
        "N_reconfigurations": ran.counters.get("N_reconfigurations", 0),
        **{
            f"N_SRAM_read_ports_{kind}_use": list(ports[kind])
            for kind in ("weights", "inputs", "psums")
        },
        "N_SRAM_write_ports_use": results,
    }


def _zeros(ran: Ran) -> tuple[int, int]:
    """Return per cent of zeros in the stationary and in the streaming operand, rounded down."""
    if ran.operands is None or not ran.hardware.sparse:
        return 0, 0
    a, b = (np.asarray(each) != 0 for each in ran.operands)

    def share(elements: int, ones: int) -> int:
        return 100 * (elements - ones) // elements

    if ran.hardware.mem_ctrl == SPARSE_DENSE:
        return share(a.size, ran.counters.get("N_SRAM_weight_reads", 0)), 0

    def of_vectors(bits: Any, axis: int) -> int:
        few = min(_FEW_ONES, bits.shape[axis])
        return share(bits.size, int(np.maximum(bits.sum(axis=axis), few).sum()))

    shares = of_vectors(a, 2), of_vectors(b, 1)
    return shares if ran.hardware.dataflow != WEIGHTS else shares[::-1]


def _results(ran: Ran) -> list[list[int]]:
    return by_line(ran.hardware, ran.instances["output"]["results"])


def _bus(ran: Ran) -> list[Json]:
    return [
        {
            "Total_cycles": ran.cycles,
            "N_sends": sum(line),
            "n_inputs_receive": line,
            "input_fifos_stats": [_queue(each) for each in line],
        }
        for line in _results(ran)
    ]
