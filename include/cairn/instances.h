// How often each instance of each component of a machine works, where LayerResult::counters have the sums. Which way a
// word goes is planned before the first cycle, so this takes no simulation.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "cairn/machine.h"
#include "cairn/operation.h"
#include "cairn/session.h"

namespace cairn {

// By slot and name; the lists are by instance.
//
// distribution: "weights", "inputs", "psums", packets by read port. "words", by node of the trees of switches that a
//   packet comes into, level after level from the ports on; the last level are the multipliers, of a mesh its edges
//   (columns, then rows).
// multiplier: by multiplier. "weights", "inputs", "psums", words from the distribution network. "received", from a
//   neighbour (of a mesh "received_left", "received_top"), "sent", to one ("sent_right", "sent_bottom").
//   "multiplications". "psum_forwards". "zeros", which begin sums in place of a partial sum. "dropped", weights that
//   those of the next round threw out. "configurations".
// adder: by adder of a tree, the root first, the extra one of a FAN last. "left", "right", "neighbour", words into its
//   queues, and "waiting_left", ..., what of them stays there. "additions_2to1", "additions_3to1". "made", words
//   through its own queue. "aside", words through the queue to its neighbour. "transfers_out" and "transfers_up", of
//   what it made, to the outside and to the next adder; words that cross together are one. "folded", words that a
//   folding adder takes, and "fold_results". "configurations".
// accumulator: "taken", words; "transfers" that brought them; "results".
// output: of an adder, or else an accumulator, to the collection network. "results", "transfers".
// configuration: of the last round. "clusters", of each virtual neuron the multiplier after its last; "most_clusters",
//   how many there were in any round. By adder: "lane", its place among outputs; "mode", 0 to 4 = add two, add three,
//   pass one on to either side, pass both up, fold, -1 = not configured; "link", the adder that it sends to over the
//   augmented link, or -1; "complete", whether a virtual neuron ends there; "fold_at", the folding adder that then
//   takes over, or -1.
using Instances = std::map<std::string, std::map<std::string, std::vector<std::int64_t>>>;

// Of an operation cut with this tile; a systolic array has a tile of its own if none is given.
// Throws Error: E401 for the tile, U204 for machines with other parts than those of the public reference.
Instances instances(const Machine& machine, const Operation& operation,
                    const std::map<std::string, std::int64_t>& tile);
// Of a product on a sparse machine, which heeds the zeros of the operands. The output is not written.
Instances instances(const Machine& machine, const Gemm& gemm, const GemmOperands& operands, const RunOptions& options);

}  // namespace cairn
