# Writes presets/*.toml into one C++ file.
file(GLOB files RELATIVE ${PRESETS} ${PRESETS}/*.toml)
list(TRANSFORM files REPLACE "\\.toml$" "")
list(SORT files) # by name: "." would come after "-"
set(rows "")
foreach(name IN LISTS files)
  file(READ ${PRESETS}/${name}.toml text)
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
