"""The reference's ``.counters`` file: a line for each wire, switch, multiplier, adder and queue.

Its READ of a wire and FRONT of a queue count polls that never fail, so they are always 0.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from cairn.stonne.hardware import Hardware

if TYPE_CHECKING:
    from cairn import Conv, Gemm
    from cairn.operands import Floats

Counts = Mapping[str, Mapping[str, Sequence[int]]]  # of instances: cairn._core.instances


@dataclass(frozen=True)
class Ran:
    """A run in the reference's words: what ran on what, and what was counted.

    ``counters``: the reference's, summed; they lack the zero ones. ``operands``: of a sparse
    product.
    """

    hardware: Hardware
    operation: Conv | Gemm
    tile: Mapping[str, int]
    rounds: int
    cycles: int
    counters: Mapping[str, int]
    instances: Counts
    operands: tuple[Floats, Floats] | None = None


def lines(ran: Ran) -> Iterator[str]:
    """Yield the lines of the file in its order."""
    hardware, instances = ran.hardware, ran.instances
    yield f"CYCLES={ran.cycles}"
    yield "[DSNetwork]"
    yield from _trees(instances["distribution"])
    yield "[MSNetwork]"
    if hardware.systolic:
        yield from _mesh(instances["multiplier"], hardware.ms_rows, hardware.ms_cols)
    else:
        yield from _multipliers(instances["multiplier"])
    yield "[ReduceNetwork]"
    if "adder" in instances:
        yield from _adders(instances["adder"], hardware.rn_type == "FENETWORK")
    if "accumulator" in instances:
        yield from _accumulators(instances["accumulator"])
    yield "[GlobalBuffer]"
    words = [ran.counters.get(f"GlobalBuffer.GLOBALBUFFER.{each}", 0) for each in ("READ", "WRITE")]
    yield f"GLOBALBUFFER READ={words[0]} WRITE={words[1]}"
    yield "[CollectionBus]"
    yield from _bus(hardware, instances["output"])
    yield ""


def _wire(kind: str, writes: int) -> str:
    return f"{kind} WRITE={writes} READ=0"


def _queue(pushes: int, pops: int | None = None) -> str:
    return f"FIFO PUSH={pushes} POP={pushes if pops is None else pops} FRONT=0"


def by_level(counts: Mapping[str, Sequence[int]]) -> list[Sequence[int]]:
    """Split the nodes of the trees of switches: level after level, all trees side by side."""
    ports, words = len(counts["weights"]), counts["words"]
    levels: list[Sequence[int]] = []
    first = 0
    while first < len(words):
        nodes = ports << len(levels)
        levels.append(words[first : first + nodes])
        first += nodes
    return levels


def _trees(counts: Mapping[str, Sequence[int]]) -> Iterator[str]:
    """All ports, then tree by tree its wires and its switches, both from the root down."""
    levels = by_level(counts)
    for each in levels[0]:
        yield _wire("DN_WIRE", each)
    for port in range(len(levels[0])):
        for depth, level in enumerate(levels[1:], 1):
            for each in level[port << depth : (port + 1) << depth]:
                yield _wire("DN_WIRE", each)
        for depth, (level, below) in enumerate(pairwise(levels)):
            for node in range(port << depth, (port + 1) << depth):
                both = below[2 * node] + below[2 * node + 1] - level[node]
                yield f"SWITCH ROUTE_UNICAST={level[node] - both} ROUTE_BROADCAST={both}"


def _multipliers(counts: Mapping[str, Sequence[int]]) -> Iterator[str]:
    for sent in counts["sent"][1:]:
        yield _wire("MN_WIRE", sent)
    for m, products in enumerate(counts["multiplications"]):
        weights, psums = counts["weights"][m], counts["psums"][m]
        yield (
            f"MULTIPLIER MULTIPLICATION={products} FORWARD_PSUM={psums} "
            f"CONFIGURATION={counts['configurations'][m]}"
        )
        yield _queue(counts["inputs"][m] + psums)
        yield _queue(counts["received"][m])
        yield _queue(counts["sent"][m])
        # A weight goes back into its queue after each use.
        yield _queue(weights + products, counts["dropped"][m] + products)
        yield _queue(products + counts["psum_forwards"][m] + counts["zeros"][m])


def _mesh(counts: Mapping[str, Sequence[int]], rows: int, columns: int) -> Iterator[str]:
    """The wires down, then those to the right, then the elements."""
    for each in counts["sent_bottom"][: (rows - 1) * columns]:
        yield _wire("MN_WIRE", each)
    for i, each in enumerate(counts["sent_right"]):
        if (i + 1) % columns:
            yield _wire("MN_WIRE", each)
    queues = ("received_top", "received_left", "sent_right", "sent_bottom", "multiplications")
    for i, products in enumerate(counts["multiplications"]):
        yield f"MULTIPLIER MULTIPLICATION={products} CONFIGURATION={counts['configurations'][i]}"
        for name in queues:
            yield _queue(counts[name][i])


def order_of_adders(tree: int, folding: bool) -> list[list[int]]:
    """Return the adders level by level; that above the root of a FAN stands beside the root."""
    levels = [[*range(2**level - 1, 2 ** (level + 1) - 1)] for level in range(tree.bit_length())]
    if folding:
        levels[0].append(tree)
    return levels


def _adders(counts: Mapping[str, Sequence[int]], folding: bool) -> Iterator[str]:
    """The wires down from each adder, the augmented links, those to folding adders, the adders."""
    tree = len(counts["made"]) - folding
    levels = order_of_adders(tree, folding)
    order = [i for level in levels for i in level]
    for i in order:
        up = [counts["transfers_up"][2 * i + side] for side in (1, 2) if 2 * i + side < tree]
        # The wires from below of the adder above the root carry nothing.
        at_leaf = [counts["left"][i], counts["right"][i]] if i < tree else [0, 0]
        for each in up or at_leaf:
            yield _wire("RN_WIRE", each)
    links = counts["neighbour"]
    for level in levels[1:]:
        for right in level[2::2]:
            yield _wire("RN_WIRE", links[right - 1] + links[right])
    if folding:
        for each in counts["transfers_out"][:tree]:
            yield _wire("RN_WIRE", each)
    for i in order:
        folds = counts["fold_results"][i]
        sums = counts["additions_2to1"][i] + counts["folded"][i] - folds
        yield (
            f"ADDER ADD_2_1={sums} ADD_3_1={counts['additions_3to1'][i]} "
            f"CONFIGURATION={counts['configurations'][i]}"
        )
        for side in ("left", "right", "neighbour"):
            yield _queue(counts[side][i], counts[side][i] - counts[f"waiting_{side}"][i])
        yield _queue(counts["aside"][i])
        yield _queue(counts["made"][i] + folds)


def _accumulators(counts: Mapping[str, Sequence[int]]) -> Iterator[str]:
    for each in counts["transfers"]:
        yield _wire("RN_WIRE", each)
    for taken, results in zip(counts["taken"], counts["results"], strict=True):
        again = taken - results
        yield f"ACCUMULATOR READ={again} WRITE={taken} ADD={again}"
        yield _queue(taken)
        yield _queue(results)


def bus_inputs(hardware: Hardware) -> list[tuple[int, int]]:
    """Return line and input of the collection bus that each accumulation point drives.

    Adders that an augmented link could join come first, in pairs, and share a line; the others
    follow. In a few sizes two points share an input, as in the reference.
    """
    bus = hardware.rn_bw
    if hardware.rn_type == "TEMPORALRN":
        return [(i % bus, i // bus) for i in range(hardware.multipliers)]
    folding = hardware.rn_type == "FENETWORK"
    points = hardware.num_ms - (0 if folding else 1)
    single = 2 * (hardware.num_ms.bit_length() - 1) - (0 if folding else 1)
    paired = points - single
    pairs = [(i // 2 % bus, i // 2 // bus * 2 + i % 2) for i in range(paired)]
    return pairs + [((paired + i) % bus, paired // bus + 1 + i // bus) for i in range(single)]


def by_line(hardware: Hardware, of_point: Sequence[int]) -> list[list[int]]:
    """Sort counts of accumulation points by line and input of the bus."""
    places = bus_inputs(hardware)
    inputs = max(hardware.num_ms // hardware.rn_bw, *(at for _, at in places)) + 1
    lines = [[0] * inputs for _ in range(hardware.rn_bw)]
    for (line, at), each in zip(places, of_point, strict=True):
        lines[line][at] += each
    return lines


def _bus(hardware: Hardware, counts: Mapping[str, Sequence[int]]) -> Iterator[str]:
    transfers, results = (by_line(hardware, counts[each]) for each in ("transfers", "results"))
    for wires, queues in zip(transfers, results, strict=True):
        for each in wires:
            yield _wire("CB_WIRE", each)
        for each in queues:
            yield _queue(each)
        yield _wire("CB_WIRE", sum(queues))
