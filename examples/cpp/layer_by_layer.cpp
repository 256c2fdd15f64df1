// A program that drives one accelerator layer by layer: two layers of a network, with the values of the first as the
// inputs of the second, as a framework would offload them.
//   layer_by_layer [MACHINE]
#include <cairn/error.h>
#include <cairn/machine.h>
#include <cairn/session.h>

#include <algorithm>
#include <cmath>
#include <iostream>
#include <string>
#include <vector>

namespace {

// Something to compute with: the same values each time.
std::vector<float> values(std::int64_t count, float step) {
  std::vector<float> made(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < made.size(); ++i) made[i] = std::sin(step * static_cast<float>(i));
  return made;
}

void show(const cairn::LayerResult& layer) {
  std::cout << layer.name << ": " << layer.cycles << " cycles, " << layer.buffer_reads << " words read, "
            << layer.buffer_writes << " written\n";
}

void drive(const std::string& machine) {
  cairn::Session accelerator(cairn::load_machine(machine));

  // A convolution of an 8-channel image of 14 x 14 with 16 filters of 3 x 3.
  const cairn::Conv conv({.channels = 8, .filters = 16, .input = {14, 14}, .kernel = {3, 3}});
  const std::vector<float> image = values(8 * 14 * 14, 0.1F);
  const std::vector<float> filters = values(16 * 8 * 3 * 3, 0.2F);
  std::vector<float> features(16 * 12 * 12);
  show(accelerator.run("features", conv, {image.data(), filters.data(), features.data()}));

  for (float& each : features) each = std::max(each, 0.0F);  // what the host computes in between

  // A fully connected layer of 10 outputs: 1 x 2304 times 2304 x 10.
  const std::int64_t inputs = std::ssize(features);
  const cairn::Gemm gemm({.m = 1, .n = 10, .k = inputs});
  const std::vector<float> weights = values(inputs * 10, 0.3F);
  std::vector<float> scores(10);
  show(accelerator.run("scores", gemm, {{features.data(), 0, inputs, 1}, {weights.data(), 0, 10, 1}, scores.data()}));

  std::int64_t cycles = 0;
  for (const cairn::LayerResult& layer : accelerator.layers()) cycles += layer.cycles;
  std::cout << accelerator.machine().name() << ": " << cycles << " cycles, the largest score is number "
            << std::ranges::max_element(scores) - scores.begin() << '\n';
}

}  // namespace

int main(int count, char** arguments) {
  try {
    drive(count > 1 ? arguments[1] : "tpu-16x16");
    return 0;
  } catch (const cairn::Error& error) {  // what is wrong, where, and what to do about it
    std::cerr << error.what() << '\n';
    return 1;
  }
}
