"""The reference's counters as sums of Cairn's."""

from __future__ import annotations

from collections.abc import Mapping

# The reference passes each product, and each operand or partial sum on its way to a neighbour,
# through a queue of its own: so hops and multiplications are among its pushes and pops.
_PSUM_READS = ("memory.psum_reads", "writeback.psum_reads")
_READS = ("memory.weight_reads", "memory.input_reads", *_PSUM_READS)
_THROUGH = ("multiplier.hops", "multiplier.multiplications")
COUNTERS: dict[str, tuple[str, ...]] = {
    "N_SRAM_weight_reads": ("memory.weight_reads",),
    "N_SRAM_input_reads": ("memory.input_reads",),
    "N_SRAM_psum_reads": _PSUM_READS,
    "N_SRAM_psum_writes": ("writeback.output_writes",),
    "N_reconfigurations": ("memory.setups",),
    "GlobalBuffer.GLOBALBUFFER.READ": _READS,
    "GlobalBuffer.GLOBALBUFFER.WRITE": ("writeback.output_writes",),
    "DSNetwork.DN_WIRE.WRITE": ("distribution.words", "distribution.hops"),
    "DSNetwork.SWITCH.ROUTE_BROADCAST": ("distribution.broadcasts",),
    "DSNetwork.SWITCH.ROUTE_UNICAST": ("distribution.unicasts",),
    "MSNetwork.MULTIPLIER.MULTIPLICATION": ("multiplier.multiplications",),
    "MSNetwork.MULTIPLIER.FORWARD_PSUM": ("multiplier.psum_forwards",),
    "MSNetwork.MULTIPLIER.CONFIGURATION": ("multiplier.configurations",),
    "MSNetwork.MN_WIRE.WRITE": ("multiplier.hops",),
    "MSNetwork.FIFO.PUSH": ("multiplier.operand_pushes", *_THROUGH),
    "MSNetwork.FIFO.POP": ("multiplier.operand_pops", *_THROUGH),
    "ReduceNetwork.ADDER.ADD_2_1": ("reduction.additions_2to1",),
    "ReduceNetwork.ADDER.ADD_3_1": ("reduction.additions_3to1",),
    "ReduceNetwork.ADDER.CONFIGURATION": ("reduction.configurations",),
    "ReduceNetwork.ACCUMULATOR.WRITE": ("reduction.register_writes",),
    "ReduceNetwork.ACCUMULATOR.READ": ("reduction.register_reads",),
    "ReduceNetwork.ACCUMULATOR.ADD": ("reduction.additions",),
    "ReduceNetwork.RN_WIRE.WRITE": ("reduction.wire_writes",),
    "ReduceNetwork.FIFO.PUSH": ("reduction.queue_pushes",),
    "ReduceNetwork.FIFO.POP": ("reduction.queue_pops",),
    "CollectionBus.FIFO.PUSH": ("collection.results_in",),
    "CollectionBus.FIFO.POP": ("collection.results_out",),
    "CollectionBus.CB_WIRE.WRITE": ("reduction.output_transfers", "collection.results_out"),
}
# A temporal network has no adders whose wires and queues could be counted by themselves: a product
# comes by one wire and one queue into the register, a result leaves through a queue by a wire.
TEMPORAL: dict[str, tuple[str, ...]] = {
    "ReduceNetwork.RN_WIRE.WRITE": ("reduction.register_writes",),
    "ReduceNetwork.FIFO.PUSH": ("reduction.register_writes", "reduction.results"),
    "ReduceNetwork.FIFO.POP": ("reduction.register_writes", "reduction.results"),
    "CollectionBus.CB_WIRE.WRITE": ("collection.results_in", "collection.results_out"),
}


def translated(
    counters: Mapping[str, Mapping[str, int]], reconfigurations: int = 0
) -> dict[str, int]:
    """Translate the counters of a layer, without the zero ones; a part may lack some of them.

    ``reconfigurations``: those that the reference reports where no counter of Cairn's has them.
    """
    trees = "wire_writes" in counters["reduction"]
    table = COUNTERS if trees else COUNTERS | TEMPORAL
    totals = {}
    for name, ours in table.items():
        parts = (each.split(".") for each in ours)
        totals[name] = sum(counters[slot].get(counter, 0) for slot, counter in parts)
    totals["N_reconfigurations"] += reconfigurations
    return {name: total for name, total in totals.items() if total}
