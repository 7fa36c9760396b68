#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <utility>

#include "engine/operation.h"

namespace overlapped {

// An operation in flight and the files that it uses.
struct Slot {
  Operation operation;
  int32_t file_id = -1;
  int32_t source_id = -1;              // where bytes, or a name, come from
  std::unique_ptr<OpenFile> borrowed;  // POSIX: the file of a descriptor that others have opened
  bool in_use = false;
  bool deferred = false;  // waits for the next turn of the event loop
};

// The slots of an environment. JavaScript numbers them densely, from 0.
class SlotTable {
 public:
  // Operations in flight at a time. A larger number in a submission is a mistake.
  static constexpr uint32_t kSlotsMax = 1U << 24;

  bool is_free(uint32_t id) const {
    return id < kSlotsMax && (id >= slots_.size() || !slots_[id].in_use);
  }

  // Makes the slot if there is none. May throw std::bad_alloc.
  Slot& make(uint32_t id) {
    while (id >= slots_.size()) {
      const auto next = static_cast<uint32_t>(slots_.size());
      slots_.emplace_back().operation.id = next;
    }
    return slots_[id];
  }

  // Returns null for a number that no operation has had.
  Slot* find(uint32_t id) { return id < slots_.size() ? &slots_[id] : nullptr; }
  Slot& of(const Operation& operation) { return slots_[operation.id]; }

  // Makes the slot free for another operation.
  static void release(Slot& slot) {
    // A program that has had this many operations in flight will have as many again.
    constexpr uint32_t kKeptDetails = 256;
    if (slot.operation.id < kKeptDetails) {
      slot.operation.reset_keeping_detail();
    } else {
      slot.operation.reset();
    }
    slot.borrowed.reset();
    slot.file_id = slot.source_id = -1;
    slot.in_use = false;
  }

  auto begin() { return slots_.begin(); }
  auto end() { return slots_.end(); }

 private:
  std::deque<Slot> slots_;
};

}  // namespace overlapped
