#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "engine/operation.h"

namespace overlapped {

// The open files of an environment by number. A number is reused only after the close of its file
// has been delivered.
class FileTable {
 public:
  int32_t add(std::unique_ptr<OpenFile> file) {
    if (free_.empty()) {
      entries_.push_back({});
      free_.push_back(static_cast<int32_t>(entries_.size() - 1));
    }
    const int32_t id = free_.back();
    free_.pop_back();
    entries_[static_cast<size_t>(id)].file = std::move(file);
    return id;
  }

  // Returns null for a number that is not open, or whose close has been requested.
  OpenFile* find(int32_t id) {
    Entry* const entry = entry_at(id);
    return entry && !entry->closing ? entry->file.get() : nullptr;
  }

  // Hides the file from find(). Returns true if the close can go to the engine now; otherwise
  // end_operation() returns it when the last operation in flight has ended (law 4).
  bool begin_close(int32_t id, Operation& close) {
    Entry& entry = *entry_at(id);
    entry.closing = true;
    if (entry.file->in_flight == 0) return true;
    entry.waiting_close = &close;
    return false;
  }

  // Called with every operation on the file that has ended. Returns the close that waited.
  Operation* end_operation(int32_t id) {
    Entry& entry = *entry_at(id);
    if (--entry.file->in_flight > 0) return nullptr;
    return std::exchange(entry.waiting_close, nullptr);
  }

  void remove(int32_t id) {
    entries_[static_cast<size_t>(id)] = {};
    free_.push_back(id);
  }

 private:
  struct Entry {
    std::unique_ptr<OpenFile> file;
    Operation* waiting_close = nullptr;
    bool closing = false;
  };

  Entry* entry_at(int32_t id) {
    const auto index = static_cast<size_t>(id);
    return id >= 0 && index < entries_.size() && entries_[index].file ? &entries_[index] : nullptr;
  }

  std::vector<Entry> entries_;
  std::vector<int32_t> free_;
};

}  // namespace overlapped
