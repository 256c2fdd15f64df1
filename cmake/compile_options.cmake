# One place for compiler flags: every target of ours links cairn_options, no dependency does.
add_library(cairn_options INTERFACE)
target_compile_options(
  cairn_options INTERFACE -Wall -Wextra -Wshadow -Wconversion -Wpedantic -Wnon-virtual-dtor -Wold-style-cast -Werror)
# g++ 12 sees overlaps in std::string operations and uninitialised members of aggregates that are not there (GCC bugs 105651,
# 105562).
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  target_compile_options(cairn_options INTERFACE -Wno-restrict -Wno-maybe-uninitialized)
endif()

# Sums must round the same way everywhere: no fused multiply-add unless the source says so. x86-64-v2 (2009) has the bit counts
# that lane sets live on.
target_compile_options(cairn_options INTERFACE -ffp-contract=off)
if(CMAKE_SYSTEM_PROCESSOR STREQUAL "x86_64")
  target_compile_options(cairn_options INTERFACE -march=x86-64-v2)
endif()

# What the library exports is its own: a call from one of its files to another is not meant to be replaced from outside.
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  target_compile_options(cairn_options INTERFACE -fno-semantic-interposition)
endif()
