#include "windows_io.h"

// Must follow windows.h, which it does not include itself.
#include <winioctl.h>

#include <algorithm>
#include <limits>
#include <vector>

#include "system/sparse.h"

namespace overlapped {

namespace {

// Whether the file system does not know the calls because it has no sparse files. A wrong range has
// an error of its own, which is_unsupported() would include.
bool is_unknown(uint32_t error) {
  return error != ERROR_INVALID_PARAMETER && is_unsupported(error);
}

static_assert(sizeof(AllocatedRange) == sizeof(FILE_ALLOCATED_RANGE_BUFFER));

}  // namespace

// Clearing the attribute with FSCTL_SET_SPARSE succeeds if there are no holes to fill; otherwise it
// fails where Windows does not fill them.
Result set_sparse(Operation& op) {
  FILE_SET_SPARSE_BUFFER wanted{};
  wanted.SetSparse = op.flags ? TRUE : FALSE;
  return control_device(op.file->handle(), FSCTL_SET_SPARSE, {&wanted, sizeof wanted}, {});
}

Result punch_hole(Operation& op) {
  constexpr int64_t kEndMax = std::numeric_limits<int64_t>::max();
  const auto length = static_cast<uint64_t>(op.length);
  const auto rest = static_cast<uint64_t>(kEndMax - op.file_offset);
  FILE_ZERO_DATA_INFORMATION hole{};
  hole.FileOffset.QuadPart = op.file_offset;
  hole.BeyondFinalZero.QuadPart = op.file_offset + static_cast<int64_t>(std::min(length, rest));
  return control_device(op.file->handle(), FSCTL_SET_ZERO_DATA, {&hole, sizeof hole}, {});
}

Result allocated_ranges(Operation& op) {
  const HANDLE handle = op.file->handle();
  LARGE_INTEGER size{};
  if (!GetFileSizeEx(handle, &size)) return last_error();
  const int64_t end = end_of_ranges(op, size.QuadPart);
  AllocatedRange wanted{op.file_offset, end - op.file_offset};
  if (wanted.length <= 0) return give_ranges(op, nullptr, 0);
  std::vector<AllocatedRange> ranges(kAllocatedRangesMax);
  const Result queried =
      control_device(handle, FSCTL_QUERY_ALLOCATED_RANGES, {&wanted, sizeof wanted},
                     {ranges.data(), static_cast<DWORD>(ranges.size() * sizeof(AllocatedRange))});
  if (is_unknown(queried.os_error)) return give_ranges(op, &wanted, 1);
  // ERROR_MORE_DATA: the next operation requests the rest.
  if (!queried.ok() && queried.os_error != ERROR_MORE_DATA) return queried;
  return give_ranges(op, ranges.data(),
                     static_cast<size_t>(queried.value) / sizeof(AllocatedRange));
}

}  // namespace overlapped
