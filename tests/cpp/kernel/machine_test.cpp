// The machine: what Machine::build refuses, in which order it ticks, how it stops, on toy components.
#include "kernel/machine.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace cairn::kernel {
namespace {

using Queue = Queues<int>;

// Takes an item from each input and sends one to each output, when all inputs hold one and all outputs have room.
// Without inputs it makes `supply` items; without outputs it collects them.
class Relay final : public Component {
 public:
  Relay(std::string name, std::vector<Queue*> in, std::vector<Queue*> out, int supply = 0)
      : name_(std::move(name)), in_(std::move(in)), out_(std::move(out)), supply_(supply) {}

  std::string name() const override { return name_; }
  Wiring wiring() const override { return {{in_.begin(), in_.end()}, {out_.begin(), out_.end()}}; }

  bool tick(Cycle now) override {
    ticked.push_back(now);
    if (in_.empty() && moved == supply_) return false;
    if (!std::ranges::all_of(in_, [&](Queue* q) { return q->can_pop(0, now); })) return false;
    if (!std::ranges::all_of(out_, [&](Queue* q) { return q->can_push(0, now); })) return false;
    for (Queue* q : in_) q->pop(0, now);
    for (Queue* q : out_) q->push(0, moved, now);
    ++moved;
    moved_at.push_back(now);
    return true;
  }

  bool has_flow() const override { return false; }
  void flow() override {}
  std::map<std::string, Count> counters() const override { return {{"moved", moved}}; }
  std::string waiting() const override { return in_.empty() ? "" : "an item from " + in_[0]->name(); }

  int moved = 0;
  std::vector<Cycle> moved_at;
  std::vector<Cycle> ticked;

 private:
  std::string name_;
  std::vector<Queue*> in_;
  std::vector<Queue*> out_;
  int supply_;
};

// Parts of a machine on their way to Machine::build.
struct Kit {
  std::vector<std::unique_ptr<Component>> components;
  std::vector<std::unique_ptr<Channel>> channels;

  Queue* queue(std::string name, Cycle latency, std::int64_t capacity = 0) {
    auto made = std::make_unique<Queue>(std::move(name), 1, latency, capacity);
    Queue* raw = made.get();
    channels.push_back(std::move(made));
    return raw;
  }
  Relay* relay(std::string name, std::vector<Queue*> in, std::vector<Queue*> out, int supply = 0) {
    auto made = std::make_unique<Relay>(std::move(name), std::move(in), std::move(out), supply);
    Relay* raw = made.get();
    components.push_back(std::move(made));
    return raw;
  }
  Machine build() { return Machine::build(std::move(components), std::move(channels)); }
  void expect_refused(const std::string& place, const std::string& words) {
    try {
      build();
      FAIL() << "built, though " << words;
    } catch (const Error& error) {
      EXPECT_EQ(error.diagnostics()[0].code, Code::internal_error);
      EXPECT_EQ(error.diagnostics()[0].place, place);
      EXPECT_NE(error.diagnostics()[0].message.find(words), std::string::npos) << error.what();
    }
  }
};

TEST(MachineBuild, refuses_a_channel_without_a_producer) {
  Kit kit;
  kit.relay("sink", {kit.queue("lonely", 1)}, {});
  kit.expect_refused("lonely", "no producer");
}

TEST(MachineBuild, refuses_a_channel_without_a_consumer) {
  Kit kit;
  kit.relay("source", {}, {kit.queue("lonely", 1)});
  kit.expect_refused("lonely", "no consumer");
}

TEST(MachineBuild, refuses_a_second_producer_and_names_it) {
  Kit kit;
  Queue* shared = kit.queue("shared", 1);
  kit.relay("first", {}, {shared});
  kit.relay("second", {}, {shared});
  kit.relay("sink", {shared}, {});
  kit.expect_refused("shared", "second producer, second");
}

TEST(MachineBuild, refuses_a_second_consumer_and_names_it) {
  Kit kit;
  Queue* shared = kit.queue("shared", 1);
  kit.relay("source", {}, {shared});
  kit.relay("sink", {shared}, {});
  kit.relay("thief", {shared}, {});
  kit.expect_refused("shared", "second consumer, thief");
}

TEST(MachineBuild, refuses_a_loop_of_channels_without_latency) {
  Kit kit;
  Queue* there = kit.queue("there", 0);
  Queue* back = kit.queue("back", 0);
  kit.relay("a", {back}, {there});
  kit.relay("b", {there}, {back});
  kit.expect_refused("kernel.machine", "loop");
}

TEST(MachineBuild, orders_producers_of_combinational_channels_first_and_keeps_the_given_order_otherwise) {
  Kit kit;
  Queue* wire = kit.queue("wire", 0);
  Queue* pipe = kit.queue("pipe", 1);
  kit.relay("consumer", {wire}, {});
  kit.relay("late consumer", {pipe}, {});
  kit.relay("producer", {}, {wire, pipe});
  const Machine machine = kit.build();
  std::vector<std::string> names;
  for (const Component* c : machine.components()) names.push_back(c->name());
  EXPECT_EQ(names, (std::vector<std::string>{"late consumer", "producer", "consumer"}));
}

// source -> a (latency 2) -> stage -> b (latency 3) -> sink
struct Pipeline {
  explicit Pipeline(std::optional<std::uint64_t> shuffle = std::nullopt, std::int64_t capacity = 0) {
    Kit kit;
    Queue* a = kit.queue("a", 2, capacity);
    Queue* b = kit.queue("b", 3, capacity);
    source = kit.relay("source", {}, {a}, 20);
    stage = kit.relay("stage", {a}, {b});
    sink = kit.relay("sink", {b}, {});
    if (shuffle) std::shuffle(kit.components.begin(), kit.components.end(), std::mt19937_64(*shuffle));
    machine = std::make_unique<Machine>(kit.build());
  }
  Cycle run() {
    return machine->run([this] { return sink->moved == 20; });
  }
  Relay* source;
  Relay* stage;
  Relay* sink;
  std::unique_ptr<Machine> machine;
};

TEST(MachineRun, takes_exactly_the_cycles_of_the_pipeline) {
  Pipeline pipeline;
  EXPECT_EQ(pipeline.run(), 1 + 2 + 3 + 19);
  EXPECT_EQ(pipeline.source->moved_at.front(), 1);
  EXPECT_EQ(pipeline.stage->moved_at.front(), 3);
  EXPECT_EQ(pipeline.sink->moved_at.front(), 6);
  EXPECT_EQ(pipeline.sink->moved_at.back(), 25);
}

TEST(MachineRun, is_the_same_in_fifty_orders_of_components) {
  for (const std::int64_t capacity : {0, 1, 2, 5}) {
    Pipeline usual(std::nullopt, capacity);
    const Cycle cycles = usual.run();
    for (std::uint64_t shuffle = 0; shuffle < 50; ++shuffle) {
      Pipeline shuffled(shuffle, capacity);
      ASSERT_EQ(shuffled.run(), cycles) << "capacity " << capacity << ", shuffle " << shuffle;
      ASSERT_EQ(shuffled.stage->moved_at, usual.stage->moved_at);
      ASSERT_EQ(shuffled.sink->moved_at, usual.sink->moved_at);
    }
  }
}

TEST(MachineRun, ticks_every_component_once_a_cycle_from_cycle_one_on) {
  Pipeline pipeline;
  pipeline.run();
  ASSERT_EQ(pipeline.stage->ticked.size(), 25U);
  EXPECT_EQ(pipeline.stage->ticked.front(), 1);
  EXPECT_EQ(pipeline.stage->ticked.back(), 25);
}

TEST(MachineRun, stops_at_once_when_it_is_done_before_the_first_cycle) {
  Pipeline pipeline;
  EXPECT_EQ(pipeline.machine->run([] { return true; }), 0);
}

TEST(MachineRun, stops_a_deadlock_and_says_who_waits_for_what) {
  Kit kit;
  Queue* left = kit.queue("left", 1);
  Queue* right = kit.queue("right", 2);
  Queue* pairs = kit.queue("pairs", 1);
  kit.relay("pairing", {right, left}, {pairs});
  kit.relay("sink", {pairs}, {});
  kit.relay("left source", {}, {left}, 3);
  kit.relay("right source", {}, {right}, 1);
  Machine machine = kit.build();
  try {
    machine.run([] { return false; });
    FAIL() << "a machine without right items came to an end";
  } catch (const Error& error) {
    const Diagnostic& d = error.diagnostics().at(0);
    EXPECT_EQ(d.code, Code::machine_stuck);
    EXPECT_EQ(info(d.code).name, "I002");
    for (const char* words : {"pairing waits for an item from right", "sink waits for an item from pairs",
                              "left holds 2 items", "since cycle 4"}) {
      EXPECT_NE(d.message.find(words), std::string::npos) << d.message;
    }
    EXPECT_NE(d.place.find("cycle "), std::string::npos);
  }
}

TEST(MachineRun, waits_out_the_longest_latency_before_it_calls_itself_stuck) {
  Kit kit;
  Queue* slow = kit.queue("slow", 1000);
  kit.relay("source", {}, {slow}, 1);
  Relay* sink = kit.relay("sink", {slow}, {});
  Machine machine = kit.build();
  EXPECT_EQ(machine.run([&] { return sink->moved == 1; }), 1001);
}

// Writes down what it is shown, and gives up after cycle `last`.
class Onlooker final : public Observer {
 public:
  explicit Onlooker(Cycle last) : last_(last) {}
  void begins(const Machine&, Cycle) override {}
  void round_begins(Cycle, std::span<const Fact>) override {}
  void clocked(const Machine& machine) override {
    std::string& line = seen.emplace_back();
    for (std::size_t i = 0; i < machine.components().size(); ++i) line += machine.worked(i) ? '1' : '0';
    for (const auto& channel : machine.channels()) line += " " + std::to_string(channel->in_flight());
    if (machine.now() == last_) throw std::string("enough");
  }
  std::vector<std::string> seen;

 private:
  Cycle last_;
};

TEST(MachineRun, shows_an_observer_every_cycle_when_all_have_ticked) {
  Kit kit;
  Queue* pipe = kit.queue("pipe", 2);
  kit.relay("source", {}, {pipe}, 2);
  Relay* sink = kit.relay("sink", {pipe}, {});
  Machine machine = kit.build();
  Onlooker onlooker(100);
  EXPECT_EQ(machine.run([&] { return sink->moved == 2; }, &onlooker), 4);
  EXPECT_EQ(onlooker.seen, (std::vector<std::string>{"10 1", "10 2", "01 1", "01 0"}));
}

TEST(MachineRun, ends_when_an_observer_has_seen_enough) {
  Pipeline pipeline;
  Onlooker onlooker(3);
  EXPECT_THROW(pipeline.machine->run([] { return false; }, &onlooker), std::string);
  EXPECT_EQ(pipeline.machine->now(), 3);
  EXPECT_EQ(onlooker.seen.size(), 3U);
}

}  // namespace
}  // namespace cairn::kernel
