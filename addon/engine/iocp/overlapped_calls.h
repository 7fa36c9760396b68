#pragma once

#include <atomic>
#include <cstdint>

#include "operation.h"

namespace overlapped {

// Makes the overlapped calls of transfers, each of which may take several: one for each of its
// buffers. A call and its packet meet here, in either order.
class OverlappedCalls {
 public:
  // Makes one overlapped call and gives its error, as start_transfer() does.
  using Start = uint32_t (*)(Operation&);

  enum class Outcome : uint8_t {
    kPending,     // a packet will come, and may have come: the operation must not be touched
    kComplete,    // the operation has its result
    kRefused,     // the system lacks the resources; the call is to be made again later
    kUnfinished,  // the transfer has another call to make
  };

  explicit OverlappedCalls(Start start) : start_(start) {}

  // Makes the next call of a transfer, and further ones while each ends at once.
  Outcome issue(Operation& operation);
  // Takes the packet of the current call.
  Outcome take_packet(Operation& operation);

  // Calls that ended before they returned.
  uint64_t inline_completions() const {
    return inline_completions_.load(std::memory_order_relaxed);
  }

 private:
  bool settle(Operation& operation);

  const Start start_;
  std::atomic<uint64_t> inline_completions_{0};
};

}  // namespace overlapped
