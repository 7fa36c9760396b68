#pragma once

// CHECK_INVARIANT(condition) states what always holds inside the engines. A build for debugging and
// the engine tests check it: if it does not hold, they print its place and end the process. A
// release build does not evaluate it.
#if defined(OVERLAPPED_CHECK_INVARIANTS) || !defined(NDEBUG)

#include <cstdio>
#include <cstdlib>

namespace overlapped {

[[noreturn]] inline void fail_invariant(const char* file, int line, const char* text) {
  std::fprintf(stderr, "%s:%d: invariant does not hold: %s\n", file, line, text);
  std::abort();
}

}  // namespace overlapped

#define CHECK_INVARIANT(condition)     \
  ((condition) ? static_cast<void>(0)  \
               : ::overlapped::fail_invariant(__FILE__, __LINE__, #condition))

#else

#define CHECK_INVARIANT(condition) static_cast<void>(sizeof((condition) ? 1 : 0))

#endif
