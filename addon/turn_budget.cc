#include "turn_budget.h"

namespace overlapped {

namespace {

// In units of one operation, or of copying a number of bytes: about half a millisecond of cached
// reads.
constexpr int64_t kUnitsMax = 512;
constexpr size_t kBytesPerUnit = 8 * 1024;
// The longest turn, including the program's work between its operations.
constexpr uint64_t kTurnNanosecondsMax = 1'000'000;

}  // namespace

void TurnBudget::begin() { begin_at(uv::high_resolution_time()); }

// The event loop does not report its turns, but it updates its time in each.
void TurnBudget::update() {
  const uint64_t loop_time = uv::now(loop_);
  const uint64_t time = uv::high_resolution_time();
  if (loop_time != loop_time_) {
    loop_time_ = loop_time;
    begin_at(time);
  } else if (time - start_ > kTurnNanosecondsMax) {
    left_ = 0;
  }
}

void TurnBudget::begin_at(uint64_t time) {
  start_ = time;
  left_ = kUnitsMax;
}

void TurnBudget::spend_on(const Operation& operation) {
  left_ -= 1;
  if (operation.is_transfer()) left_ -= static_cast<int64_t>(operation.length / kBytesPerUnit);
}

}  // namespace overlapped
