#pragma once

#include <napi.h>

#include <cstdint>

#include "engine/operation.h"

namespace overlapped {

// The memory that JavaScript and the addon share. lib/engine has its layout for JavaScript; a test
// compares the two (boundary.h).
inline constexpr uint32_t kSubmissionsMax = 1024;
inline constexpr uint32_t kCompletionsMax = 256;
inline constexpr uint32_t kDetailNumbers = 18;

// Bits of Submission::flags for the opcodes on an open file.
inline constexpr uint32_t kForeignDescriptor = 1U << 31;  // `file` is a descriptor of others

struct Submission {
  int32_t opcode;
  uint32_t slot;
  int32_t file;      // number of the open file; for opcodes with a path: OpenOption bits
  int32_t flags;     // for opcodes with a path: O_* flags; else as Operation::flags
  int64_t position;  // place in the file, -1 for the cursor; with a path: bytes to preallocate
  double offset;     // place in the buffer; with a path: mode of a new file
  double length;     // bytes; for kOpen: attributes of a new file
};
static_assert(sizeof(Submission) == 40);

struct Completion {
  double value;  // bytes, or the number of a file
  uint32_t slot;
  int32_t error;      // 0, or libuv's negative number
  uint32_t os_error;  // what the operating system said
  int32_t step;  // of a compound operation that has failed; of one cancelled: may_have_moved_bytes
};
static_assert(sizeof(Completion) == 24);

// The numbers beside a completion, by index. Which of them it has depends on the opcode.
enum DetailField : size_t {
  kDetailDescriptor = 0,
  kDetailDeviceType,
  kDetailAlignmentPosition,
  kDetailAlignmentLength,
  kDetailAlignmentMemory,
  kDetailPeerDescriptor,
  kDetailPeerFile,
  kDetailSize,
  kDetailAttributes = 0,
  kDetailAllocatedSize,
  kDetailRefusedParts = 0,
};

// The same of a file's status, as 64-bit integers. Times are in the order atime, mtime, ctime,
// birthtime.
enum StatusField : size_t {
  kStatusDev,
  kStatusMode,
  kStatusNlink,
  kStatusUid,
  kStatusGid,
  kStatusRdev,
  kStatusBlksize,
  kStatusIno,
  kStatusSize,
  kStatusBlocks,
  kStatusSeconds,
  kStatusNanoseconds = kStatusSeconds + 4,
  kStatusFields = kStatusNanoseconds + 4,
};
static_assert(kStatusFields == kDetailNumbers);

union Detail {
  double numbers[kDetailNumbers];
  int64_t integers[kDetailNumbers];
};

class SharedRings {
 public:
  void create(Napi::Env env) {
    auto submissions = Napi::ArrayBuffer::New(env, sizeof(Submission) * kSubmissionsMax);
    auto completions = Napi::ArrayBuffer::New(env, sizeof(Completion) * kCompletionsMax);
    auto details = Napi::ArrayBuffer::New(env, sizeof(Detail) * kCompletionsMax);
    submissions_ = static_cast<const Submission*>(submissions.Data());
    completions_ = static_cast<Completion*>(completions.Data());
    details_ = static_cast<Detail*>(details.Data());
    submission_memory_ = Napi::Persistent(static_cast<Napi::Object>(submissions));
    completion_memory_ = Napi::Persistent(static_cast<Napi::Object>(completions));
    detail_memory_ = Napi::Persistent(static_cast<Napi::Object>(details));
  }

  const Submission& submission(uint32_t index) const { return submissions_[index]; }
  Completion& completion(uint32_t index) { return completions_[index]; }
  Detail& detail(uint32_t index) { return details_[index]; }

  void describe(Napi::Object object) {
    object.Set("submissions", submission_memory_.Value());
    object.Set("completions", completion_memory_.Value());
    object.Set("details", detail_memory_.Value());
  }

 private:
  const Submission* submissions_ = nullptr;
  Completion* completions_ = nullptr;
  Detail* details_ = nullptr;
  Napi::ObjectReference submission_memory_;
  Napi::ObjectReference completion_memory_;
  Napi::ObjectReference detail_memory_;
};

}  // namespace overlapped
