"""The reference's ``.counters`` file: a line for each wire, switch, multiplier, adder and queue.

Its READ of a wire and FRONT of a queue count polls that never fail, so they are always 0.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from cairn.stonne.hardware import Hardware

Counts = Mapping[str, Mapping[str, Sequence[int]]]  # of instances: cairn._core.instances


def lines(
    hardware: Hardware, instances: Counts, cycles: int, totals: Mapping[str, int]
) -> Iterator[str]:
    """Yield the lines of the file in its order; ``totals``: the reference's counters, summed."""
    yield f"CYCLES={cycles}"
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
    reads, writes = (totals.get(f"GlobalBuffer.GLOBALBUFFER.{each}", 0) for each in ("READ", "WRITE"))
    yield f"GLOBALBUFFER READ={reads} WRITE={writes}"
    yield "[CollectionBus]"
    yield from _bus(hardware, instances["output"])
    yield ""


def _wire(kind: str, writes: int) -> str:
    return f"{kind} WRITE={writes} READ=0"


def _queue(pushes: int, pops: int | None = None) -> str:
    return f"FIFO PUSH={pushes} POP={pushes if pops is None else pops} FRONT=0"


def _trees(counts: Mapping[str, Sequence[int]]) -> Iterator[str]:
    """All ports, then tree by tree its wires and its switches, both from the root down."""
    ports, words = len(counts["weights"]), counts["words"]
    levels, first = [], 0
    while first < len(words):
        nodes = ports << len(levels)
        levels.append(words[first : first + nodes])
        first += nodes
    for each in levels[0]:
        yield _wire("DN_WIRE", each)
    for port in range(ports):
        for depth, level in enumerate(levels[1:], 1):
            for each in level[port << depth : (port + 1) << depth]:
                yield _wire("DN_WIRE", each)
        for depth, (level, below) in enumerate(zip(levels, levels[1:], strict=False)):
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


def _adders(counts: Mapping[str, Sequence[int]], folding: bool) -> Iterator[str]:
    """The wires down from each adder, the augmented links, those to folding adders, the adders."""
    adders = len(counts["made"])
    tree = adders - 1 if folding else adders
    # The adder above the root of a FAN has wires from below too, which nothing uses.
    order = [0, tree, *range(1, tree)] if folding else range(adders)
    for i in order:
        up = [counts["transfers_up"][2 * i + side] for side in (1, 2) if 2 * i + side < tree]
        at_leaf = [counts["left"][i], counts["right"][i]] if i < tree else [0, 0]
        for each in up or at_leaf:
            yield _wire("RN_WIRE", each)
    links = counts["neighbour"]
    level = 1
    while 2 * level - 1 < tree:
        level *= 2
        for right in range(level + 1, 2 * level - 2, 2):  # the even ones of the level but the first
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


def _bus(hardware: Hardware, counts: Mapping[str, Sequence[int]]) -> Iterator[str]:
    places = bus_inputs(hardware)
    inputs = max(hardware.num_ms // hardware.rn_bw, *(at for _, at in places)) + 1
    wires = [[0] * inputs for _ in range(hardware.rn_bw)]
    queues = [[0] * inputs for _ in range(hardware.rn_bw)]
    for point, (line, at) in enumerate(places):
        wires[line][at] += counts["transfers"][point]
        queues[line][at] += counts["results"][point]
    for line in range(hardware.rn_bw):
        for each in wires[line]:
            yield _wire("CB_WIRE", each)
        for each in queues[line]:
            yield _queue(each)
        yield _wire("CB_WIRE", sum(queues[line]))
