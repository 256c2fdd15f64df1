// What a fabric is made of. A part is a component that sits in one slot of the machine (memory, distribution,
// multiplier, reduction, collection, writeback) and is configured anew for every round. Parts never see workloads,
// mappings or machine descriptions: they get their own parameters, the channels, and a program of rounds.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "kernel/component.h"
#include "schema/catalog.h"
#include "stats/counters.h"

namespace cairn::fabric {

struct Extent {
  int rows = 0;
  int columns = 0;
  bool operator==(const Extent&) const = default;
  auto operator<=>(const Extent&) const = default;
};

// One configuration of the fabric and the work done under it. Everything that can influence time is in here, nothing
// else: equal rounds cost equal cycles and equal counters.
struct Round {
  Count steps = 0;  // products that make one output
  Extent used;      // multipliers that take part
  Extent valid;     // those of them that make outputs of the workload; the rest computes padding
  auto operator<=>(const Round&) const = default;
};

// The program of a run: its rounds in order, the operands of each and where its outputs go.
class Rounds {
 public:
  virtual ~Rounds() = default;
  virtual Count size() const = 0;
  virtual Round at(Count index) const = 0;
  // Writes the operands of a round, one line a step: first a word for each used column, then one for each used row.
  virtual void load(Count index, float* panel) const = 0;
  virtual void store(Count index, int row, int column, float value) = 0;
};

struct Program {
  Rounds* rounds = nullptr;
  std::function<void(const Round&)> configure;  // reconfigures every part of the fabric
  std::function<Cycle(const Round&)> interval;  // how soon the next round may follow, where rounds overlap
};

// The multiplier array and how rounds follow each other in it: what every part may know of the whole.
struct Array {
  Extent extent;
  bool overlapped = false;  // the next round enters while the last one is still being read out
  int lanes() const { return extent.rows * extent.columns; }
  int endpoints() const { return extent.rows + extent.columns; }
  // The multiplier at (row, column) drives this lane.
  int lane(int row, int column) const { return row * extent.columns + column; }
};

struct Result {
  float value;
  int lane;  // of the multiplier that the output was accumulated at
};

// A step of operands on its way to the array: one word an endpoint, columns first.
using Step = const float*;

// The channels of a machine, in the order of the data path.
struct Links {
  kernel::Queues<Step>* posts = nullptr;     // memory -> distribution: operand steps waiting at the read ports
  kernel::Wires<float>* operands = nullptr;  // distribution -> multiplier: a lane an endpoint
  kernel::Wires<float>* products = nullptr;  // multiplier -> reduction: a lane a multiplier
  kernel::Queues<float>* sums = nullptr;     // reduction -> collection: a lane an accumulator
  kernel::Wires<Result>* results = nullptr;  // collection -> writeback: a lane a result line
  kernel::Signal* done = nullptr;            // writeback -> memory: the round's last output is stored
};

class Part : public kernel::Component {
 public:
  explicit Part(std::string slot) : slot_(std::move(slot)) {}
  std::string name() const final { return slot_; }

  // A run begins. Only the parts that read operands or store outputs need the program.
  virtual void start(const Program&) {}
  // A round begins; both evaluators call it.
  virtual void configure(const Round& round) = 0;
  // For how many cycles a round keeps this part from taking the next, where rounds overlap.
  virtual Cycle interval(const Round&) const { return 0; }
  // Cycles at the beginning of a run that the measurement leaves out.
  virtual Cycle uncounted() const { return 0; }
  // Whether nothing is left to do in the run.
  virtual bool finished() const { return true; }

 private:
  std::string slot_;
};

// A row of the registry: what the part declares, and how to make one.
struct PartInfo {
  schema::ComponentInfo info;
  std::function<std::unique_ptr<Part>(const schema::Values&, const Array&, Links&)> make;
  // Lanes of the channel that the part drives, where the part decides it.
  std::function<int(const schema::Values&, const Array&)> lanes;
};

// Every part that the build knows; generated from the list in fabric/CMakeLists.txt.
const std::vector<PartInfo>& parts();
const PartInfo& part(const std::string& slot, const std::string& type);
schema::Catalog catalog();

// Fills a registry row from the declarations of a part: `P::Params`, `P::Counters`.
template <class P>
PartInfo declare(std::string slot, std::string type, std::string doc) {
  PartInfo row;
  row.info = {slot, std::move(type), std::move(doc), schema::describe<typename P::Params>(),
              stats::describe<typename P::Counters>()};
  row.make = [slot](const schema::Values& values, const Array& array, Links& links) {
    return std::make_unique<P>(slot, schema::bind<typename P::Params>(values), array, links);
  };
  row.lanes = [](const schema::Values&, const Array& array) { return array.lanes(); };
  return row;
}

}  // namespace cairn::fabric
