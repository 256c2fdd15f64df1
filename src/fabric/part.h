// What a fabric is made of. A part is a component that sits in one slot of the machine (memory, distribution,
// multiplier, reduction, collection, writeback) and is configured anew for every round. Parts never see workloads,
// mappings or machine descriptions: they get their own parameters, the channels, and a program of rounds.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "fabric/ledger.h"
#include "fabric/program.h"
#include "kernel/component.h"
#include "schema/catalog.h"
#include "stats/counters.h"

namespace cairn::fabric {

// The multiplier array and what every part may know of the whole.
struct Array {
  Extent extent;
  bool overlapped = false;    // the next round enters while the last one is still being read out
  bool adds_columns = false;  // the products of a column make one sum, else those of a multiplier do
  int output_pairs = 0;       // accumulation points that share a bus input port by two: lanes 0,1, 2,3, ...
  Count offered = 0;          // packets of a step of inputs that the memory offers in a cycle; 0 = all of them
  int lanes() const { return extent.rows * extent.columns; }
  int endpoints() const { return extent.rows + extent.columns; }
  // Where sums leave a systolic array: the foot of each column, or each multiplier.
  int feet() const { return adds_columns ? extent.columns : lanes(); }
  // The multiplier at (row, column) drives this lane.
  int lane(int row, int column) const { return row * extent.columns + column; }
};

struct Result {
  float value;
  int lane;  // of the output: the accumulator, or the virtual neuron
};

// A step of operands on its way to a systolic array: one word an endpoint, columns first.
using Step = const float*;

// A word on its way to a multiplier of a flexible machine.
struct Word {
  float value;
  bool weight;
};

// A partial sum on its way back to a multiplier.
struct Psum {
  float value;
  int multiplier;
};

// Flow: what the parts tell each other of the round that is evaluated.
struct RoundInTime {
  Cycle begin = 1;
  bool drains = true;         // the next round waits for all results of this one; told in clocked runs as well
  bool at_rest = true;        // it begins in a machine at rest
  bool port_waited = false;   // a read port had sent everything before the next packet was offered
  Cycle ports_free = 0;       // when all read ports can send again
  Cycle controller_free = 0;  // when the controller can begin another round
  // The first result of the round. What leaves a shared server before that is final; what was sent for later is sent
  // again with the round's own.
  Cycle first_sum = 1;
  // Of independent lanes: products that were added up, sums that were left before their end, and the last cycle in
  // which a product that nobody wants is on its way, or a lane has still to be stopped.
  Count summed = 0;
  Count left = 0;
  Cycle through = 0;
};

// What of the parts behind the multipliers a round of the run has used: a unit that none uses is idle.
struct Used {
  kernel::LaneSet adders{0};
  kernel::LaneSet accumulators{0};
  kernel::LaneSet points{0};  // lanes of `sums`
  kernel::LaneSet lines{0};
  void clear_all() {
    for (kernel::LaneSet* set : {&adders, &accumulators, &points, &lines}) set->clear_all();
  }
};

// The channels of a machine, in the order of the data path. Those of the other family of machines are null.
struct Links {
  // Systolic arrays.
  kernel::Queues<Step>* posts = nullptr;     // memory -> distribution: operand steps waiting at the read ports
  kernel::Wires<float>* operands = nullptr;  // distribution -> multiplier: a lane an endpoint
  // Flexible machines.
  kernel::Tally* offers = nullptr;        // memory -> distribution: packets offered to the read ports
  kernel::Queues<Psum>* psums = nullptr;  // writeback -> distribution: a lane a read port
  kernel::Wires<Word>* words = nullptr;   // distribution -> multiplier: a lane a multiplier
  // Independent lanes, a lane each.
  kernel::Wires<Pair>* fetches = nullptr;  // memory -> distribution
  kernel::Wires<Pair>* pairs = nullptr;    // distribution -> multiplier
  kernel::Wires<Tag>* tags = nullptr;  // memory -> reduction, where signs are checked; in flow of sums that are done
  kernel::Queues<Count>* stops = nullptr;  // reduction -> memory: the number of the lane's sum that is left
  // All.
  kernel::Wires<float>* products = nullptr;  // multiplier -> reduction: a lane a multiplier
  kernel::Queues<Result>* sums = nullptr;    // reduction -> collection: a lane an accumulation point
  kernel::Wires<Result>* results = nullptr;  // collection -> writeback: a lane a result line
  kernel::Tally* stored = nullptr;           // writeback -> memory: results stored
  kernel::Tally* sent = nullptr;             // distribution -> memory: packets sent, told by idle ports to who waits
  RoundInTime round;
  Used used;
};

// Of a distribution network of packets.
kernel::Wiring packet_wiring(const Links& links);

class Part : public kernel::Component {
 public:
  // `lanes`: its units, where it keeps a ledger of them.
  explicit Part(std::string slot, int lanes = 0) : ledger_(lanes), slot_(std::move(slot)) {}
  std::string name() const final { return slot_; }

  // A run begins. Only the parts that read operands or store outputs need the program.
  virtual void start(const Program&) {}
  // A round begins; both evaluators call it.
  virtual void configure(const Round& round) = 0;
  // Clocked: it begins in this cycle.
  virtual void round_begins(Cycle /*now*/) {}
  // For how many cycles a round keeps this part from taking the next, where rounds overlap.
  virtual Cycle interval(const Round&) const { return 0; }
  // Cycles at the beginning of a run that the measurement leaves out.
  virtual Cycle uncounted() const { return 0; }
  // Whether nothing is left to do in the run.
  virtual bool finished() const { return true; }
  // What a round that waited for all results of the last one finds in this part and that can influence it: equal states
  // and equal rounds take equal times.
  virtual std::vector<int> state() const { return {}; }
  // Flow: what a round that overlaps with the next leaves behind in this part, all times counted from its begin. Two
  // rounds that leave the same behind are followed by the same.
  virtual void left_behind(std::vector<Cycle>&) const {}

  // Where the cycles went. Of a part that serves what comes (Units::work) only the units are asked for.
  virtual Count units() const { return ledger_.lanes(); }
  // Those in the round that began last; of a part that serves, in any of the run so far.
  virtual Count taking_part() const { return ledger_.taking_part(); }
  // A run begins, or in flow a round in a machine at rest: cycle 1 is next.
  virtual void rest() { ledger_.rest(); }
  // From there to cycle `end`.
  virtual UnitCycles activity(Cycle end) const { return ledger_.at(end); }
  // Flow: what of that no later round can change.
  virtual UnitCycles settled() const { return ledger_.settled(); }

 protected:
  Ledger ledger_;

 private:
  std::string slot_;
};

// A row of the registry: what the part declares, and how to make one.
struct PartInfo {
  schema::ComponentInfo info;
  std::function<std::unique_ptr<Part>(const schema::Values&, const Array&, Links&)> make;
  // Lanes of the channel that the part drives, where the part decides it.
  std::function<int(const schema::Values&, const Array&)> lanes;
  std::vector<std::string> work;  // see Units
  // Of a reduction network: Array::output_pairs.
  std::function<int(const Array&)> output_pairs = [](const Array&) { return 0; };
};

// Cairn's own parts; generated from the list in fabric/CMakeLists.txt.
std::vector<PartInfo> own_parts();
// Every part that is known: Cairn's own, then those of plug-ins.
const std::vector<PartInfo>& parts();
// Adds those of a plug-in, which no other part is called. A list that parts() has given stays as it is.
void add_parts(std::vector<PartInfo> more);
const PartInfo& part(const std::string& slot, const std::string& type);
schema::Catalog catalog();

// What the activity of a part is told of, and the counters that tell how many unit-cycles those units were at work, of
// a part that serves what comes and keeps no ledger.
struct Units {
  std::string name;
  std::vector<std::string> work{};
};

// Fills a registry row from the declarations of a part: `P::Params`, `P::Counters`. `family`: see ComponentInfo.
template <class P>
PartInfo declare(std::string slot, std::string type, std::string doc, Units units, std::string family = "") {
  PartInfo row;
  row.info = {slot,
              std::move(type),
              std::move(family),
              std::move(doc),
              std::move(units.name),
              schema::describe<typename P::Params>(),
              stats::describe<typename P::Counters>(),
              nullptr,
              nullptr};
  row.work = std::move(units.work);
  row.make = [slot](const schema::Values& values, const Array& array, Links& links) {
    return std::make_unique<P>(slot, schema::bind<typename P::Params>(values), array, links);
  };
  row.lanes = [](const schema::Values&, const Array& array) { return array.lanes(); };
  return row;
}

}  // namespace cairn::fabric
