#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <filesystem>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine.h"

#ifndef _WIN32
#include <fcntl.h>
#endif

namespace overlapped::testing {

// Node's fs.constants.O_* of the platform.
#ifdef _WIN32
inline constexpr int32_t kOpenCreate = 0x100;
inline constexpr int32_t kOpenTruncate = 0x200;
inline constexpr int32_t kOpenExclusive = 0x400;
inline constexpr int32_t kOpenAppend = 0x8;
#else
inline constexpr int32_t kOpenCreate = O_CREAT;
inline constexpr int32_t kOpenTruncate = O_TRUNC;
inline constexpr int32_t kOpenExclusive = O_EXCL;
inline constexpr int32_t kOpenAppend = O_APPEND;
#endif
inline constexpr int32_t kOpenRead = 0;
inline constexpr int32_t kOpenWrite = 1;
inline constexpr int32_t kOpenBoth = 2;
inline constexpr int32_t kOpenNew = kOpenBoth | kOpenCreate | kOpenTruncate;

// The error code for the system that the tests run on.
constexpr uint32_t os_error([[maybe_unused]] uint32_t posix, [[maybe_unused]] uint32_t windows) {
#ifdef _WIN32
  return windows;
#else
  return posix;
#endif
}

// A folder that is removed with its files when the object is destroyed.
class TempFolder {
 public:
  TempFolder();
  ~TempFolder();
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;
  PathString path(std::string_view name) const { return (folder_ / name).native(); }

 private:
  std::filesystem::path folder_;
};

// Takes completions from the engine's threads and wakes the submitter, as the environment does.
class QueueSink final : public CompletionSink {
 public:
  QueueSink();
  ~QueueSink() override;
  QueueSink(const QueueSink&) = delete;
  QueueSink& operator=(const QueueSink&) = delete;

  void complete(OperationList completed) override;
  OperationList take_all();

  // Waits until something has completed or `descriptor` (if valid) is readable; returns false on
  // timeout. Resets the counter if the descriptor is an event descriptor.
  bool wait(int descriptor, std::chrono::milliseconds time_max);

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  OperationList completed_;
#ifndef _WIN32
  int wake_pipe_[2] = {-1, -1};
#endif
};

// Plays the part of the environment: submits on one thread, waits only by the engine's protocol,
// and counts completions. It owns the operations, their memory and the files, so that a test that
// ends early leaves no memory that the kernel still writes to.
class Harness {
 public:
  explicit Harness(const std::string& engine);
  // For an engine that select_engine() does not create; `create` receives the sink.
  template <typename Create>
  Harness(std::in_place_t, Create create) : engine_(create(sink_)) {}
  ~Harness();
  Harness(const Harness&) = delete;
  Harness& operator=(const Harness&) = delete;

  Engine& engine() { return *engine_; }
  QueueSink& sink() { return sink_; }
  bool is(EngineKind kind) const { return engine_->kind() == kind; }
  PathString path(std::string_view name) const { return folder_.path(name); }

  // Creates operations and memory that live as long as the harness.
  Operation& make(Opcode opcode, OpenFile* file = nullptr);
  Operation& make_transfer(Opcode opcode, OpenFile& file, std::span<std::byte> memory,
                           int64_t file_offset);
  Operation& make_vector(Opcode opcode, OpenFile& file, const std::vector<size_t>& lengths,
                         int64_t file_offset);
  Operation& make_path(Opcode opcode, const PathString& path, int32_t flags = kOpenRead,
                       uint32_t options = 0);
  std::span<std::byte> memory(size_t size, size_t alignment = 0);
  OpenFile& adopt(std::unique_ptr<OpenFile> file);

  void submit(Operation& operation);
  void submit(const std::vector<Operation*>& operations);
  void cancel(Operation& operation);

  // Collects completions; returns true if there were any.
  bool collect();
  // Both wait up to `kPatience` and report a failure after that.
  bool wait(const Operation& operation);
  bool wait_for_all();
  Result run(Operation& operation);
  // Calls cancel() for everything in flight, then drain().
  void cancel_all();
  void drain();
  // Calls drain(), then destroys the engine.
  void end();

  bool is_back(const Operation& operation) const { return back_[operation.id] > 0; }
  size_t times_back(const Operation& operation) const { return back_[operation.id]; }
  size_t in_flight() const { return submitted_count_ - back_count_; }
  // Prepares a completed operation for another submission.
  void reuse(Operation& operation);

  // Common calls, one submission each.
  OpenFile* open(const PathString& path, int32_t flags, uint32_t options = 0);
  Result read(OpenFile& file, std::span<std::byte> memory, int64_t file_offset);
  Result write(OpenFile& file, std::span<std::byte> memory, int64_t file_offset);
  std::string read_text(OpenFile& file, size_t length, int64_t file_offset);
  Result write_text(OpenFile& file, std::string_view text, int64_t file_offset);
  FileStatus status(OpenFile& file);

  static constexpr std::chrono::milliseconds kPatience = std::chrono::minutes(1);

 private:
  void take(OperationList list);
  template <typename Done>
  bool wait_until(Done done);

  TempFolder folder_;
  QueueSink sink_;
  std::unique_ptr<Engine> engine_;
  std::deque<Operation> operations_;
  std::vector<uint8_t> submitted_;  // by id: in flight or completed
  std::vector<uint8_t> back_;
  size_t submitted_count_ = 0;
  size_t back_count_ = 0;
  std::deque<std::vector<std::byte>> memory_;
  std::deque<std::unique_ptr<OpenFile>> files_;
};

inline bool is_cancelled(const Operation& op) { return op.result.os_error == kCancelledError; }

// The content that a kReadPath returned.
std::span<const std::byte> content_of(const Operation& operation);

// Fills memory with bytes that encode their file offset, so that misplaced bytes are detected.
void fill_pattern(std::span<std::byte> memory, uint64_t file_offset, uint64_t seed = 0);
bool has_pattern(std::span<const std::byte> memory, uint64_t file_offset, uint64_t seed = 0);

// Pseudorandom numbers that are the same in every run.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}
  uint64_t next();
  uint64_t below(uint64_t limit) { return next() % limit; }

 private:
  uint64_t state_;
};

}  // namespace overlapped::testing
