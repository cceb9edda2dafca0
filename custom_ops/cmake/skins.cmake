# A folder for each TensorFlow to build for, with the libraries that TensorFlow and XLA load.
include(${CMAKE_CURRENT_LIST_DIR}/tensorflow_ops.cmake)
include(${CMAKE_CURRENT_LIST_DIR}/xla.cmake)

# The targets that build the libraries for all TensorFlows.
add_custom_target(tf_softpool_ops)
add_custom_target(tf_softpool_xla)

# Sets `variable` to the list of strings in one member of a JSON object.
function(json_list variable object member)
  string(JSON count LENGTH "${object}" ${member})
  set(list)
  math(EXPR last "${count} - 1")
  if(count GREATER 0)
    foreach(i RANGE ${last})
      string(JSON item GET "${object}" ${member} ${i})
      list(APPEND list "${item}")
    endforeach()
  endif()
  set(${variable} "${list}" PARENT_SCOPE)
endfunction()

# Sets `variable` to what follows a flag such as "-I" in a list of flags.
function(flagged variable flags flag)
  list(FILTER flags INCLUDE REGEX "^${flag}")
  list(TRANSFORM flags REPLACE "^${flag}" "")
  set(${variable} "${flags}" PARENT_SCOPE)
endfunction()

# What the two libraries of one skin have in common. TensorFlow's headers count as system headers, so that they raise no
# warnings.
function(skin_library target name folder compile_flags link_flags)
  flagged(folders "${link_flags}" -L)
  set(libraries ${link_flags})
  list(FILTER libraries EXCLUDE REGEX "^-L")
  # Libraries are named by their paths: Zig's linker does not know "-l:", and names of folders may contain spaces.
  list(TRANSFORM libraries REPLACE "^-l:" "")
  foreach(library ${libraries})
    unset(found CACHE)
    find_library(found ${library} PATHS ${folders} NO_DEFAULT_PATH REQUIRED)
    target_link_libraries(${target} PRIVATE softpool_kernels ${found})
  endforeach()
  link_for_older_systems(${target})
  list(TRANSFORM compile_flags REPLACE "^-I" "-isystem")
  target_compile_options(${target} PRIVATE -O2 ${SOFTPOOL_WARNINGS} ${compile_flags})
  if(NOT SOFTPOOL_CUDA_MISSING)
    target_compile_definitions(${target} PRIVATE SOFTPOOL_CUDA=1)
  endif()
  target_link_options(${target} PRIVATE "LINKER:--version-script,${CMAKE_CURRENT_FUNCTION_LIST_DIR}/exports.map")
  # The library finds the kernels in the folder above, and TensorFlow where pip puts the two packages side by side.
  set_target_properties(${target} PROPERTIES
    OUTPUT_NAME ${name}
    LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/${folder}
    BUILD_WITH_INSTALL_RPATH ON
    INSTALL_RPATH "$ORIGIN:$ORIGIN/..:$ORIGIN/../../../tensorflow")
  add_dependencies(${name} ${target})
  if(SOFTPOOL_OUTPUT_DIRECTORY)
    set(place ${SOFTPOOL_OUTPUT_DIRECTORY}/${folder})
    add_custom_command(TARGET ${target} POST_BUILD
      COMMAND ${CMAKE_COMMAND} -E make_directory ${place}
      COMMAND ${CMAKE_COMMAND} -E copy
        $<TARGET_FILE:${target}> ${CMAKE_BINARY_DIR}/${folder}/build.json ${place})
  endif()
endfunction()

string(JSON skins LENGTH "${SOFTPOOL_TENSORFLOWS}")
if(skins GREATER 0)
  math(EXPR last "${skins} - 1")
  foreach(i RANGE ${last})
    string(JSON skin GET "${SOFTPOOL_TENSORFLOWS}" ${i})
    string(JSON folder GET "${skin}" folder)
    string(JSON version GET "${skin}" version)
    json_list(compile_flags "${skin}" compile_flags)
    json_list(link_flags "${skin}" link_flags)
    add_ops_library(${folder} "${compile_flags}" "${link_flags}")
    add_xla_library(${folder} ${version} "${compile_flags}" "${link_flags}" xla_missing)
    # What Python reads about the TensorFlow that a folder is for.
    file(WRITE ${CMAKE_BINARY_DIR}/${folder}/build.json "{
  \"tensorflow\": \"${version}\",
  \"xla_missing\": \"${xla_missing}\"
}
")
  endforeach()
endif()
