#include "loop_spin.h"

namespace overlapped {

void LoopSpin::note_submission(size_t in_flight) {
  if (in_flight == 1) {
    if (state_ != State::kTurning) begin();
  } else if (in_flight == 0 && state_ == State::kTurning) {
    // The submission has taken the completion that the loop turned for.
    (void)stop();
  } else if (state_ == State::kSleeping) {
    // The next completion may be that of another operation.
    state_ = State::kIdle;
  }
}

void LoopSpin::begin() {
  since_ = Clock::now();
  state_ = State::kSleeping;
  if (spin_.limit() == IdleSpin::Duration::zero() || !loop_.keep_turning(true)) return;
  state_ = State::kTurning;
  is_first_turn_ = true;
  queue_.attend();
}

bool LoopSpin::stop() {
  state_ = State::kIdle;
  (void)loop_.keep_turning(false);
  return queue_.leave();
}

bool LoopSpin::end_turn(bool from_workers, bool from_engine) {
  if (state_ == State::kTurning) {
    const Clock::time_point now = Clock::now();
    // The program may have run for long before the loop turned.
    if (is_first_turn_) since_ = now;
    is_first_turn_ = false;
    if (from_workers || from_engine) {
      spin_.note_work(now - since_);
      return stop();
    }
    if (now - since_ < spin_.limit()) return false;
    spin_.note_failure();
    return stop();
  }
  if (state_ == State::kSleeping && (from_workers || from_engine)) {
    state_ = State::kIdle;
    if (!from_workers) return false;
    spin_.note_wake(Clock::now() - queue_.completed_at());
    spin_.note_work(queue_.completed_at() - since_);
  }
  return false;
}

}  // namespace overlapped
