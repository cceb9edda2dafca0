// What this machine's headers take from a newer C or C++ library than a wheel may need.
#include <bits/functexcept.h>

#include <new>
#include <sstream>

// The names are those of the libraries.
// NOLINTBEGIN(bugprone-reserved-identifier, bugprone-std-namespace-modification)

// Whether the process has one thread only. The C library knows it from version 2.32 on. An older
// one leaves it at zero, and counters of references then always count with atomic instructions.
extern "C" char __libc_single_threaded;
char __libc_single_threaded = 0;

// std::stringstream() of libstdc++ 9, by the name that the compiler gives it.
extern "C" void _ZNSt7__cxx1118basic_stringstreamIcSt11char_traitsIcESaIcEEC1Ev(void* stream) {
  new (stream) std::stringstream(std::ios_base::in | std::ios_base::out);
}

namespace std {
// Of libstdc++ 11.
void __throw_bad_array_new_length() { throw bad_array_new_length(); }
}  // namespace std

// NOLINTEND(bugprone-reserved-identifier, bugprone-std-namespace-modification)
