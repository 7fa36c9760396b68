#include "lost_ring.h"

#include <poll.h>

#include <system_error>
#include <utility>

namespace overlapped {

namespace {

// How long the kernel may take to release the ring if nothing reports it.
constexpr int kUnknownEndMs = 1000;

// A write that the ring may have completed must not be repeated if it appends.
bool can_be_repeated(const Operation& op) { return !op.is_write() || !op.file->append; }

}  // namespace

LostRing::LostRing(Descriptor gone, OperationList orphans, ThreadPool& workers)
    : gone_(std::move(gone)), orphans_(std::move(orphans)), workers_(workers) {
  if (orphans_.empty()) {
    handed_over_ = true;
    return;
  }
  try {
    thread_ = std::thread([this] { hand_over(); });
  } catch (const std::system_error&) {
    hand_over();
  }
}

LostRing::~LostRing() {
  if (thread_.joinable()) thread_.join();
}

void LostRing::hand_over() {
  pollfd gone{gone_.get(), POLLIN, 0};
  while (::poll(&gone, 1, gone_.valid() ? -1 : kUnknownEndMs) < 0) {
  }
  OperationList repeated;
  OperationList failed;
  while (Operation* const op = orphans_.pop_front()) {
    (can_be_repeated(*op) ? repeated : failed).push_back(op);
  }
  for (Operation* op = failed.front(); op; op = op->next) op->result = Result::failure(EIO);
  workers_.submit(std::move(repeated));
  workers_.submit_completed(std::move(failed));
  std::lock_guard lock(mutex_);
  handed_over_ = true;
  changed_.notify_all();
}

bool LostRing::wait(Deadline deadline) {
  Lock lock(mutex_);
  return wait_until(changed_, lock, deadline, [this] { return handed_over_; });
}

}  // namespace overlapped
