#include "fabric/adder_work.h"

#include <cstddef>
#include <utility>

namespace cairn::fabric {
namespace {

// Where a word goes: into a queue of an adder, or out of the tree (no adder).
struct Into {
  int adder = -1;
  Count AdderWork::*queue = nullptr;
};

const Adder& at(const TreePlan& plan, int index) { return plan.adders[static_cast<std::size_t>(index)]; }
AdderWork& at(std::vector<AdderWork>& work, int index) { return work[static_cast<std::size_t>(index)]; }

Into of_multiplier(const TreePlan& plan, int multiplier) {
  return {plan.multipliers / 2 - 1 + multiplier / 2, multiplier % 2 == 0 ? &AdderWork::left : &AdderWork::right};
}

Into above(const TreePlan& plan, int index) {
  if (index == 0 || at(plan, index).complete) return {};
  return {parent_of(index), index % 2 == 1 ? &AdderWork::left : &AdderWork::right};
}

bool goes_aside(const Adder& adder, int index, bool from_left) {
  return adder.mode == AdderMode::add_1_pass_1 && from_left == is_even(index);
}

class StepWork {
 public:
  StepWork(const TreePlan& plan, const std::function<bool(int)>& together)
      : plan_(plan), together_(together), work_(plan.adders.size()) {}

  std::vector<AdderWork> of(int used) {
    for (int m = 0; m < used; ++m) put(of_multiplier(plan_, m));
    if (plan_.singles) return std::move(work_);  // folding adders take the products as they are
    for (int level = plan_.levels - 1; level >= 0; --level) {
      for (const bool three : {false, true}) {  // what comes from a neighbour comes from an adder of another mode
        for (int i = adder_index(level, 0); i < adder_index(level + 1, 0); ++i) {
          const Adder& adder = at(plan_, i);
          if (!adder.configured || adder.mode == AdderMode::fold) continue;
          if ((adder.mode == AdderMode::add_3) == three) pass(adder, i);
        }
      }
    }
    return std::move(work_);
  }

 private:
  void put(const Into& into) {
    if (into.adder >= 0) ++(at(work_, into.adder).*into.queue);
  }

  void pass(const Adder& adder, int index) {
    AdderWork& own = at(work_, index);
    if (own.left + own.right == 0) return;  // above where its virtual neuron leaves
    const bool both = own.left > 0 && own.right > 0;
    Count up = 1;
    if (adder.mode == AdderMode::add_3) {
      ++own.additions_3to1;
    } else if (adder.mode == AdderMode::add_2) {
      if (both) ++own.additions_2to1;
      if (adder.link >= 0) up = 0, send_aside(adder, own);
    } else {
      up = own.left + own.right;
      for (const bool left : {true, false}) {
        if ((left ? own.left : own.right) == 0 || !goes_aside(adder, index, left)) continue;
        --up;
        send_aside(adder, own);
      }
    }
    own.made = up;
    const bool leaf = index >= plan_.multipliers / 2 - 1;
    const Into next = above(plan_, index);
    (next.adder < 0 ? own.transfers_out : own.transfers_up) = up == 2 && (!leaf || together_(index)) ? 1 : up;
    for (Count word = 0; word < up; ++word) put(next);
  }

  void send_aside(const Adder& adder, AdderWork& own) {
    ++own.aside;
    put({adder.link, &AdderWork::neighbour});
  }

  const TreePlan& plan_;
  const std::function<bool(int)>& together_;
  std::vector<AdderWork> work_;
};

// Whether a word finds all that it needs at an adder by itself.
bool needs_no_other(const TreePlan& plan, const std::vector<AdderWork>& step, const Into& into) {
  const Adder& adder = at(plan, into.adder);
  if (adder.mode == AdderMode::add_3 || into.queue == &AdderWork::neighbour) return false;
  if (adder.mode != AdderMode::add_2) return true;
  const AdderWork& own = step[static_cast<std::size_t>(into.adder)];
  return own.left == 0 || own.right == 0;
}

}  // namespace

std::vector<AdderWork> work_of_step(const TreePlan& plan, int multipliers_used,
                                    const std::function<bool(int)>& together) {
  return StepWork(plan, together).of(multipliers_used);
}

void send_one_more(const TreePlan& plan, const std::vector<AdderWork>& step, int multiplier,
                   std::vector<AdderWork>& work) {
  Into into = of_multiplier(plan, multiplier);
  while (needs_no_other(plan, step, into)) {
    const Adder& adder = at(plan, into.adder);
    AdderWork& own = at(work, into.adder);
    const bool left = into.queue == &AdderWork::left;
    ++(own.*into.queue);
    const bool aside = goes_aside(adder, into.adder, left) || (adder.mode == AdderMode::add_2 && adder.link >= 0);
    if (aside) {
      ++own.aside;
      into = {adder.link, &AdderWork::neighbour};
    } else {
      ++own.made;
      ++own.transfers_up;
      into = above(plan, into.adder);
    }
  }
  AdderWork& last = at(work, into.adder);
  ++(last.*into.queue);
  ++(into.queue == &AdderWork::left    ? last.waiting_left
     : into.queue == &AdderWork::right ? last.waiting_right
                                       : last.waiting_neighbour);
}

}  // namespace cairn::fabric
