# One place for warnings: every target of ours links cairn_warnings, no dependency does.
add_library(cairn_warnings INTERFACE)
target_compile_options(
  cairn_warnings INTERFACE -Wall -Wextra -Wshadow -Wconversion -Wpedantic -Wnon-virtual-dtor -Wold-style-cast -Werror)
# g++ 12 sees overlaps in std::string operations that are not there (GCC bug 105651).
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  target_compile_options(cairn_warnings INTERFACE -Wno-restrict)
endif()
