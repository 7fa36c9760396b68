#pragma once

#include <cstddef>
#include <cstdint>

#include "operation.h"

namespace overlapped {

// A part of a file that has space on the disk. Part of the boundary with JavaScript.
struct AllocatedRange {
  int64_t position = 0;
  int64_t length = 0;
};

// So many ranges one kAllocatedRanges gives; where there are so many, the next one goes on behind
// the last. Part of the boundary with JavaScript.
inline constexpr size_t kAllocatedRangesMax = 1024;

// kSetSparse: `flags` says whether the file may have holes; without, those that it has are filled.
Result set_sparse(Operation& operation);

// kPunchHole: the bytes become zeros, and give their space back where the file system can.
Result punch_hole(Operation& operation);

// kAllocatedRanges: its content is an array of AllocatedRange, in order, cut to what was asked for.
Result allocated_ranges(Operation& operation);

// Makes ranges the content of the operation.
Result give_ranges(Operation& operation, const AllocatedRange* ranges, size_t count);

// The end of what was asked for, at most `size`.
int64_t end_of_ranges(const Operation& operation, int64_t size);

}  // namespace overlapped
