# Builds for sanitizers, with Clang. tests/sanitizers/run.sh uses them.
set(SOFTPOOL_SANITIZE "" CACHE STRING "Sanitizers to build with, as Clang names them: address,undefined or thread")
set(SOFTPOOL_OPTIMIZATION -O2)
set(SOFTPOOL_TEST_OPTIMIZATION -O1)
if(NOT SOFTPOOL_SANITIZE)
  return()
endif()
# With any optimisation Clang takes minutes for a pooling, because all of a window's mathematics is inlined. Without it,
# the sanitizers watch every access that the source has, and not only those that an optimizer leaves.
set(SOFTPOOL_OPTIMIZATION -O0)
set(SOFTPOOL_TEST_OPTIMIZATION -O0)
add_compile_options(-fsanitize=${SOFTPOOL_SANITIZE} -fno-sanitize-recover=all -g1 -fno-omit-frame-pointer)
add_link_options(-fsanitize=${SOFTPOOL_SANITIZE})
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  # If AVX2 is what every processor has, it is Highway's only target. A second target doubles what is compiled and run,
  # and reads and writes through the same code.
  add_compile_options(-march=haswell -maes)
endif()
if(SOFTPOOL_SANITIZE MATCHES "address")
  # These two checks are a third of a pooling's code. AddressSanitizer reports null pointers too, and unaligned vectors
  # are loaded as such.
  list(APPEND SOFTPOOL_OPTIMIZATION -fno-sanitize=null,alignment)
  # Accesses are checked in functions that are called, which halves the code.
  add_compile_options("SHELL:-mllvm -asan-instrumentation-with-call-threshold=0")
  # The fuzzers use the same objects. The instrumentation that counts what they have reached does nothing in other
  # programs.
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()
# What `undefined` leaves out is defined behaviour, and wanted: a number divided by zero is infinite or NaN by IEEE 754,
# and unsigned numbers wrap in hashes and random draws. A float too large for a whole number is part of `undefined`.
