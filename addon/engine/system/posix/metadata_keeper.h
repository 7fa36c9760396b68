#pragma once

#include <cstdint>

#include "operation.h"

namespace overlapped {

// Whether an error means that the file system or the rights of the process refuse the owner, the
// mode or the times. lib/copy/metadata.ts has the same list for the parts that it copies.
bool is_refusal(uint32_t error);

// The same for one part (MetadataPart), including extended attributes.
bool is_refusal_of(uint32_t part, uint32_t error);

// Sets one part of the metadata after another. Refused optional parts (kMetadataTriedShift) are
// added to `refused`; another error ends the work.
class MetadataKeeper {
 public:
  MetadataKeeper(uint32_t flags, uint32_t& refused) : flags_(flags), refused_(refused) {}

  template <typename Call>
  void keep(uint32_t part, Call set_part) {
    if (!result_.ok() || !(flags_ & part)) return;
    result_ = set_part();
    if (!is_refusal_of(part, result_.os_error) || !(flags_ & (part << kMetadataTriedShift))) return;
    refused_ |= part;
    result_ = Result::success(0);
  }
  const Result& result() const { return result_; }

 private:
  const uint32_t flags_;
  uint32_t& refused_;
  Result result_ = Result::success(0);
};

}  // namespace overlapped
