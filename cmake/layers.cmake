# cairn_layer(NAME [EXPORTED] SOURCES ... SEES ...): one target for each folder of src/. A layer's include path is a folder of
# links that holds only the layers it may see, so an include that breaks the layering does not compile. The public headers
# (include/) are seen by all. EXPORTED: its headers, or public ones that it implements, ship with the library, so that others
# may call it.
set_property(GLOBAL PROPERTY CAIRN_LAYERS "")

function(cairn_layer name)
  cmake_parse_arguments(ARG "EXPORTED" "" "SOURCES;SEES;LINKS" ${ARGN})
  set(view ${PROJECT_BINARY_DIR}/views/${name})
  file(REMOVE_RECURSE ${view})
  file(MAKE_DIRECTORY ${view})
  foreach(seen IN LISTS ARG_SEES ITEMS ${name})
    file(CREATE_LINK ${PROJECT_SOURCE_DIR}/src/${seen} ${view}/${seen} SYMBOLIC)
  endforeach()
  add_library(cairn_${name} STATIC ${ARG_SOURCES})
  target_include_directories(cairn_${name} PRIVATE ${view} ${PROJECT_SOURCE_DIR}/include)
  target_link_libraries(cairn_${name} PRIVATE cairn_options PUBLIC fmt::fmt ${ARG_LINKS})
  foreach(seen IN LISTS ARG_SEES)
    target_link_libraries(cairn_${name} PUBLIC cairn_${seen})
  endforeach()
  if(ARG_EXPORTED)
    set_target_properties(cairn_${name} PROPERTIES CXX_VISIBILITY_PRESET default)
  endif()
  set_property(GLOBAL APPEND PROPERTY CAIRN_LAYERS cairn_${name})
endfunction()
