# The library that everyone links: the Python extension, programs, and plug-ins. It is shared, so that all of a process have one
# registry of parts. It exports what is in the namespace cairn and in an EXPORTED layer.
get_property(layers GLOBAL PROPERTY CAIRN_LAYERS)
set(objects ${layers})
list(TRANSFORM objects REPLACE "(.+)" "$<TARGET_OBJECTS:\\1>")
add_library(cairn SHARED ${objects})
target_link_libraries(cairn PRIVATE fmt::fmt tomlplusplus::tomlplusplus ${DNNL_LIBRARY} ${CMAKE_DL_LIBS})
target_link_options(
  cairn PRIVATE -Wl,-Bsymbolic $<$<CXX_COMPILER_ID:GNU>:-Wl,--no-undefined> -Wl,--version-script=${PROJECT_SOURCE_DIR}/cmake/exports.map)
set_target_properties(cairn PROPERTIES LINKER_LANGUAGE CXX LINK_DEPENDS ${PROJECT_SOURCE_DIR}/cmake/exports.map)
target_include_directories(cairn INTERFACE $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include> $<INSTALL_INTERFACE:include>)
target_compile_features(cairn INTERFACE cxx_std_20)

# For a component outside of the tree: the headers of the layers that a part may see, under the names that they have inside.
add_library(cairn_parts INTERFACE)
set_target_properties(cairn_parts PROPERTIES EXPORT_NAME parts)
target_include_directories(cairn_parts INTERFACE $<INSTALL_INTERFACE:include/cairn/parts>)
target_link_libraries(cairn_parts INTERFACE cairn)
# Sums must round in a plug-in as they do in the library.
target_compile_options(cairn_parts INTERFACE -ffp-contract=off)
target_compile_definitions(cairn_parts INTERFACE CAIRN_INTERFACE="${CAIRN_INTERFACE}")

set(package ${PROJECT_BINARY_DIR}/generated/cmake)
include(CMakePackageConfigHelpers)
write_basic_package_version_file(${package}/cairnConfigVersion.cmake COMPATIBILITY ExactVersion)
install(TARGETS cairn cairn_parts EXPORT cairn LIBRARY DESTINATION lib COMPONENT sdk)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/cairn DESTINATION include COMPONENT sdk)
foreach(layer IN ITEMS fabric kernel stats schema util)
  install(
    DIRECTORY ${PROJECT_SOURCE_DIR}/src/${layer}
    DESTINATION include/cairn/parts
    COMPONENT sdk
    FILES_MATCHING
    PATTERN *.h
    PATTERN toml_text.h EXCLUDE)
endforeach()
install(EXPORT cairn NAMESPACE cairn:: FILE cairnConfig.cmake DESTINATION lib/cmake/cairn COMPONENT sdk)
install(FILES ${package}/cairnConfigVersion.cmake DESTINATION lib/cmake/cairn COMPONENT sdk)
