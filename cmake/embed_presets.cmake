# Writes presets/*.toml into one C++ file.
file(GLOB files ${PRESETS}/*.toml)
list(SORT files)
set(rows "")
foreach(file IN LISTS files)
  get_filename_component(name ${file} NAME_WE)
  file(READ ${file} text)
  string(APPEND rows "      {\"${name}\", R\"preset(${text})preset\"},\n")
endforeach()
file(
  WRITE ${OUTPUT}
  "// Generated from presets/.
#include \"arch/machine.h\"

namespace cairn::arch {

const std::vector<Preset>& presets() {
  static const std::vector<Preset> kPresets{
${rows}  };
  return kPresets;
}

}  // namespace cairn::arch
")
