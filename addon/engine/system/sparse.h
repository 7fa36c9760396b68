#pragma once

#include <cstddef>
#include <cstdint>

#include "operation.h"

namespace overlapped {

// A range of a file that has space on the disk. Part of the boundary with JavaScript.
struct AllocatedRange {
  int64_t position = 0;
  int64_t length = 0;
};

// The maximum number of ranges per kAllocatedRanges. If it is reached, the caller continues after
// the last range. Part of the boundary with JavaScript.
inline constexpr size_t kAllocatedRangesMax = 1024;

// kSetSparse: `flags` says whether the file may have holes; if not, existing holes are filled.
Result set_sparse(Operation& operation);

// kPunchHole: zeroes the bytes, and frees their space if the file system supports it.
Result punch_hole(Operation& operation);

// kAllocatedRanges: the content is an array of AllocatedRange, in order, clipped to the request.
Result allocated_ranges(Operation& operation);

// Makes the ranges the content of the operation.
Result give_ranges(Operation& operation, const AllocatedRange* ranges, size_t count);

// The end of the requested range, at most `size`.
int64_t end_of_ranges(const Operation& operation, int64_t size);

}  // namespace overlapped
