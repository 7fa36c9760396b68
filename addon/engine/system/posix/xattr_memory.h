#pragma once

#include <sys/types.h>

#include <cerrno>
#include <cstddef>
#include <vector>

#include "result.h"
#include "system_call.h"

namespace overlapped {

// Fills memory with a call that reports the size if it gets no memory, and fails with ERANGE if the
// data has grown since (listxattr(2)).
template <typename Call>
Result read_grown(std::vector<char>& memory, Call call) {
  for (;;) {
    const ssize_t size = call(nullptr, 0);
    if (size < 0) return last_error();
    memory.resize(static_cast<size_t>(size));
    if (size == 0) return Result::success(0);
    const ssize_t filled = call(memory.data(), memory.size());
    if (filled >= 0) {
      memory.resize(static_cast<size_t>(filled));
      return Result::success(filled);
    }
    if (errno != ERANGE) return last_error();
  }
}

}  // namespace overlapped
