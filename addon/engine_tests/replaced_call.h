#pragma once

namespace overlapped::testing {

// Replaces a function of the system during a test.
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

}  // namespace overlapped::testing
