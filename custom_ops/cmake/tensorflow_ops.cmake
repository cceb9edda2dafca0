# The library that TensorFlow loads. It carries its own Highway where that is a shared library, and
# finds TensorFlow where pip puts the two packages side by side.
file(GLOB op_sources CONFIGURE_DEPENDS tensorflow/*.cc)
add_library(tf_softpool_ops SHARED ${op_sources})
target_link_libraries(tf_softpool_ops PRIVATE softpool_kernels ${TENSORFLOW_LINK_FLAGS})
# As system headers, TensorFlow's do not warn.
string(REPLACE "-I" "-isystem" flags "${TENSORFLOW_COMPILE_FLAGS}")
target_compile_options(tf_softpool_ops PRIVATE -O2 -Wall -Wextra ${flags})
set_target_properties(tf_softpool_ops PROPERTIES
  BUILD_RPATH "$ORIGIN:$ORIGIN/../../tensorflow"
  BUILD_RPATH_USE_ORIGIN ON
  BUILD_WITH_INSTALL_RPATH ON
  INSTALL_RPATH "$ORIGIN:$ORIGIN/../../tensorflow")

file(WRITE ${CMAKE_CURRENT_BINARY_DIR}/build.json "{
  \"version\": \"${SOFTPOOL_VERSION}\",
  \"tensorflow\": \"${TENSORFLOW_VERSION}\",
  \"highway\": \"${SOFTPOOL_HIGHWAY_VERSION}\",
  \"compiler\": \"${CMAKE_CXX_COMPILER_ID} ${CMAKE_CXX_COMPILER_VERSION}\"
}
")

if(SOFTPOOL_OUTPUT_DIRECTORY)
  set(files $<TARGET_FILE:tf_softpool_ops> ${CMAKE_CURRENT_BINARY_DIR}/build.json)
  get_target_property(highway_type hwy::hwy TYPE)
  if(highway_type STREQUAL "SHARED_LIBRARY" OR highway_type STREQUAL "UNKNOWN_LIBRARY")
    set(highway_soname $<TARGET_SONAME_FILE:hwy::hwy>)
  endif()
  add_custom_command(TARGET tf_softpool_ops POST_BUILD
    COMMAND ${CMAKE_COMMAND} -E make_directory ${SOFTPOOL_OUTPUT_DIRECTORY}
    COMMAND ${CMAKE_COMMAND} -E copy ${files} ${highway_soname} ${SOFTPOOL_OUTPUT_DIRECTORY})
endif()
