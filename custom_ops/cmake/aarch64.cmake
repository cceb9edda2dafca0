# A toolchain file: compiles the kernels and their tests for 64-bit ARM on another machine, with Debian's cross
# compiler, and runs the tests in QEMU. `make test-neon` uses it.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)
set(CMAKE_CROSSCOMPILING_EMULATOR qemu-aarch64 -L /usr/aarch64-linux-gnu)

# SOFTPOOL_ARM_PACKAGES is a folder with Highway and GoogleTest for ARM. CMake must not find those of this machine.
list(APPEND CMAKE_TRY_COMPILE_PLATFORM_VARIABLES SOFTPOOL_ARM_PACKAGES)
set(CMAKE_FIND_ROOT_PATH ${SOFTPOOL_ARM_PACKAGES} /usr/aarch64-linux-gnu)
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
set(CMAKE_LIBRARY_ARCHITECTURE aarch64-linux-gnu)
