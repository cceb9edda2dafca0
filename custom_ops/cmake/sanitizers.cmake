# Builds for sanitizers, with Clang. tests/sanitizers/run.sh uses them.
set(SOFTPOOL_SANITIZE "" CACHE STRING "Sanitizers to build with, as Clang names them: address,undefined or thread")
set(SOFTPOOL_OPTIMIZATION -O2)
set(SOFTPOOL_TEST_OPTIMIZATION -O1)
if(NOT SOFTPOOL_SANITIZE)
  return()
endif()
# Clang takes 7 seconds for a pooling without optimisation and minutes with any, because all of a window's mathematics
# is inlined. The sanitizers then watch every access that the source has, and not only those that an optimizer leaves.
set(SOFTPOOL_OPTIMIZATION -O0)
set(SOFTPOOL_TEST_OPTIMIZATION -O0)
add_compile_options(-fsanitize=${SOFTPOOL_SANITIZE} -fno-sanitize-recover=all -g1 -fno-omit-frame-pointer)
add_link_options(-fsanitize=${SOFTPOOL_SANITIZE})
if(SOFTPOOL_SANITIZE MATCHES "address")
  # The fuzzers use the same objects. The instrumentation that counts what they have reached does nothing in other
  # programs.
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()
# What `undefined` leaves out is defined behaviour, and wanted: a number divided by zero is infinite or NaN by IEEE 754,
# and unsigned numbers wrap in hashes and random draws. A float too large for a whole number is part of `undefined`.
