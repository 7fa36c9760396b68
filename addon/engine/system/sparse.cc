#include "sparse.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace overlapped {

Result give_ranges(Operation& operation, const AllocatedRange* ranges, size_t count) {
  const size_t bytes = count * sizeof(AllocatedRange);
  auto content = std::make_unique_for_overwrite<std::byte[]>(bytes);
  if (bytes > 0) std::memcpy(content.get(), ranges, bytes);
  operation.details().content = std::move(content);
  return Result::success(static_cast<int64_t>(bytes));
}

int64_t end_of_ranges(const Operation& operation, int64_t size) {
  const int64_t begin = operation.file_offset;
  if (begin >= size) return begin;
  const auto rest = static_cast<size_t>(size - begin);
  return begin + static_cast<int64_t>(std::min(operation.length, rest));
}

}  // namespace overlapped
