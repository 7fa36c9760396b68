#include "turn_budget.h"

namespace overlapped {

namespace {

// In units of one operation, or of copying a number of bytes: about half a millisecond of cached
// reads.
constexpr int64_t kUnitsMax = 512;
constexpr size_t kBytesPerUnit = 8 * 1024;
// The longest turn, including the program's work between its operations.
constexpr std::chrono::milliseconds kTurnTimeMax{1};

}  // namespace

void TurnBudget::begin() { begin_at(Clock::now()); }

void TurnBudget::update(EventLoop& loop) {
  const uint64_t turn = loop.turn();
  const Clock::time_point time = Clock::now();
  if (turn != turn_) {
    turn_ = turn;
    begin_at(time);
  } else if (time - start_ > kTurnTimeMax) {
    left_ = 0;
  }
}

void TurnBudget::begin_at(Clock::time_point time) {
  start_ = time;
  left_ = kUnitsMax;
}

void TurnBudget::spend_on(const Operation& operation) {
  left_ -= 1;
  if (operation.is_transfer()) left_ -= static_cast<int64_t>(operation.length / kBytesPerUnit);
}

}  // namespace overlapped
