# Links libraries that load on older systems than the one that they are built on.
#
# A library needs a C library at least as new as the newest version of a symbol that it takes. A usual linker takes the
# newest version that this machine has. Zig's linker brings the symbols of every C library, and takes those of the one
# that it is asked for. The compiler stays the same.
set(SOFTPOOL_LINKER "" CACHE STRING "The command of a linker for older systems, such as \"python;-m;ziglang;cc\"")
set(SOFTPOOL_OLDEST_GLIBC 2.17 CACHE STRING "The oldest C library on which the linked libraries load")
# What objects take from a newer C or C++ library than that.
add_library(softpool_newer_symbols OBJECT EXCLUDE_FROM_ALL cmake/newer_symbols.cc)
target_compile_options(softpool_newer_symbols PRIVATE ${SOFTPOOL_WARNINGS})

function(link_for_older_systems target)
  if(SOFTPOOL_LINKER)
    target_link_libraries(${target} PRIVATE softpool_newer_symbols)
  endif()
endfunction()

if(NOT SOFTPOOL_LINKER)
  return()
endif()
list(JOIN SOFTPOOL_LINKER " " linker)
# The compiler's own libraries, because Zig would bring others.
foreach(name libstdc++.so libgcc_s.so.1)
  execute_process(COMMAND ${CMAKE_CXX_COMPILER} -print-file-name=${name} OUTPUT_VARIABLE library
    OUTPUT_STRIP_TRAILING_WHITESPACE)
  file(REAL_PATH ${library} library)
  string(APPEND libraries " ${library}")
endforeach()
set(CMAKE_CXX_CREATE_SHARED_LIBRARY "${linker} \
-target ${CMAKE_SYSTEM_PROCESSOR}-linux-gnu.${SOFTPOOL_OLDEST_GLIBC} -shared -s <LINK_FLAGS> \
<SONAME_FLAG><TARGET_SONAME> -o <TARGET> <OBJECTS> \
<LINK_LIBRARIES>${libraries}")
