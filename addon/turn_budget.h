#pragma once

#include <cstdint>

#include "engine/operation.h"
#include "libuv.h"

namespace overlapped {

// The work that the JavaScript thread may still do itself in this turn of the event loop (law 7).
class TurnBudget {
 public:
  explicit TurnBudget(const uv::Loop* loop) : loop_(loop) {}

  // Begins a turn that is known to be a new one.
  void begin();
  // Begins a turn if the event loop has turned, or ends the budget if the turn takes too long.
  void update();

  bool is_spent() const { return left_ <= 0; }
  void spend_on(const Operation& operation);

 private:
  void begin_at(uint64_t time);

  const uv::Loop* const loop_;
  int64_t left_ = 0;         // units of one operation
  uint64_t loop_time_ = 0;   // ms, as the loop has it
  uint64_t start_ = 0;       // ns
};

}  // namespace overlapped
