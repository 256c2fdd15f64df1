// Both forms of the chain on random products and random arrays: equal cycles, counters and activity, and right values.
//   test_chain libchain.so chain-16x16.toml
#include <cairn/error.h>
#include <cairn/machine.h>
#include <cairn/plugin.h>
#include <cairn/session.h>

#include <cmath>
#include <iostream>
#include <random>
#include <string>
#include <vector>

namespace {

std::mt19937_64 draw(1);  // NOLINT(cert-msc51-cpp): the same cases each time
std::int64_t between(std::int64_t low, std::int64_t high) {
  return std::uniform_int_distribution<std::int64_t>(low, high)(draw);
}

struct Case {
  cairn::Gemm::Sizes sizes{.m = between(1, 40), .n = between(1, 40), .k = between(1, 20)};
  cairn::Overrides settings{
      {"multiplier.rows", std::to_string(between(1, 9))},   {"multiplier.columns", std::to_string(between(1, 9))},
      {"reduction.latency", std::to_string(between(0, 3))}, {"writeback.drain", between(0, 1) == 0 ? "half" : "all"},
      {"collection.beats", std::to_string(between(1, 4))},  {"collection.latency", std::to_string(between(0, 3))}};
};

std::vector<float> random_values(std::int64_t count) {
  std::vector<float> values(static_cast<std::size_t>(count));
  for (float& value : values) value = static_cast<float>(between(-8, 8));
  return values;
}

// What a run gives: the result as text, and the output.
std::pair<std::string, std::vector<float>> run(const Case& drawn, const std::string& file, const std::string& type,
                                               cairn::Evaluator evaluator, const std::vector<float>& a,
                                               const std::vector<float>& b) {
  const auto& [m, n, k, batch] = drawn.sizes;
  cairn::Overrides settings = drawn.settings;
  settings.emplace_back("collection.type", type);
  cairn::Session session(cairn::load_machine(file, settings), evaluator);
  std::vector<float> c(static_cast<std::size_t>(m * n));
  cairn::LayerResult layer =
      session.run("product", cairn::Gemm(drawn.sizes), {{a.data(), 0, k, 1}, {b.data(), 0, n, 1}, c.data()});
  layer.evaluated_rounds = 0;  // how it was evaluated may differ
  layer.evaluator = "";
  return {to_json(layer), c};
}

bool right(const cairn::Gemm::Sizes& s, const std::vector<float>& a, const std::vector<float>& b,
           const std::vector<float>& c) {
  for (std::int64_t i = 0; i < s.m * s.n; ++i) {
    float sum = 0;
    for (std::int64_t j = 0; j < s.k; ++j)
      sum += a[static_cast<std::size_t>(i / s.n * s.k + j)] * b[static_cast<std::size_t>(j * s.n + i % s.n)];
    if (sum != c[static_cast<std::size_t>(i)]) return false;  // sums of small integers are exact
  }
  return true;
}

// [check]
bool check(const std::string& file) {
  const Case drawn;
  const std::vector<float> a = random_values(drawn.sizes.m * drawn.sizes.k);
  const std::vector<float> b = random_values(drawn.sizes.k * drawn.sizes.n);
  const auto stepped = run(drawn, file, "chain", cairn::Evaluator::step, a, b);
  const auto flowed = run(drawn, file, "chain", cairn::Evaluator::flow, a, b);
  const auto without = run(drawn, file, "chain-stepped", cairn::Evaluator::flow, a, b);
  const bool equal = stepped == flowed && stepped == without && right(drawn.sizes, a, b, stepped.second);
  if (!equal) std::cerr << "step " << stepped.first << "\nflow " << flowed.first << '\n';
  return equal;
}
// [check]

}  // namespace

int main(int, char** arguments) {
  constexpr int kCases = 200;
  try {
    cairn::load_plugin(arguments[1]);
    for (int i = 0; i < kCases; ++i) {
      if (!check(arguments[2])) return 1;
    }
  } catch (const cairn::Error& error) {
    std::cerr << error.what() << '\n';
    return 1;
  }
  std::cout << kCases << " random products: both forms of the chain agree\n";
  return 0;
}
