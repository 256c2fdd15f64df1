#include "fabric/adder_tree.h"

#include <algorithm>
#include <array>
#include <bit>

#include "fabric/step_cost.h"

namespace cairn::fabric {

using kernel::Stream;

namespace {
void add_traffic(AdderCounters& total, const AdderCounters& part, Count times) {
  total.queue_pushes += part.queue_pushes * times;
  total.queue_pops += part.queue_pops * times;
  total.wire_writes += part.wire_writes * times;
}

// The even bits of a word, side by side.
constexpr std::uint64_t even_bits(std::uint64_t word) {
  word &= 0x5555555555555555;
  word = (word | word >> 1) & 0x3333333333333333;
  word = (word | word >> 2) & 0x0f0f0f0f0f0f0f0f;
  word = (word | word >> 4) & 0x00ff00ff00ff00ff;
  word = (word | word >> 8) & 0x0000ffff0000ffff;
  return (word | word >> 16) & 0x00000000ffffffff;
}

// Each of the lower 32 bits twice.
constexpr std::uint64_t pairs_of_bits(std::uint64_t word) {
  word &= 0x00000000ffffffff;
  word = (word | word << 16) & 0x0000ffff0000ffff;
  word = (word | word << 8) & 0x00ff00ff00ff00ff;
  word = (word | word << 4) & 0x0f0f0f0f0f0f0f0f;
  word = (word | word << 2) & 0x3333333333333333;
  word = (word | word << 1) & 0x5555555555555555;
  return word | word << 1;
}

}  // namespace

AdderTree::AdderTree(int multipliers, bool folding, Switches switches, Cycle level_latency)
    : folding_(folding),
      switches_(switches),
      level_latency_(level_latency),
      parents_come_first_(level_latency == 1 && switches == Switches::linked),
      configured_adders_(multipliers),
      room_(std::max(multipliers, 64)),
      operands_(0),
      add_2_(multipliers),
      add_3_(multipliers),
      pass_(multipliers),
      no_left_(multipliers),
      no_right_(multipliers),
      climbs_(multipliers),
      both_(multipliers),
      folding_now_(multipliers) {
  plan_.multipliers = multipliers;
}

bool AdderTree::configure(const Clusters& clusters) {
  clocked_ = false;
  if (clusters == clusters_) return false;
  clusters_ = clusters;
  plan_ = plan_tree(plan_.multipliers, clusters, folding_, switches_);
  configured_adders_.clear_all();
  for (std::size_t i = 0; i < plan_.adders.size(); ++i) {
    if (plan_.adders[i].configured) configured_adders_.set(static_cast<int>(i));
  }
  configured_ = configured_adders_.count();
  paths_ = product_paths(plan_, clusters.used());
  step_cost_ = cost_of_step(plan_, clusters.used(), level_latency_, link_latency());
  return true;
}

std::vector<int> AdderTree::last_adders() const {
  std::vector<int> adders;
  adders.reserve(static_cast<std::size_t>(clusters_.count));
  for (int cluster = 0; cluster < clusters_.count; ++cluster) adders.push_back(last_adder(exit_of(cluster)));
  return adders;
}

// Whether anything comes to an adder from below on a side.
bool AdderTree::expects(int adder, int side) const {
  const int leaves = plan_.multipliers / 2 - 1;  // index of the first leaf
  return adder >= leaves ? 2 * (adder - leaves) + side < clusters_.used() : feeds_parent(2 * adder + 1 + side);
}

void AdderTree::configure_clocked() {
  const int multipliers = plan_.multipliers;
  clocked_ = true;
  operands_ = kernel::Fifos<float>(3 * room_);
  folds_ = std::vector<Fold>(folding_ ? plan_.adders.size() : 0);
  to_folds_.clear();
  under_way_.assign(static_cast<std::size_t>(level_latency_), {});
  for (kernel::LaneSet* set : {&add_2_, &add_3_, &pass_, &no_left_, &no_right_, &climbs_, &folding_now_})
    set->clear_all();
  for (int i = 0; i < multipliers - 1; ++i) {
    if (!expects(i, 0)) no_left_.set(number(i));
    if (!expects(i, 1)) no_right_.set(number(i));
    const Adder& adder = plan_.adders[static_cast<std::size_t>(i)];
    if (!adder.configured || adder.mode == AdderMode::fold) continue;
    (adder.mode == AdderMode::add_2 ? add_2_ : adder.mode == AdderMode::add_3 ? add_3_ : pass_).set(number(i));
    if (adder.mode == AdderMode::add_2 && feeds_parent(i) && parents_come_first_) climbs_.set(number(i));
  }
  make_routes();
}

void AdderTree::make_routes() {
  routes_.assign(plan_.adders.size(), Route{});
  for (std::size_t i = 0; i < plan_.adders.size(); ++i) {
    const Adder& adder = plan_.adders[i];
    const int index = static_cast<int>(i);
    Route& route = routes_[i];
    if (adder.mode == AdderMode::add_2 && adder.link >= 0) {
      route = {Way::neighbour, neighbour_queue(adder.link)};
    } else if (adder.complete) {
      route = {adder.fold_at < 0 ? Way::output : Way::fold, adder.fold_at};
    } else {
      route = {Way::parent, number(index)};
    }
  }
  for (int v = 0; v < clusters_.count && !plan_.singles; ++v) {
    for (int i = clusters_.begin(v); i < clusters_.end(v); ++i) follow(i, v);
  }
}

// A multiplier's way tells whose words come by.
void AdderTree::follow(int multiplier, int owner) {
  int at = plan_.multipliers / 2 - 1 + multiplier / 2;
  bool from_left = multiplier % 2 == 0;
  for (;;) {
    Route& route = routes_[static_cast<std::size_t>(at)];
    const Adder& adder = plan_.adders[static_cast<std::size_t>(at)];
    route.owner[from_left ? 0 : 1] = owner;
    if (adder.mode == AdderMode::add_3) route.owner[0] = route.owner[1] = owner;
    if (adder.mode == AdderMode::add_2) {
      const bool alone = (from_left ? no_right_ : no_left_).test(number(at));
      if (alone) route.owner[0] = route.owner[1] = owner;
    }
    const bool aside =
        route.way == Way::neighbour || (adder.mode == AdderMode::add_1_pass_1 && from_left == is_even(at));
    if (!aside && adder.complete) break;
    from_left = at % 2 == 1;
    at = aside ? adder.link : parent_of(at);
  }
}

bool AdderTree::feeds_parent(int index) const {
  const Adder& adder = plan_.adders[static_cast<std::size_t>(index)];
  if (!adder.configured || adder.complete || adder.mode == AdderMode::fold) return false;
  return adder.mode != AdderMode::add_2 || adder.link < 0;
}

bool AdderTree::tick(const kernel::Wires<float>::Frame& products, AdderCounters& counters) {
  if (!clocked_) configure_clocked();
  outputs_.clear();
  cycle_ = (cycle_ + 1) % under_way_.size();
  arriving_.clear();
  std::swap(arriving_, under_way_[cycle_]);
  to_parents_ = &under_way_[cycle_];
  to_neighbours_ = &under_way_[(cycle_ + 1) % under_way_.size()];
  for (const Transfer& transfer : arriving_) operands_.push(transfer.queue, transfer.value);
  counters.queue_pushes += std::ssize(arriving_);
  for (const auto& [adder, item] : to_folds_) {
    folds_[static_cast<std::size_t>(adder)].waiting.push(item);
    folding_now_.set(adder);
  }
  to_folds_.clear();
  take(products, counters);
  bool worked = false;
  for (std::size_t word = 0; word < add_2_.words().size(); ++word) worked = work(word, counters) || worked;
  // Last, since in a double switch what the neighbour sends is used in the same cycle.
  for (std::size_t word = 0; word < add_2_.words().size(); ++word) worked = add_three(word, counters) || worked;
  // Each went through the adder's own queue; what did not leave the tree by a wire of it.
  counters.queue_pushes += handed_over_ + pushed_;
  counters.queue_pops += handed_over_;
  counters.wire_writes += handed_over_ - std::ssize(outputs_);
  handed_over_ = pushed_ = 0;
  if (folding_) worked = fold(counters) || worked;
  return worked || !to_folds_.empty() ||
         std::ranges::any_of(under_way_, [](const auto& sent) { return !sent.empty(); });
}

void AdderTree::take(const kernel::Wires<float>::Frame& products, AdderCounters& counters) {
  const Count taken = products.valid.count();
  counters.queue_pushes += taken;
  counters.wire_writes += taken;
  if (plan_.singles) {
    counters.queue_pops += taken;
    products.valid.for_each([&](int i) {
      const int adder = paths_[static_cast<std::size_t>(i)].exit;
      folds_[static_cast<std::size_t>(adder)].waiting.push({products.values[static_cast<std::size_t>(i)], i});
      folding_now_.set(adder);
    });
    return;
  }
  if (plan_.multipliers >= 64) {
    const auto first = static_cast<std::size_t>(plan_.multipliers) / 64;
    for (std::size_t word = 0; word < products.valid.words().size(); ++word)
      operands_.push(word + first, products.valid.words()[word], &products.values[word * 64]);
  } else {  // their queues and those of the adders are in the same word
    products.valid.for_each(
        [&](int i) { operands_.push(plan_.multipliers + i, products.values[static_cast<std::size_t>(i)]); });
  }
}

Count AdderTree::transfers() const {
  Count transfers = 0;
  for (std::size_t i = 0; i < outputs_.size(); ++i) {
    if (i == 0 || outputs_[i].adder != outputs_[i - 1].adder) ++transfers;
  }
  return transfers;
}

Count distinct(const Stream& stream) {
  Count cycles = 0;
  Cycle last = 0;
  for (const kernel::Piece& piece : stream.pieces()) {
    cycles += piece.step == 0 ? 1 : piece.count;
    if (cycles > 1 && piece.first == last) --cycles;
    last = piece.last();
  }
  return cycles;
}

// The adders of 64 numbers that have what they need. From the root down: what one hands to its parent is seen there in
// the next cycle.
bool AdderTree::work(std::size_t word, AdderCounters& counters) {
  const std::uint64_t low = operands_.there(2 * word);
  const std::uint64_t high = operands_.there(2 * word + 1);
  const std::uint64_t l = even_bits(low) | even_bits(high) << 32;
  const std::uint64_t r = even_bits(low >> 1) | even_bits(high >> 1) << 32;
  const std::uint64_t two = add_2_.words()[word];
  const std::uint64_t climb = l & r & climbs_.words()[word];
  const std::uint64_t both = l & r & two;
  const std::uint64_t only_left = l & ~r & no_right_.words()[word] & two;
  const std::uint64_t only_right = r & ~l & no_left_.words()[word] & two;
  const std::uint64_t passing = (l | r) & pass_.words()[word];
  both_.words()[word] = l & r;
  const auto each = [&](std::uint64_t adders, const auto& f) {
    kernel::for_each_bit(word, adders, [&](std::size_t n) { f(static_cast<int>(n) - 1); });
  };
  const auto result = [&](int i, float value, int side) {
    const Route& route = routes_[static_cast<std::size_t>(i)];
    hand_over(i, route, value, route.owner[static_cast<std::size_t>(side)]);
  };
  if (climb != 0) add_pairs(word, climb);
  each(both & ~climb,
       [&](int i) { result(i, clusters_.combined(operands_.pop(queue(i, left)), operands_.pop(queue(i, right))), 0); });
  each(only_left, [&](int i) { result(i, operands_.pop(queue(i, left)), 0); });
  each(only_right, [&](int i) { result(i, operands_.pop(queue(i, right)), 1); });
  each(passing, [&](int i) { pass(i, counters); });
  of_two(counters) += std::popcount(both);
  counters.queue_pops += 2 * std::popcount(both) + std::popcount(only_left | only_right);
  return (both | only_left | only_right | passing) != 0;
}

// All of them at once. Their operands are gone before the sums come into the queues, which may be the same.
void AdderTree::add_pairs(std::size_t word, std::uint64_t adders) {
  std::array<float, 64> sums;
  const float* operands = operands_.fronts(2 * word);
  for (std::size_t i = 0; i < sums.size(); ++i) sums[i] = clusters_.combined(operands[2 * i], operands[2 * i + 1]);
  operands_.pop(2 * word, pairs_of_bits(adders));
  operands_.pop(2 * word + 1, pairs_of_bits(adders >> 32));
  operands_.push(word, adders, sums.data());
  handed_over_ += std::popcount(adders);
  pushed_ += std::popcount(adders);
}

bool AdderTree::add_three(std::size_t word, AdderCounters& counters) {
  const std::uint64_t from_neighbour = operands_.there(2 * static_cast<std::size_t>(room_) / 64 + word);
  const std::uint64_t three = both_.words()[word] & from_neighbour & add_3_.words()[word];
  kernel::for_each_bit(word, three, [&](std::size_t n) {
    const int i = static_cast<int>(n) - 1;
    const float sum = clusters_.combined(operands_.pop(queue(i, left)), operands_.pop(queue(i, right)));
    const Route& route = routes_[n - 1];
    hand_over(i, route, clusters_.combined(sum, operands_.pop(neighbour_queue(i))), route.owner[0]);
  });
  const Count sums = std::popcount(three);
  of_three(counters) += sums;
  counters.queue_pops += 3 * sums;
  return three != 0;
}

void AdderTree::hand_over(int adder, const Route& route, float value, int owner) {
  ++handed_over_;
  if (route.way == Way::output) {
    outputs_.push_back({adder, {value, owner}});
  } else if (route.way == Way::parent) {
    if (parents_come_first_) {
      operands_.push(route.to, value);
      ++pushed_;
    } else {
      to_parents_->push_back({route.to, value});
    }
  } else if (route.way == Way::neighbour) {
    to_neighbour(route.to, value);
  } else if (adder == 0) {  // the root and the adder above it work in the same cycle
    folds_[static_cast<std::size_t>(route.to)].waiting.push({value, owner});
    folding_now_.set(route.to);
  } else {
    to_folds_.emplace_back(route.to, Item{value, owner});
  }
}

void AdderTree::to_neighbour(int queue, float value) {
  if (switches_ == Switches::doubled) {
    operands_.push(queue, value);
    ++pushed_;
  } else {
    to_neighbours_->push_back({queue, value});
  }
}

// An adder that two virtual neurons pass: one goes up and the other aside, or both go up together.
void AdderTree::pass(int index, AdderCounters& counters) {
  const Route& route = routes_[static_cast<std::size_t>(index)];
  const bool aside = plan_.adders[static_cast<std::size_t>(index)].mode == AdderMode::add_1_pass_1;
  const Count before = handed_over_;
  for (const Side side : {left, right}) {
    const int from = queue(index, side);
    while (!operands_.empty(from)) {
      ++counters.queue_pops;
      const float value = operands_.pop(from);
      if (aside && (side == left) == is_even(index)) {
        ++counters.queue_pushes;
        ++counters.queue_pops;
        ++counters.wire_writes;
        to_neighbour(neighbour_queue(plan_.adders[static_cast<std::size_t>(index)].link), value);
      } else {
        hand_over(index, route, value, route.owner[side]);
      }
      if (aside) break;
    }
  }
  if (!aside && handed_over_ == before + 2 && route.way != Way::output) --counters.wire_writes;  // both cross together
}

bool AdderTree::fold(AdderCounters& counters) {
  bool worked = false;
  folding_now_.for_each([&](int index) {
    Fold& f = folds_[static_cast<std::size_t>(index)];
    const Item item = f.waiting.pop();
    if (f.waiting.empty()) folding_now_.clear(index);
    worked = true;
    if (f.folded > 0) ++of_two(counters);
    f.sum = f.folded == 0 ? item.value : clusters_.combined(f.sum, item.value);
    if (++f.folded < clusters_.folds) return;
    f.folded = 0;
    ++counters.queue_pushes;
    ++counters.queue_pops;
    outputs_.push_back({index, {f.sum, item.owner}});
  });
  return worked;
}

const std::vector<Stream>& AdderTree::flow(const std::vector<Stream>& products, AdderCounters& counters) {
  out_.resize(plan_.adders.size());
  for (const int exit : exits_) out_[static_cast<std::size_t>(exit)].clear();
  exits_.clear();
  Count steps = 0;
  for (int cluster = 0; cluster < clusters_.count; ++cluster) {
    const int exit = exit_of(cluster);
    Stream& out = out_[static_cast<std::size_t>(exit)];
    Stream made = last_of(products, clusters_.begin(cluster), clusters_.end(cluster),
                          [&](int i) { return delay(paths_[static_cast<std::size_t>(i)]); });
    steps = made.count();
    if (out.empty()) {
      exits_.push_back(exit);
      out = std::move(made);
    } else {
      out = merge(std::array<Stream, 2>{out, made});
    }
  }
  add_traffic(counters, step_cost_, steps);
  of_two(counters) += step_cost_.additions_2to1 * steps;
  of_three(counters) += step_cost_.additions_3to1 * steps;
  if (folding_) add_up_folds(steps, counters);
  return out_;
}

// From where the sums of steps leave to where their folds do.
void AdderTree::add_up_folds(Count steps, AdderCounters& counters) {
  for (int& exit : exits_) {
    const Stream made = std::exchange(out_[static_cast<std::size_t>(exit)], {});
    const int fold_at = last_adder(exit);
    Stream& folded = out_[static_cast<std::size_t>(fold_at)];
    folded = made.delayed(exit == 0 || plan_.singles ? 0 : 1).served(1).every(clusters_.folds);
    if (!plan_.singles) counters.wire_writes += distinct(made) - steps;  // two of the same cycle cross together
    of_two(counters) += made.count() - folded.count();
    counters.queue_pushes -= made.count() - folded.count();
    counters.queue_pops -= made.count() - folded.count();
    exit = fold_at;
  }
}

}  // namespace cairn::fabric
