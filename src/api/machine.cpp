#include "cairn/machine.h"

#include "api/files.h"
#include "arch/machine.h"
#include "fabric/part.h"
#include "report/json.h"
#include "util/diagnostics.h"

namespace cairn {
namespace {

Machine wrap(arch::Machine machine) { return Machine(std::make_shared<const arch::Machine>(std::move(machine))); }

}  // namespace

const std::string& Machine::name() const { return description_->name; }
const std::string& Machine::summary() const { return description_->summary; }
const std::string& Machine::follows() const { return description_->follows; }
std::string Machine::to_json() const { return report::text(report::machine(*description_)); }

Machine load_machine(const std::string& name_or_path, const Overrides& overrides) {
  if (name_or_path.ends_with(".toml"))
    return parse_machine(api::read_file(name_or_path, "the machine description"), name_or_path, overrides);
  return wrap(arch::load_preset(name_or_path, overrides, fabric::catalog()));
}

Machine parse_machine(const std::string& text, const std::string& source, const Overrides& overrides) {
  return wrap(arch::parse_machine(text, source, overrides, fabric::catalog()));
}

std::vector<Machine> presets() {
  std::vector<Machine> machines;
  for (const arch::Preset& preset : arch::presets()) machines.push_back(load_machine(std::string(preset.name)));
  return machines;
}

std::string catalog_json() { return report::text(report::catalog(fabric::catalog())); }

}  // namespace cairn
