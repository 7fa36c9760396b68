#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "invariant.h"
#include "opcodes.h"
#include "open_file.h"
#include "result.h"

#ifndef _WIN32
#include <sys/uio.h>
#endif

namespace overlapped {

// The numbers are part of the boundary with JavaScript.
enum class SeekOrigin : uint32_t { kStart = 0, kCurrent = 1, kEnd = 2 };
enum LockFlag : uint32_t {
  kLockExclusive = 1U << 0,
  kLockWait = 1U << 1,
  kLockDirectory = 1U << 2,  // the whole directory `file` (Linux); never waits
};
enum MetadataPart : uint32_t {
  kMetadataOwner = 1U << 0,
  kMetadataMode = 1U << 1,
  kMetadataXattrs = 1U << 2,
  kMetadataTimes = 1U << 3,
  kMetadataAttributes = 1U << 4,  // Windows, of kCopySmallFile
};
// kCopySmallFile: `flags` has a part once more, shifted by this many bits, if it may be refused.
inline constexpr uint32_t kMetadataTriedShift = 8;
// kGetAttributesPath and kSetAttributesPath, in OpenRequest::options: uses a link itself.
inline constexpr uint32_t kOfLink = 1U << 0;

// The value of a kWritePath for a stream that has written everything and closed the file.
inline constexpr int64_t kWrittenAndClosed = -1;

// The step that kReadPath or kWritePath has reached; a failure reports it. The numbers are part of
// the boundary with JavaScript.
enum class PathStep : int32_t { kOpen = 0, kTransfer = 1, kClose = 2 };

// Where an operation is. The submitting thread and the workers agree on it through `state`.
enum class OperationState : uint8_t {
  kIdle,       // not with an engine
  kQueued,     // waits in a queue and can be taken out of it
  kRunning,    // a worker or the kernel has it
  kCompleted,  // has its result, waits for delivery
};

#ifdef _WIN32
struct Operation;

// The memory to which the kernel writes while an overlapped transfer is in flight. The packet that
// ends the transfer carries its address, and so leads back to the operation.
struct OverlappedTransfer : OVERLAPPED {
  Operation* operation = nullptr;
};

struct IoVector {
  std::byte* data;
  size_t length;
};
#else
using IoVector = iovec;
#endif

// Times are seconds and nanoseconds since 1970, in the order atime, mtime, ctime, birthtime.
struct FileStatus {
  uint64_t dev, mode, nlink, uid, gid, rdev, blksize, ino, size, blocks;
  int64_t seconds[4];
  int64_t nanoseconds[4];
};

// Bits are those of Windows (FILE_ATTRIBUTE_*) on every system.
struct FileAttributes {
  uint32_t bits = 0;
  int64_t allocated = 0;  // bytes on the disk
};

// Fields of the rarer operations in addition to a span of memory.
struct OperationDetail {
  OpenRequest open;
  std::vector<IoVector> vectors;
  FileStatus status{};
  FileAttributes attributes;
  // Result of kOpen, of a kReadPath too large to be one, and of a kWritePath for a stream.
  std::unique_ptr<OpenFile> opened;
  std::unique_ptr<OpenFile> opened_peer;  // of kCreatePipePair: the end to write to
  // Result of kReadPath, kListTree, kAllocatedRanges and others: `result.value` bytes.
  std::unique_ptr<std::byte[]> content;
  // The same, in memory that the next operation overwrites (Engine::lend).
  const std::byte* lent_content = nullptr;
  // The step at which a compound operation failed (PathStep, TreeStep), and its place in a tree.
  int32_t failed_step = 0;
  PathString failed_path;
  // The path after the one in `open`. kCopySmallFile: the names of the new file and the copy;
  // kRenameIn, kLinkIn: the new name; kSymlinkIn: the target.
  PathString second_path;
  PathString third_path;
  uint32_t refused_parts = 0;  // MetadataPart

  // Frees the results and forgets the arguments, but keeps the memory of paths for the next ones.
  void clear() {
    PathString path = std::move(open.path);
    path.clear();
    open = OpenRequest{};
    open.path = std::move(path);
    vectors.clear();
    attributes = FileAttributes{};
    opened.reset();
    opened_peer.reset();
    content.reset();
    lent_content = nullptr;
    failed_step = 0;
    failed_path.clear();
    second_path.clear();
    third_path.clear();
    refused_parts = 0;
  }
};

class FileSystems;

// One I/O operation. It owns, or keeps alive through its submitter, everything that the kernel may
// touch, until its completion has been delivered. Engines take it with submit() and give it back
// exactly once.
struct Operation {
  Opcode opcode = Opcode::kRead;
  uint32_t id = 0;  // the submitter's own number
  OpenFile* file = nullptr;
  OpenFile* source = nullptr;  // the file that a copy, link or rename starts from
  std::byte* data = nullptr;
  size_t length = 0;         // bytes; for kTruncate the new size
  uint32_t flags = 0;        // meaning depends on the opcode
  int64_t file_offset = -1;  // -1: at the cursor of the handle
  std::unique_ptr<OperationDetail> detail;

  Result result;

  // Canceled before the system received it, so it had no effect.
  bool never_began = false;

  // Used only by the engine.
  std::atomic<OperationState> state{OperationState::kIdle};
  std::atomic<bool> cancel_requested{false};
  bool may_wait = false;  // for another party, without end: a pipe, a FIFO that nobody else opens
  Operation* next = nullptr;
  Operation* previous = nullptr;
  void* engine_data = nullptr;
  FileSystems* file_systems = nullptr;  // Linux: where workers note file systems
  size_t transferred = 0;               // by the earlier calls of the transfer, or all of them
#ifdef _WIN32
  OverlappedTransfer overlapped;
  size_t vector_index = 0;  // the buffer that the current call of the transfer is for
  size_t buffer_moved = 0;  // of that buffer, by earlier calls
  size_t call_length_max = 0;  // bytes; less than all after the system lacked resources
  uint32_t refusals = 0;       // of the current call, in a row
  // Users of the current overlapped call: its issuer and its packet. The packet may be taken from
  // the port before the issuing call has returned; the last user continues the transfer.
  std::atomic<uint8_t> holders{0};
#else
  bool cancel_in_flight = false;  // the ring has yet to answer the request to cancel this
#endif

  const OpcodeTraits& traits() const { return traits_of(opcode); }
  bool is_transfer() const { return traits().family == OpcodeFamily::kTransfer; }
  bool is_read() const { return opcode == Opcode::kRead || opcode == Opcode::kReadVector; }
  bool is_write() const { return opcode == Opcode::kWrite || opcode == Opcode::kWriteVector; }
  bool has_source() const { return traits().has_source(); }
  bool is_vector() const { return traits().vectors; }
  OperationDetail& details() {
    if (!detail) detail = std::make_unique<OperationDetail>();
    return *detail;
  }
  // Keeps the memory of the detail for the next operation.
  void reset_keeping_detail() {
    std::unique_ptr<OperationDetail> kept = std::move(detail);
    reset();
    if (kept) kept->clear();
    detail = std::move(kept);
  }
  void reset() {
    file = source = nullptr;
    data = nullptr;
    length = 0;
    flags = 0;
    file_offset = -1;
    detail.reset();
    result = Result{};
    never_began = false;
    state.store(OperationState::kIdle, std::memory_order_relaxed);
    cancel_requested.store(false, std::memory_order_relaxed);
    may_wait = false;
    next = previous = nullptr;
    engine_data = nullptr;
    file_systems = nullptr;
    transferred = 0;
  }
};

// A queued operation may move to another queue, or be returned without having run. A running one
// may be queued again: for lack of resources, or for another lane. A complete one stays complete
// until its owner has it back and resets it, so that no operation completes twice.
inline bool may_follow(OperationState next, OperationState state) {
  switch (state) {
    case OperationState::kIdle:
      return next == OperationState::kQueued || next == OperationState::kCompleted;
    case OperationState::kQueued:
      return next != OperationState::kIdle;
    case OperationState::kRunning:
      return next == OperationState::kQueued || next == OperationState::kCompleted;
    case OperationState::kCompleted:
      break;
  }
  return false;
}

// Only the engines do this.
inline void change_state(Operation& operation, OperationState next) {
  CHECK_INVARIANT(may_follow(next, operation.state.load(std::memory_order_relaxed)));
  operation.state.store(next, std::memory_order_relaxed);
}

inline bool is_complete(const Operation& operation) {
  return operation.state.load(std::memory_order_relaxed) == OperationState::kCompleted;
}

// Ends an operation that is taken out of a queue.
inline void cancel_unbegun(Operation& operation) {
#ifndef _WIN32
  // The cursor has moved with these bytes, so that they must not be read again.
  if (operation.transferred > 0) {
    operation.result = Result::success(static_cast<int64_t>(operation.transferred));
    return;
  }
#endif
  operation.result = Result::cancelled();
  operation.never_began = true;
}

// Whether a canceled operation may have moved bytes. On POSIX an interrupted transfer has moved
// none (read(2), write(2): EINTR); a whole file may be written in part on every system.
inline bool may_have_moved_bytes(const Operation& operation) {
  if (operation.never_began) return false;
#ifdef _WIN32
  if (operation.is_transfer()) return true;
#endif
  return operation.opcode == Opcode::kWritePath;
}

inline void set_step(Operation& operation, PathStep step) {
  operation.details().failed_step = static_cast<int32_t>(step);
}

// A doubly linked list through the operations themselves, so that queueing never allocates.
class OperationList {
 public:
  OperationList() = default;
  OperationList(OperationList&& other) noexcept { take(other); }
  OperationList& operator=(OperationList&& other) noexcept {
    if (this != &other) take(other);
    return *this;
  }
  OperationList(const OperationList&) = delete;
  OperationList& operator=(const OperationList&) = delete;

  bool empty() const { return head_ == nullptr; }
  size_t size() const { return size_; }
  Operation* front() const { return head_; }

  void push_back(Operation* operation) {
    CHECK_INVARIANT(is_free(*operation));
    operation->next = nullptr;
    operation->previous = tail_;
    (tail_ ? tail_->next : head_) = operation;
    tail_ = operation;
    ++size_;
  }

  void push_front(Operation* operation) {
    CHECK_INVARIANT(is_free(*operation));
    operation->previous = nullptr;
    operation->next = head_;
    (head_ ? head_->previous : tail_) = operation;
    head_ = operation;
    ++size_;
  }

  Operation* pop_front() {
    Operation* const operation = head_;
    if (operation) remove(operation);
    return operation;
  }

  Operation* pop_back() {
    Operation* const operation = tail_;
    if (operation) remove(operation);
    return operation;
  }

  void remove(Operation* operation) {
    CHECK_INVARIANT(is_member(*operation));
    (operation->previous ? operation->previous->next : head_) = operation->next;
    (operation->next ? operation->next->previous : tail_) = operation->previous;
    operation->next = operation->previous = nullptr;
    --size_;
  }

  void append(OperationList&& other) {
    if (other.empty()) return;
    other.head_->previous = tail_;
    (tail_ ? tail_->next : head_) = other.head_;
    tail_ = other.tail_;
    size_ += other.size_;
    other.head_ = other.tail_ = nullptr;
    other.size_ = 0;
  }

 private:
  // Checks the links alone: the only operation of another list seems to be in none.
  bool is_free(const Operation& operation) const {
    return !operation.next && !operation.previous && head_ != &operation;
  }
  bool is_member(const Operation& operation) const {
    return (operation.previous ? operation.previous->next : head_) == &operation &&
           (operation.next ? operation.next->previous : tail_) == &operation;
  }

  void take(OperationList& other) {
    head_ = other.head_;
    tail_ = other.tail_;
    size_ = other.size_;
    other.head_ = other.tail_ = nullptr;
    other.size_ = 0;
  }

  Operation* head_ = nullptr;
  Operation* tail_ = nullptr;
  size_t size_ = 0;
};

// Lets the operations outlive borrowed descriptors, for a thread that runs them later.
inline void keep_files(const OperationList& operations) {
  for (Operation* op = operations.front(); op; op = op->next) {
    if (op->file) op->file->keep();
  }
}

}  // namespace overlapped
