# Writes FOLDER/*.toml into one C++ file: the rows of FUNCTION, a list of TYPE {name, text}, in the namespace cairn::LAYER.
file(GLOB files RELATIVE ${FOLDER} ${FOLDER}/*.toml)
list(TRANSFORM files REPLACE "\\.toml$" "")
list(SORT files) # by name: "." would come after "-"
set(rows "")
foreach(name IN LISTS files)
  file(READ ${FOLDER}/${name}.toml text)
  string(APPEND rows "      {\"${name}\", R\"toml(${text})toml\"},\n")
endforeach()
get_filename_component(folder ${FOLDER} NAME)
file(
  WRITE ${OUTPUT}
  "// Generated from ${folder}/.
#include \"${HEADER}\"

namespace cairn::${LAYER} {

const std::vector<${TYPE}>& ${FUNCTION}() {
  static const std::vector<${TYPE}> kTexts{
${rows}  };
  return kTexts;
}

}  // namespace cairn::${LAYER}
")
