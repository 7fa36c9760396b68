#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "operation.h"

namespace overlapped {

// The record of one entry in the content of kListStatusesIn. Part of the boundary with JavaScript.
struct EntryStatus {
  uint64_t device = 0;
  uint64_t inode = 0;
  uint64_t size = 0;
  int64_t access_seconds = 0;
  int64_t modification_seconds = 0;
  int32_t access_nanoseconds = 0;
  int32_t modification_nanoseconds = 0;
  uint32_t mode = 0;
  uint32_t links = 0;
  uint32_t user = 0;
  uint32_t group = 0;
  uint32_t name_bytes = 0;
  int32_t target_bytes = kNoLink;

  static constexpr int32_t kNoLink = -1;
  static constexpr int32_t kFailed = -2;  // kStatIn on this name reports the error
};
static_assert(sizeof(EntryStatus) == 72);

// Collects the names of a directory, and makes them and their statuses the content of an operation:
// the number of entries (64 bits, native order), the records, the names, and the targets of all
// links, each in the order of the names' bytes and without separators.
class EntryStatuses {
 public:
  // Reads the status of a name that ends with a zero byte, and appends the target of a link to
  // `target`. Fails if either is not available.
  using Look = Result (*)(const Operation& operation, const char* name, FileStatus& status,
                          std::string& target);

  // @param name in WTF-8 on Windows
  void add(std::string_view name);
  Result give(Operation& operation, Look look);

 private:
  struct Name {
    size_t start;
    size_t length;
  };

  std::string_view text_of(const Name& name) const {
    return std::string_view(text_).substr(name.start, name.length);
  }
  Result look_at_all(const Operation& operation, Look look, std::byte* records,
                     std::string& targets) const;

  std::string text_;  // each name ends with a zero byte
  std::vector<Name> names_;
};

}  // namespace overlapped
