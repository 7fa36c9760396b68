#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "engine.h"
#include "iocp/iocp_engine.h"
#include "test.h"

namespace overlapped {

inline constexpr int32_t kReadOnlyFlag = 0x0;
inline constexpr int32_t kWriteOnlyFlag = 0x1;
inline constexpr int32_t kReadWriteFlag = 0x2;
inline constexpr int32_t kAppendFlag = 0x8;
inline constexpr int32_t kCreateFlag = 0x100;
inline constexpr int32_t kTruncateFlag = 0x200;
inline constexpr int32_t kExclusiveFlag = 0x400;
inline constexpr int32_t kNew = kReadWriteFlag | kCreateFlag | kTruncateFlag;
inline constexpr auto kPatience = std::chrono::seconds(60);

// Collects completions and counts how often each operation came back.
class Collector final : public CompletionSink {
 public:
  void complete(OperationList completed) override {
    std::lock_guard lock(mutex_);
    while (Operation* const op = completed.pop_front()) {
      CHECK(op->state.exchange(OperationState::kIdle) == OperationState::kCompleted);
      done_.push_back(op);
    }
    changed_.notify_all();
  }

  bool wait_for(size_t count) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, kPatience, [&] { return done_.size() >= count; });
  }

  size_t count() {
    std::lock_guard lock(mutex_);
    return done_.size();
  }

  bool each_once() {
    std::lock_guard lock(mutex_);
    std::vector<Operation*> sorted = done_;
    std::sort(sorted.begin(), sorted.end());
    return std::adjacent_find(sorted.begin(), sorted.end()) == sorted.end();
  }

  void clear() {
    std::lock_guard lock(mutex_);
    done_.clear();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Operation*> done_;
};

// An engine with its sink, and files in a folder that is removed with it.
class Fixture {
 public:
  explicit Fixture(const std::string& engine_name) {
    EngineChoice choice = select_engine(engine_name, sink);
    engine = std::move(choice.engine);
    prepare();
  }
  explicit Fixture(const IocpTuning& tuning, CompletionPort port = CompletionPort::create(2)) {
    engine = std::make_unique<IocpEngine>(sink, std::move(port), 2, tuning);
    prepare();
  }
  ~Fixture() {
    if (engine) engine->drain();
    engine.reset();
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  Fixture(const Fixture&) = delete;
  Fixture& operator=(const Fixture&) = delete;

  std::wstring path(const std::wstring& name) const { return (folder_ / name).wstring(); }

  void submit(Operation& op) {
    OperationList batch;
    batch.push_back(&op);
    engine->submit(std::move(batch));
  }

  Result run(Operation& op) {
    sink.clear();
    submit(op);
    CHECK(sink.wait_for(1));
    return op.result;
  }

  Result open(const std::wstring& file_path, int32_t flags, std::unique_ptr<OpenFile>& file,
              uint32_t options = 0, int64_t preallocate = 0) {
    Operation op;
    op.opcode = Opcode::kOpen;
    op.details().open = OpenRequest{.path = file_path,
                                    .flags = flags,
                                    .mode = 0666,
                                    .options = options,
                                    .preallocate = preallocate};
    const Result result = run(op);
    file = std::move(op.detail->opened);
    return result;
  }

  Result transfer(Opcode opcode, OpenFile& file, void* data, size_t length, int64_t offset) {
    Operation op;
    op.opcode = opcode;
    op.file = &file;
    op.data = static_cast<std::byte*>(data);
    op.length = length;
    op.file_offset = offset;
    return run(op);
  }

  Result write(OpenFile& file, const std::string& text, int64_t offset) {
    std::string copy = text;
    return transfer(Opcode::kWrite, file, copy.data(), copy.size(), offset);
  }

  std::string read(OpenFile& file, size_t length, int64_t offset) {
    std::string text(length, '\0');
    const Result result = transfer(Opcode::kRead, file, text.data(), length, offset);
    if (!result.ok()) return "error " + std::to_string(result.os_error);
    text.resize(static_cast<size_t>(result.value));
    return text;
  }

  Result simple(Opcode opcode, OpenFile& file, size_t length = 0) {
    Operation op;
    op.opcode = opcode;
    op.file = &file;
    op.length = length;
    return run(op);
  }

  FileStatus status(OpenFile& file) {
    Operation op;
    op.opcode = Opcode::kStat;
    op.file = &file;
    CHECK(run(op).ok());
    return op.detail->status;
  }

  Collector sink;
  std::unique_ptr<Engine> engine;

 private:
  void prepare() {
    CHECK(engine != nullptr);
    static std::atomic<int> number{0};
    folder_ =
        std::filesystem::temp_directory_path() /
        ("overlapped-" + std::to_string(GetCurrentProcessId()) + "-" + std::to_string(++number));
    std::filesystem::create_directories(folder_);
  }

  std::filesystem::path folder_;
};

inline void on_each_engine(const std::function<void(Fixture&)>& body) {
  for (const char* name : {"iocp", "threadpool"}) {
    Fixture fixture{std::string(name)};
    body(fixture);
  }
}

// A named pipe with both ends overlapped and attached to the engine; nothing is written to it
// unless a test does so.
struct PipePair {
  explicit PipePair(Engine& engine, DWORD type = PIPE_TYPE_BYTE) {
    static std::atomic<int> number{0};
    const std::wstring name = L"\\\\.\\pipe\\overlapped-" + std::to_wstring(GetCurrentProcessId()) +
                              L"-" + std::to_wstring(++number);
    constexpr DWORD kBufferSize = 65536;
    const DWORD mode = PIPE_ACCESS_DUPLEX | FILE_FLAG_OVERLAPPED;
    const HANDLE first =
        CreateNamedPipeW(name.c_str(), mode, type, 1, kBufferSize, kBufferSize, 0, nullptr);
    const HANDLE second = CreateFileW(name.c_str(), GENERIC_READ | GENERIC_WRITE, 0, nullptr,
                                      OPEN_EXISTING, FILE_FLAG_OVERLAPPED, nullptr);
    CHECK(first != INVALID_HANDLE_VALUE && second != INVALID_HANDLE_VALUE);
    server = std::make_unique<OpenFile>(first, DeviceType::kPipe);
    client = std::make_unique<OpenFile>(second, DeviceType::kPipe);
    CHECK(engine.attach(*server).ok());
    CHECK(engine.attach(*client).ok());
  }

  std::unique_ptr<OpenFile> server;
  std::unique_ptr<OpenFile> client;
};

inline std::vector<Operation> pending_reads(PipePair& pipe, std::vector<std::byte>& buffer) {
  std::vector<Operation> ops(buffer.size());
  for (size_t i = 0; i < buffer.size(); ++i) {
    ops[i].file = pipe.server.get();
    ops[i].data = &buffer[i];
    ops[i].length = 1;
  }
  return ops;
}

inline OperationList as_batch(std::vector<Operation>& ops) {
  OperationList batch;
  for (auto& op : ops) batch.push_back(&op);
  return batch;
}

}  // namespace overlapped
