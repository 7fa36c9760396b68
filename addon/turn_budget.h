#pragma once

#include <chrono>
#include <cstdint>

#include "engine/operation.h"
#include "event_loop.h"

namespace overlapped {

// The work that the JavaScript thread may still do itself in this turn of the event loop (law 7).
class TurnBudget {
 public:
  // Begins a turn that is known to be a new one.
  void begin();
  // Begins a turn if the event loop has turned, or ends the budget if the turn takes too long.
  void update(EventLoop& loop);

  bool is_spent() const { return left_ <= 0; }
  void spend_on(const Operation& operation);

 private:
  using Clock = std::chrono::steady_clock;

  void begin_at(Clock::time_point time);

  int64_t left_ = 0;  // units of one operation
  uint64_t turn_ = 0;
  Clock::time_point start_{};
};

}  // namespace overlapped
