#pragma once

#include "system/windows/native_calls.h"

// Doubles of the functions that NativeCalls lists, for systems and devices that Wine cannot show.
namespace overlapped::testing {

// Replaces a function during a test.
template <typename Call>
class Replaced {
 public:
  Replaced(Call& call, Call by) : call_(call), original_(call) { call = by; }
  ~Replaced() { call_ = original_; }
  Replaced(const Replaced&) = delete;
  Replaced& operator=(const Replaced&) = delete;

 private:
  Call& call_;
  const Call original_;
};

// The functions of the system, which doubles call. A test sets them before it replaces any.
inline NativeCalls original_calls;

}  // namespace overlapped::testing
