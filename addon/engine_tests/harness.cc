#include "harness.h"

#include <algorithm>
#include <cstring>
#include <random>
#include <stdexcept>

#include "test.h"

#ifndef _WIN32
#include <poll.h>
#include <unistd.h>
#endif

namespace overlapped::testing {

TempFolder::TempFolder() {
  std::random_device random;
  const auto base = std::filesystem::temp_directory_path();
  do {
    folder_ = base / ("overlapped-" + std::to_string(random()));
  } while (!std::filesystem::create_directory(folder_));
}

TempFolder::~TempFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

#ifdef _WIN32

QueueSink::QueueSink() = default;
QueueSink::~QueueSink() = default;

#else

QueueSink::QueueSink() {
  if (::pipe(wake_pipe_) != 0) throw std::runtime_error("pipe() failed");
  for (const int fd : wake_pipe_) ::fcntl(fd, F_SETFL, O_NONBLOCK);
}

QueueSink::~QueueSink() {
  for (const int fd : wake_pipe_) ::close(fd);
}

#endif

void QueueSink::complete(OperationList completed) {
  // All under the lock: the waiter may destroy the sink as soon as it has the last completion.
  std::lock_guard lock(mutex_);
  completed_.append(std::move(completed));
  changed_.notify_all();
#ifndef _WIN32
  // If the pipe is full, the waiter has already been woken.
  const char byte = 0;
  (void)!::write(wake_pipe_[1], &byte, 1);
#endif
}

OperationList QueueSink::take_all() {
  std::lock_guard lock(mutex_);
  return std::move(completed_);
}

bool QueueSink::wait([[maybe_unused]] int descriptor, std::chrono::milliseconds time_max) {
#ifndef _WIN32
  if (descriptor >= 0) {
    pollfd waits[2] = {{descriptor, POLLIN, 0}, {wake_pipe_[0], POLLIN, 0}};
    const auto deadline = std::chrono::steady_clock::now() + time_max;
    int ready = 0;
    do {
      const auto rest = std::chrono::duration_cast<std::chrono::milliseconds>(
          deadline - std::chrono::steady_clock::now());
      ready = ::poll(waits, 2, std::max(0, static_cast<int>(rest.count())));
    } while (ready < 0 && errno == EINTR);
    char bytes[256];
    while (waits[1].revents && ::read(wake_pipe_[0], bytes, sizeof bytes) > 0) continue;
    uint64_t count = 0;
    if (waits[0].revents) (void)!::read(descriptor, &count, sizeof count);
    return ready > 0;
  }
#endif
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, time_max, [this] { return !completed_.empty(); });
}

Harness::Harness(const std::string& engine) {
  EngineChoice choice = select_engine(engine, sink_);
  if (!choice.engine) throw std::runtime_error("no engine " + engine + ": " + choice.reason);
  engine_ = std::move(choice.engine);
}

Harness::~Harness() {
  if (engine_) {
    cancel_all();
    end();
  }
}

Operation& Harness::make(Opcode opcode, OpenFile* file) {
  Operation& op = operations_.emplace_back();
  op.opcode = opcode;
  op.file = file;
  op.id = static_cast<uint32_t>(operations_.size() - 1);
  submitted_.push_back(0);
  back_.push_back(0);
  return op;
}

Operation& Harness::make_transfer(Opcode opcode, OpenFile& file, std::span<std::byte> memory,
                                  int64_t file_offset) {
  Operation& op = make(opcode, &file);
  op.data = memory.data();
  op.length = memory.size();
  op.file_offset = file_offset;
  return op;
}

Operation& Harness::make_vector(Opcode opcode, OpenFile& file, const std::vector<size_t>& lengths,
                                int64_t file_offset) {
  Operation& op = make(opcode, &file);
  op.file_offset = file_offset;
  std::vector<IoVector>& vectors = op.details().vectors;
  for (const size_t length : lengths) vectors.push_back({memory(length).data(), length});
  return op;
}

Operation& Harness::make_path(Opcode opcode, const PathString& path, int32_t flags,
                              uint32_t options) {
  Operation& op = make(opcode);
  OpenRequest& request = op.details().open;
  request.path = path;
  request.flags = flags;
  request.mode = 0666;
  request.options = options;
  return op;
}

std::span<std::byte> Harness::memory(size_t size, size_t alignment) {
  std::vector<std::byte>& block = memory_.emplace_back(size + alignment);
  if (alignment == 0) return {block.data(), size};
  const size_t excess = reinterpret_cast<uintptr_t>(block.data()) % alignment;
  return {block.data() + (alignment - excess) % alignment, size};
}

OpenFile& Harness::adopt(std::unique_ptr<OpenFile> file) {
  return *files_.emplace_back(std::move(file));
}

void Harness::submit(Operation& operation) { submit(std::vector<Operation*>{&operation}); }

void Harness::submit(const std::vector<Operation*>& operations) {
  OperationList batch;
  for (Operation* const op : operations) {
    REQUIRE(!submitted_[op->id]);
    submitted_[op->id] = 1;
    ++submitted_count_;
    batch.push_back(op);
  }
  engine_->submit(std::move(batch));
}

void Harness::cancel(Operation& operation) { engine_->cancel(operation); }

bool Harness::collect() {
  const size_t before = back_count_;
  if (engine_) take(engine_->poll());
  take(sink_.take_all());
  return back_count_ != before;
}

void Harness::take(OperationList list) {
  while (Operation* const op = list.pop_front()) {
    CHECK(submitted_[op->id] == 1);
    CHECK(op->state.load() == OperationState::kCompleted);
    if (++back_[op->id] == 1) {
      ++back_count_;
    } else {
      report_failure(__FILE__, __LINE__, "an operation came back more than once");
    }
  }
}

template <typename Done>
bool Harness::wait_until(Done done) {
  while (!done()) {
    if (collect()) continue;
    // Unannounced completions are collected, as the environment does in its next turn.
    if (engine_->has_unannounced()) continue;
    if (sink_.wait(engine_->wait_descriptor(), kPatience)) continue;
    report_failure(__FILE__, __LINE__,
                   "no wake-up, " + std::to_string(in_flight()) + " operations in flight");
    return false;
  }
  return true;
}

bool Harness::wait(const Operation& operation) {
  return wait_until([&] { return is_back(operation); });
}

bool Harness::wait_for_all() {
  return wait_until([this] { return in_flight() == 0; });
}

Result Harness::run(Operation& operation) {
  submit(operation);
  REQUIRE(wait(operation));
  return operation.result;
}

void Harness::cancel_all() {
  for (Operation& op : operations_) {
    if (submitted_[op.id] && !is_back(op)) engine_->cancel(op);
  }
}

void Harness::drain() {
  engine_->drain();
  collect();
  CHECK_EQUAL(in_flight(), 0U);
}

void Harness::end() {
  drain();
  engine_.reset();
  collect();
}

void Harness::reuse(Operation& operation) {
  REQUIRE(back_[operation.id] == 1);
  --submitted_count_;
  --back_count_;
  submitted_[operation.id] = back_[operation.id] = 0;
  operation.reset();
}

OpenFile* Harness::open(const PathString& path, int32_t flags, uint32_t options) {
  Operation& op = make_path(Opcode::kOpen, path, flags, options);
  const Result result = run(op);
  CHECK_EQUAL(result.os_error, 0U);
  REQUIRE(op.detail->opened != nullptr);
  return &adopt(std::move(op.detail->opened));
}

Result Harness::read(OpenFile& file, std::span<std::byte> memory, int64_t file_offset) {
  return run(make_transfer(Opcode::kRead, file, memory, file_offset));
}

Result Harness::write(OpenFile& file, std::span<std::byte> memory, int64_t file_offset) {
  return run(make_transfer(Opcode::kWrite, file, memory, file_offset));
}

std::string Harness::read_text(OpenFile& file, size_t length, int64_t file_offset) {
  const std::span<std::byte> into = memory(length);
  const Result result = read(file, into, file_offset);
  if (!result.ok()) return "error " + std::to_string(result.os_error);
  return {reinterpret_cast<const char*>(into.data()), static_cast<size_t>(result.value)};
}

Result Harness::write_text(OpenFile& file, std::string_view text, int64_t file_offset) {
  const std::span<std::byte> from = memory(text.size());
  if (!text.empty()) std::memcpy(from.data(), text.data(), text.size());
  return write(file, from, file_offset);
}

FileStatus Harness::status(OpenFile& file) {
  Operation& op = make(Opcode::kStat, &file);
  CHECK_EQUAL(run(op).os_error, 0U);
  return op.details().status;
}

std::span<const std::byte> content_of(const Operation& operation) {
  if (!operation.result.ok() || !operation.detail->content) return {};
  return {operation.detail->content.get(), static_cast<size_t>(operation.result.value)};
}

namespace {

// The byte at an offset of a file; 251 is a prime, so blocks of any usual size differ.
std::byte pattern_at(uint64_t place, uint64_t seed) {
  return static_cast<std::byte>((place + place / 251 * 7 + seed * 31) % 251);
}

}  // namespace

void fill_pattern(std::span<std::byte> memory, uint64_t file_offset, uint64_t seed) {
  for (size_t i = 0; i < memory.size(); ++i) memory[i] = pattern_at(file_offset + i, seed);
}

bool has_pattern(std::span<const std::byte> memory, uint64_t file_offset, uint64_t seed) {
  for (size_t i = 0; i < memory.size(); ++i) {
    if (memory[i] != pattern_at(file_offset + i, seed)) return false;
  }
  return true;
}

uint64_t Random::next() {
  // The xorshift64* generator (Vigna 2016).
  state_ ^= state_ >> 12;
  state_ ^= state_ << 25;
  state_ ^= state_ >> 27;
  return state_ * 0x2545F4914F6CDD1DULL;
}

}  // namespace overlapped::testing
