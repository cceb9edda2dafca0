# The warnings that our own C++ compiles without, with GCC and with Clang. Headers of other projects count as system
# headers, which raise none.
option(SOFTPOOL_WARNINGS_AS_ERRORS
  "Treat the compiler's warnings as errors: for a checkout, where the compiler is a known one" OFF)
set(SOFTPOOL_WARNINGS -Wall -Wextra)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # This warning is raised without cause for vectors of lanes that a loop fills. Clang does not know it.
  list(APPEND SOFTPOOL_WARNINGS -Wno-maybe-uninitialized)
else()
  # `make sanitize` compiles everything but the skins with Clang.
  list(APPEND SOFTPOOL_WARNINGS -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual -Wcast-qual -Wformat=2 -Wundef -Wvla)
endif()
if(SOFTPOOL_WARNINGS_AS_ERRORS)
  list(APPEND SOFTPOOL_WARNINGS -Werror)
endif()
