#pragma once

#include <cstddef>
#include <cstring>
#include <span>
#include <string>
#include <utility>

#include "windows_io.h"

namespace overlapped {

// Visits the records of a list that a file system has filled (FILE_DIRECTORY_INFORMATION and the
// like). Each has the distance to the next one, or 0, and the length of its name. Servers and
// drivers of others make such lists, so a record that does not lie within the list is an error.
template <typename Record, typename Visit>
Result for_each_record(std::span<const std::byte> list, Visit visit) {
  constexpr size_t kNameOffset = offsetof(Record, name);
  for (;;) {
    Record record;
    if (list.size() < kNameOffset) return Result::failure(ERROR_INVALID_DATA);
    std::memcpy(&record, list.data(), kNameOffset);
    const size_t room = list.size() - kNameOffset;
    if (record.name_bytes > room) return Result::failure(ERROR_INVALID_DATA);
    std::wstring name(record.name_bytes / sizeof(WCHAR), L'\0');
    std::memcpy(name.data(), list.data() + kNameOffset, name.size() * sizeof(WCHAR));
    visit(record, std::move(name));
    if (record.next_offset == 0) return Result::success(0);
    if (record.next_offset < kNameOffset || record.next_offset > list.size()) {
      return Result::failure(ERROR_INVALID_DATA);
    }
    list = list.subspan(record.next_offset);
  }
}

}  // namespace overlapped
