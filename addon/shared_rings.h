#pragma once

#include <node_api.h>

#include <bit>
#include <cstddef>
#include <cstdint>

#include "engine/operation.h"
#include "engine/system/in_place.h"
#include "values.h"

static_assert(std::endian::native == std::endian::little,
              "overlapped needs a little-endian machine: its rings are read by 32-bit words");

namespace overlapped {

// The memory shared by JavaScript and the addon. lib/engine has its layout for JavaScript; a test
// compares the two (boundary.h).
inline constexpr uint32_t kSubmissionsMax = 1024;
inline constexpr uint32_t kCompletionsMax = 256;
inline constexpr uint32_t kDetailNumbers = 18;
// Bytes of the memory for the content of an operation that run_now() has run.
inline constexpr size_t kContentMax = kReadInPlaceMax;

// A bit of Submission::flags: `file` is a descriptor that other code has opened. Only the opcodes
// with OpcodeTraits::takes_foreign have it; elsewhere the flags may be the user's (kOpenIn).
inline constexpr uint32_t kForeignDescriptor = 1U << 31;

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
  uint32_t os_error;  // errno or GetLastError()
  // The failed step of a compound operation; for a canceled operation, 1 if bytes may have moved.
  int32_t step;
};
static_assert(sizeof(Completion) == 24);

// Indexes of the numbers beside a completion. Which of them it has depends on the opcode.
enum DetailField : size_t {
  kDetailDescriptor = 0,
  kDetailDeviceType,
  kDetailAlignmentPosition,
  kDetailAlignmentLength,
  kDetailAlignmentMemory,
  kDetailPeerDescriptor,
  kDetailPeerFile,
  kDetailSize,
  kDetailBytesWritten,
  kDetailAttributes = 0,
  kDetailAllocatedSize,
  kDetailRefusedParts = 0,
};

// Indexes of a file's status, as 64-bit integers. Times are in the order atime, mtime, ctime,
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
  // Returns false if Node-API refuses.
  bool create(napi_env env) {
    void* submissions = nullptr;
    void* completions = nullptr;
    void* details = nullptr;
    void* content = nullptr;
    if (!create(env, sizeof(Submission) * kSubmissionsMax, submissions, submission_memory_) ||
        !create(env, sizeof(Completion) * kCompletionsMax, completions, completion_memory_) ||
        !create(env, sizeof(Detail) * kCompletionsMax, details, detail_memory_) ||
        !create(env, kContentMax, content, content_memory_)) {
      return false;
    }
    submissions_ = static_cast<const Submission*>(submissions);
    completions_ = static_cast<Completion*>(completions);
    details_ = static_cast<Detail*>(details);
    content_ = static_cast<std::byte*>(content);
    return true;
  }

  const Submission& submission(uint32_t index) const { return submissions_[index]; }
  Completion& completion(uint32_t index) { return completions_[index]; }
  Detail& detail(uint32_t index) { return details_[index]; }
  std::byte* content() { return content_; }

  void describe(const Values& values, napi_value object) const {
    values.set(object, "submissions", submission_memory_.value());
    values.set(object, "completions", completion_memory_.value());
    values.set(object, "details", detail_memory_.value());
    values.set(object, "content", content_memory_.value());
  }

 private:
  static bool create(napi_env env, size_t size, void*& memory, Reference& reference) {
    napi_value buffer = nullptr;
    return napi_create_arraybuffer(env, size, &memory, &buffer) == napi_ok &&
           reference.set(env, buffer);
  }

  const Submission* submissions_ = nullptr;
  Completion* completions_ = nullptr;
  Detail* details_ = nullptr;
  std::byte* content_ = nullptr;
  Reference submission_memory_;
  Reference completion_memory_;
  Reference detail_memory_;
  Reference content_memory_;
};

}  // namespace overlapped
