#pragma once

#include <cstdint>
#include <string_view>

#include "operation.h"

namespace overlapped {

// The result of an operation for one of its pairs of names. Part of the boundary with JavaScript.
struct NamePairResult {
  double value = 0;  // the caller sets it to NaN: not done
  uint32_t refused_parts = 0;  // MetadataPart
  uint32_t reserved = 0;
};
static_assert(sizeof(NamePairResult) == 16);

// The memory of an operation on many pairs of names: `file_offset` results, then the names of each
// pair, each of which ends with a zero byte.
class NamePairs {
 public:
  explicit NamePairs(Operation& operation);

  // Moves to the next pair; false at the end, or where the memory is malformed.
  bool next();
  const char* first() const { return first_; }
  const char* second() const { return second_; }
  void set_result(int64_t value, uint32_t refused_parts);

 private:
  const char* take_name();

  std::byte* next_result_;
  std::byte* result_ = nullptr;
  std::byte* const results_end_;
  std::string_view names_;  // those of the pairs that are left
  const char* first_ = nullptr;
  const char* second_ = nullptr;
};

}  // namespace overlapped
