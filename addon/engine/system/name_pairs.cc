#include "name_pairs.h"

#include <algorithm>
#include <cstring>

namespace overlapped {

NamePairs::NamePairs(Operation& op)
    : next_result_(op.data),
      results_end_(op.data + std::min(static_cast<size_t>(op.file_offset),
                                      op.length / sizeof(NamePairResult)) *
                                 sizeof(NamePairResult)) {
  const auto results = static_cast<size_t>(results_end_ - op.data);
  names_ = {reinterpret_cast<const char*>(results_end_), op.length - results};
}

bool NamePairs::next() {
  if (next_result_ == results_end_) return false;
  result_ = next_result_;
  next_result_ += sizeof(NamePairResult);
  first_ = take_name();
  second_ = take_name();
  return first_ && second_;
}

const char* NamePairs::take_name() {
  const size_t end = names_.find('\0');
  if (end == std::string_view::npos) return nullptr;
  const char* const name = names_.data();
  names_.remove_prefix(end + 1);
  return name;
}

void NamePairs::set_result(int64_t value, uint32_t refused_parts) {
  const NamePairResult result{static_cast<double>(value), refused_parts, 0};
  std::memcpy(result_, &result, sizeof result);
}

}  // namespace overlapped
