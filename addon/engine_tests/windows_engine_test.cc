// The guarantees of the engines on Windows, tested without Node. Empty on other systems.
#ifdef _WIN32

#include <algorithm>
#include <array>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "engine.h"
#include "iocp/iocp_engine.h"
#include "test.h"
#include "system/blocking.h"
#include "threadpool/threadpool_engine.h"

namespace overlapped {
namespace {

constexpr int32_t kReadOnlyFlag = 0x0;
constexpr int32_t kWriteOnlyFlag = 0x1;
constexpr int32_t kReadWriteFlag = 0x2;
constexpr int32_t kAppendFlag = 0x8;
constexpr int32_t kCreateFlag = 0x100;
constexpr int32_t kTruncateFlag = 0x200;
constexpr int32_t kExclusiveFlag = 0x400;
constexpr int32_t kNew = kReadWriteFlag | kCreateFlag | kTruncateFlag;
constexpr auto kPatience = std::chrono::seconds(60);

// Collects completions and counts how often each operation came back.
class Collector final : public CompletionSink {
 public:
  void complete(OperationList completed) override {
    std::lock_guard lock(mutex_);
    while (Operation* const op = completed.pop_front()) done_.push_back(op);
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
  explicit Fixture(const IocpTuning& tuning) {
    UniqueHandle port(CreateIoCompletionPort(INVALID_HANDLE_VALUE, nullptr, 0, 2));
    engine = std::make_unique<IocpEngine>(sink, std::move(port), 2, tuning);
    prepare();
  }
  ~Fixture() {
    engine->drain();
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

void on_each_engine(const std::function<void(Fixture&)>& body) {
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

TEST(windows_file_keeps_what_is_written) {
  on_each_engine([](Fixture& f) {
    std::unique_ptr<OpenFile> file;
    CHECK(f.open(f.path(L"a"), kNew, file).ok());
    CHECK(file->device_type() == DeviceType::kDisk);
    CHECK(file->overlapped == (f.engine->kind() == EngineKind::kIocp));
    CHECK(f.write(*file, "hello world", 0).value == 11);
    CHECK(f.read(*file, 5, 6) == "world");
    FileStatus status = f.status(*file);
    CHECK(status.size == 11);
    CHECK(status.mode == (0x8000 | 0666));
    CHECK(status.nlink == 1 && status.ino != 0 && status.blksize == 4096);
    const auto now = std::chrono::duration_cast<std::chrono::seconds>(
                         std::chrono::system_clock::now().time_since_epoch())
                         .count();
    CHECK(std::abs(status.seconds[1] - now) < 3600);
    CHECK(f.simple(Opcode::kTruncate, *file, 5).ok());
    CHECK(f.status(*file).size == 5);
    CHECK(f.simple(Opcode::kSync, *file).ok());
    CHECK(f.simple(Opcode::kDataSync, *file).ok());
    CHECK(f.simple(Opcode::kClose, *file).ok());
    CHECK(f.simple(Opcode::kClose, *file).ok());
    CHECK(f.transfer(Opcode::kTruncate, *file, nullptr, 0, -1).os_error == ERROR_INVALID_HANDLE);
  });
}

TEST(windows_read_at_the_end_gives_nothing) {
  on_each_engine([](Fixture& f) {
    std::unique_ptr<OpenFile> file;
    CHECK(f.open(f.path(L"a"), kNew, file).ok());
    CHECK(f.read(*file, 10, 0).empty());
    CHECK(f.write(*file, "abc", 0).value == 3);
    CHECK(f.read(*file, 10, 1) == "bc");
    CHECK(f.read(*file, 10, 3).empty());
    CHECK(f.read(*file, 10, 1 << 20).empty());
    CHECK(f.read(*file, 0, 0).empty());
  });
}

TEST(windows_cursor_follows_operations_without_a_position) {
  on_each_engine([](Fixture& f) {
    std::unique_ptr<OpenFile> file;
    CHECK(f.open(f.path(L"a"), kNew, file).ok());
    CHECK(f.write(*file, "abc", -1).value == 3);
    CHECK(f.write(*file, "def", -1).value == 3);
    CHECK(f.read(*file, 6, 0) == "abcdef");
    CHECK(f.read(*file, 6, -1).empty());
    file->set_cursor(1);
    CHECK(f.read(*file, 2, -1) == "bc");
    CHECK(f.read(*file, 9, -1) == "def");
    CHECK(file->cursor() == 6);
  });
}

TEST(windows_append_writes_at_the_end) {
  for (const int64_t preallocate : {int64_t{0}, int64_t{1} << 20}) {
    on_each_engine([&](Fixture& f) {
      std::unique_ptr<OpenFile> file;
      const int32_t flags = kReadWriteFlag | kCreateFlag | kAppendFlag;
      CHECK(f.open(f.path(L"a"), flags, file, 0, preallocate).ok());
      CHECK(f.status(*file).size == 0);
      CHECK(f.write(*file, "one", -1).value == 3);
      CHECK(file->cursor() == 3);
      CHECK(f.write(*file, "two", 0).value == 3);
      CHECK(f.read(*file, 10, 0) == "onetwo");
      CHECK(f.write(*file, "three", -1).value == 5);
      CHECK(file->cursor() == 11);
      CHECK(f.read(*file, 20, 0) == "onetwothree");
    });
  }
}

TEST(windows_open_reports_errors) {
  on_each_engine([](Fixture& f) {
    std::unique_ptr<OpenFile> file;
    CHECK(f.open(f.path(L"missing"), kReadOnlyFlag, file).os_error == ERROR_FILE_NOT_FOUND);
    CHECK(!file);
    CHECK(f.open(f.path(L"no\\file"), kReadOnlyFlag, file).os_error == ERROR_PATH_NOT_FOUND);
    CHECK(f.open(f.path(L"a"), 3, file).os_error == ERROR_INVALID_PARAMETER);
    CHECK(f.open(f.path(L"a"), kNew, file).ok());
    CHECK(f.open(f.path(L"a"), kNew | kExclusiveFlag, file).os_error == ERROR_FILE_EXISTS);
    std::unique_ptr<OpenFile> reader;
    CHECK(f.open(f.path(L"a"), kReadOnlyFlag, reader).ok());
    CHECK(f.write(*reader, "x", 0).os_error == ERROR_ACCESS_DENIED);
    std::unique_ptr<OpenFile> writer;
    CHECK(f.open(f.path(L"a"), kWriteOnlyFlag, writer).ok());
    CHECK(f.read(*writer, 1, 0) == "error " + std::to_string(ERROR_ACCESS_DENIED));
  });
}

TEST(windows_directory_opens_but_does_not_read) {
  on_each_engine([](Fixture& f) {
    std::unique_ptr<OpenFile> folder;
    CHECK(f.open(f.path(L"."), kReadOnlyFlag, folder).ok());
    if (!folder) return;
    CHECK(folder->device_type() == DeviceType::kDirectory);
    const FileStatus status = f.status(*folder);
    CHECK((status.mode & 0xF000) == 0x4000 && status.size == 0);
    std::unique_ptr<OpenFile> created;
    CHECK(!f.open(f.path(L"."), kWriteOnlyFlag | kCreateFlag | kTruncateFlag, created).ok());
    CHECK(f.read(*folder, 10, 0).rfind("error ", 0) == 0);
    Operation op;
    op.opcode = Opcode::kReadPath;
    op.details().open = OpenRequest{.path = f.path(L"."), .flags = kReadOnlyFlag};
    CHECK(f.run(op).ok());
    CHECK(op.detail->opened && op.detail->opened->device_type() == DeviceType::kDirectory);
  });
}

TEST(windows_vectors_stop_at_a_short_transfer) {
  on_each_engine([](Fixture& f) {
    std::unique_ptr<OpenFile> file;
    CHECK(f.open(f.path(L"a"), kNew, file).ok());
    std::array<std::string, 4> parts{"abc", "", "defg", "h"};
    Operation op;
    op.opcode = Opcode::kWriteVector;
    op.file = file.get();
    for (auto& part : parts) {
      op.details().vectors.push_back({reinterpret_cast<std::byte*>(part.data()), part.size()});
    }
    CHECK(f.run(op).value == 8);
    CHECK(file->cursor() == 8);
    op.opcode = Opcode::kReadVector;
    op.file_offset = 2;
    for (auto& part : parts) part.assign(part.size(), '.');
    CHECK(f.run(op).value == 6);
    CHECK(parts[0] == "cde" && parts[2] == "fgh." && parts[3] == ".");
    op.file_offset = 8;
    CHECK(f.run(op).ok() && op.result.value == 0);
    op.detail->vectors.clear();
    CHECK(f.run(op).ok() && op.result.value == 0);
  });
}

TEST(windows_paths_are_read_and_written_as_one) {
  on_each_engine([](Fixture& f) {
    std::string text(100000, 'x');
    Operation write;
    write.opcode = Opcode::kWritePath;
    write.details().open =
        OpenRequest{.path = f.path(L"a"),
                    .flags = kWriteOnlyFlag | kCreateFlag | kTruncateFlag,
                    .mode = 0666};
    write.data = reinterpret_cast<std::byte*>(text.data());
    write.length = text.size();
    CHECK(f.run(write).value == 100000);
    Operation read;
    read.opcode = Opcode::kReadPath;
    read.details().open = OpenRequest{.path = f.path(L"a"), .flags = kReadOnlyFlag};
    CHECK(f.run(read).value == 100000);
    CHECK(!read.detail->opened && read.detail->content);
    CHECK(std::memcmp(read.detail->content.get(), text.data(), text.size()) == 0);

    text.assign(kReadPathMax + 1, 'y');
    write.data = reinterpret_cast<std::byte*>(text.data());
    write.length = text.size();
    CHECK(f.run(write).ok());
    CHECK(f.run(read).ok());
    CHECK(read.detail->opened != nullptr);
    if (!read.detail->opened) return;
    OpenFile& file = *read.detail->opened;
    CHECK(file.overlapped == (f.engine->kind() == EngineKind::kIocp));
    CHECK(f.read(file, 2, static_cast<int64_t>(kReadPathMax)) == "y");
    CHECK(f.read(file, 2, -1) == "yy");
  });
}

TEST(windows_status_by_path) {
  on_each_engine([](Fixture& f) {
    std::unique_ptr<OpenFile> file;
    CHECK(f.open(f.path(L"a"), kNew, file).ok());
    CHECK(f.write(*file, "abc", 0).ok());
    for (const Opcode opcode : {Opcode::kStatPath, Opcode::kLstatPath}) {
      Operation op;
      op.opcode = opcode;
      op.details().open.path = f.path(L"a");
      CHECK(f.run(op).ok());
      CHECK(op.detail->status.size == 3 && op.detail->status.ino == f.status(*file).ino);
      op.detail->open.path = f.path(L"missing");
      CHECK(f.run(op).os_error == ERROR_FILE_NOT_FOUND);
    }
    std::unique_ptr<OpenFile> read_only;
    Operation op;
    op.opcode = Opcode::kOpen;
    op.details().open = OpenRequest{.path = f.path(L"r"), .flags = kNew, .mode = 0444};
    CHECK(f.run(op).ok());
    CHECK(f.status(*op.detail->opened).mode == (0x8000 | 0444));
    op.detail->opened.reset();
    SetFileAttributesW(f.path(L"r").c_str(), FILE_ATTRIBUTE_NORMAL);
  });
}

TEST(windows_options_of_open) {
  on_each_engine([](Fixture& f) {
    std::unique_ptr<OpenFile> file;
    CHECK(f.open(f.path(L"u"), kNew, file, kUnbuffered | kWriteThrough).ok());
    CHECK(file->unbuffered && file->alignment.position >= 512);
    CHECK(file->alignment.length == file->alignment.position);
    CHECK(file->alignment.memory >= file->alignment.position);
    alignas(4096) std::array<char, 8192> buffer;
    buffer.fill('z');
    CHECK(f.transfer(Opcode::kWrite, *file, buffer.data(), 4096, 0).value == 4096);
    CHECK(f.transfer(Opcode::kRead, *file, buffer.data(), 8192, 0).value == 4096);
    CHECK(f.transfer(Opcode::kRead, *file, buffer.data(), 4096, 8192).ok());
    const int32_t append = kWriteOnlyFlag | kCreateFlag | kAppendFlag;
    CHECK(f.open(f.path(L"u"), append, file, kUnbuffered).ok());
    // lib/ tracks the end of an unbuffered file, so the position is used.
    CHECK(f.transfer(Opcode::kWrite, *file, buffer.data(), 4096, 4096).value == 4096);
    CHECK(f.status(*file).size == 8192);
    CHECK(f.open(f.path(L"u"), kReadOnlyFlag, file, kUnbufferedPrefer | kAccessSequential).ok());
    CHECK(f.open(f.path(L"d"), kNew, file, kDeleteOnClose).ok());
    CHECK(f.simple(Opcode::kClose, *file).ok());
    CHECK(f.open(f.path(L"d"), kReadOnlyFlag, file).os_error == ERROR_FILE_NOT_FOUND);
    CHECK(f.open(f.path(L"p"), kNew, file, kAccessRandom, 1 << 20).ok());
    CHECK(f.status(*file).size == 0);
    CHECK(f.write(*file, "abc", 0).ok());
    CHECK(f.status(*file).size == 3);
  });
}

// Far more than the port may have in flight: the rest waits in the engine, and all complete.
TEST(windows_ten_thousand_operations_at_once) {
  constexpr size_t kCount = 10000;
  on_each_engine([](Fixture& f) {
    std::unique_ptr<OpenFile> file;
    CHECK(f.open(f.path(L"a"), kNew, file).ok());
    std::vector<uint32_t> numbers(kCount);
    for (size_t i = 0; i < kCount; ++i) numbers[i] = static_cast<uint32_t>(i * 7 + 1);
    CHECK(f.transfer(Opcode::kWrite, *file, numbers.data(), kCount * 4, 0).ok());
    std::vector<uint32_t> found(kCount);
    std::vector<Operation> ops(kCount);
    OperationList batch;
    for (size_t i = 0; i < kCount; ++i) {
      ops[i].file = file.get();
      ops[i].data = reinterpret_cast<std::byte*>(&found[i]);
      ops[i].length = 4;
      ops[i].file_offset = static_cast<int64_t>(i * 4);
      batch.push_back(&ops[i]);
    }
    f.sink.clear();
    f.engine->submit(std::move(batch));
    CHECK(f.sink.wait_for(kCount));
    f.engine->drain();
    CHECK(f.sink.count() == kCount && f.sink.each_once());
    CHECK(found == numbers);
    CHECK(std::all_of(ops.begin(), ops.end(), [](auto& op) { return op.result.value == 4; }));
    if (f.engine->kind() == EngineKind::kIocp) {
      CHECK(f.engine->counters().port_packets >= kCount);
    }
  });
}

TEST(windows_ten_thousand_blocking_operations_at_once) {
  constexpr size_t kCount = 10000;
  on_each_engine([](Fixture& f) {
    std::vector<Operation> ops(kCount);
    OperationList batch;
    for (auto& op : ops) {
      op.opcode = Opcode::kStatPath;
      op.details().open.path = f.path(L"missing");
      batch.push_back(&op);
    }
    f.engine->submit(std::move(batch));
    for (size_t i = 0; i < kCount; i += 2) f.engine->cancel(ops[i]);
    CHECK(f.sink.wait_for(kCount));
    f.engine->drain();
    CHECK(f.sink.count() == kCount && f.sink.each_once());
    size_t cancelled = 0;
    for (auto& op : ops) {
      CHECK(op.result.os_error == ERROR_FILE_NOT_FOUND || op.result.os_error == kCancelledError);
      cancelled += op.result.os_error == kCancelledError;
    }
    CHECK(cancelled > 0 && cancelled <= kCount / 2);
  });
}

std::vector<Operation> pending_reads(PipePair& pipe, std::vector<std::byte>& buffer) {
  std::vector<Operation> ops(buffer.size());
  for (size_t i = 0; i < buffer.size(); ++i) {
    ops[i].file = pipe.server.get();
    ops[i].data = &buffer[i];
    ops[i].length = 1;
  }
  return ops;
}

OperationList as_batch(std::vector<Operation>& ops) {
  OperationList batch;
  for (auto& op : ops) batch.push_back(&op);
  return batch;
}

TEST(windows_cancelled_pipe_reads_come_back_once_each) {
  constexpr size_t kCount = 3000;  // some are pending; beyond 1,024, some are queued
  for (const int wait_ms : {0, 1, 100}) {
    Fixture f{std::string("iocp")};
    PipePair pipe(*f.engine);
    std::vector<std::byte> buffer(kCount);
    std::vector<Operation> ops = pending_reads(pipe, buffer);
    f.engine->submit(as_batch(ops));
    std::this_thread::sleep_for(std::chrono::milliseconds(wait_ms));
    for (auto& op : ops) f.engine->cancel(op);
    CHECK(f.sink.wait_for(kCount));
    f.engine->drain();
    CHECK(f.sink.count() == kCount && f.sink.each_once());
    for (auto& op : ops) CHECK(op.result.os_error == kCancelledError);
    for (auto& op : ops) f.engine->cancel(op);
    CHECK(f.sink.count() == kCount);
  }
}

TEST(windows_cancel_races_with_completion) {
  constexpr size_t kCount = 200;
  for (int round = 0; round < 20; ++round) {
    Fixture f{std::string("iocp")};
    PipePair pipe(*f.engine);
    std::vector<std::byte> buffer(kCount);
    std::vector<Operation> ops = pending_reads(pipe, buffer);
    std::vector<std::byte> text(kCount / 2, std::byte{'x'});
    Operation write;
    write.opcode = Opcode::kWrite;
    write.file = pipe.client.get();
    write.data = text.data();
    write.length = text.size();
    f.engine->submit(as_batch(ops));
    f.submit(write);
    for (auto& op : ops) f.engine->cancel(op);
    CHECK(f.sink.wait_for(kCount + 1));
    f.engine->drain();
    CHECK(f.sink.count() == kCount + 1 && f.sink.each_once());
    for (size_t i = 0; i < kCount; ++i) {
      const Result result = ops[i].result;
      CHECK(result.os_error == kCancelledError ||
            (result.ok() && result.value == 1 && buffer[i] == std::byte{'x'}));
    }
  }
}

TEST(windows_pipe_whose_other_side_is_closed_gives_nothing) {
  Fixture f{std::string("iocp")};
  PipePair pipe(*f.engine);
  CHECK(f.write(*pipe.client, "bye", -1).value == 3);
  CHECK(f.read(*pipe.server, 10, -1) == "bye");
  CHECK(f.simple(Opcode::kClose, *pipe.client).ok());
  CHECK(f.read(*pipe.server, 10, -1).empty());
  CHECK(f.status(*pipe.server).mode == 0x1000);
}

TEST(windows_message_longer_than_the_buffer_is_read_in_parts) {
  Fixture f{std::string("iocp")};
  PipePair pipe(*f.engine, PIPE_TYPE_MESSAGE | PIPE_READMODE_MESSAGE);
  CHECK(f.write(*pipe.client, "abcdef", -1).value == 6);
  CHECK(f.read(*pipe.server, 4, -1) == "abcd");
  CHECK(f.read(*pipe.server, 4, -1) == "ef");
  // The first part arrives only after the read has been issued.
  std::string text(4, '\0');
  Operation read;
  read.file = pipe.server.get();
  read.data = reinterpret_cast<std::byte*>(text.data());
  read.length = text.size();
  f.sink.clear();
  f.submit(read);
  std::string message = "ghijkl";
  Operation write;
  write.opcode = Opcode::kWrite;
  write.file = pipe.client.get();
  write.data = reinterpret_cast<std::byte*>(message.data());
  write.length = message.size();
  f.submit(write);
  CHECK(f.sink.wait_for(2));
  CHECK(read.result.value == 4 && text == "ghij");
  CHECK(f.read(*pipe.server, 4, -1) == "kl");
}

// A synchronous pipe end: its transfers block in a separate pool, while files are still served.
TEST(windows_blocking_reads_are_interrupted) {
  constexpr size_t kCount = 20;
  on_each_engine([](Fixture& f) {
    std::array<HANDLE, 2> ends{};
    CHECK(CreatePipe(&ends[0], &ends[1], nullptr, 0));
    OpenFile reader(ends[0], DeviceType::kPipe);
    OpenFile writer(ends[1], DeviceType::kPipe);
    std::vector<std::byte> buffer(kCount);
    std::vector<Operation> ops(kCount);
    for (size_t i = 0; i < kCount; ++i) {
      ops[i].file = &reader;
      ops[i].data = &buffer[i];
      ops[i].length = 1;
    }
    f.engine->submit(as_batch(ops));
    Operation stat;
    stat.opcode = Opcode::kStatPath;
    stat.details().open.path = f.path(L".");
    f.submit(stat);
    CHECK(f.sink.wait_for(1));
    CHECK(stat.result.ok());
    for (auto& op : ops) f.engine->cancel(op);
    CHECK(f.sink.wait_for(kCount + 1));
    f.engine->drain();
    CHECK(f.sink.count() == kCount + 1 && f.sink.each_once());
    for (auto& op : ops) CHECK(op.result.os_error == kCancelledError);
  });
}

TEST(windows_drain_waits_for_operations_in_flight) {
  constexpr size_t kCount = 2000;
  on_each_engine([](Fixture& f) {
    std::unique_ptr<OpenFile> file;
    CHECK(f.open(f.path(L"a"), kNew, file).ok());
    std::vector<std::byte> data(4096, std::byte{'d'});
    std::vector<Operation> ops(kCount);
    for (size_t i = 0; i < kCount; ++i) {
      ops[i].opcode = Opcode::kWrite;
      ops[i].file = file.get();
      ops[i].data = data.data();
      ops[i].length = data.size();
      ops[i].file_offset = static_cast<int64_t>(i * data.size());
    }
    f.sink.clear();
    f.engine->submit(as_batch(ops));
    f.engine->drain();
    CHECK(f.sink.count() == kCount && f.sink.each_once());
    CHECK(f.status(*file).size == kCount * data.size());
  });
}

TEST(windows_end_with_everything_in_flight) {
  Fixture f{std::string("iocp")};
  PipePair pipe(*f.engine);
  std::vector<std::byte> buffer(100);
  std::vector<Operation> ops = pending_reads(pipe, buffer);
  f.engine->submit(as_batch(ops));
  for (auto& op : ops) f.engine->cancel(op);
  f.engine->drain();
  CHECK(f.sink.count() == ops.size() && f.sink.each_once());
  // Destroying it does not wait for anything then.
  f.engine = std::make_unique<ThreadpoolEngine>(f.sink);
}

// Fails like a system that is short of resources, with each of its errors in turn; every sixth call
// succeeds.
uint32_t start_scarcely(Operation& op) {
  constexpr uint32_t kShortages[] = {ERROR_INVALID_USER_BUFFER, ERROR_NOT_ENOUGH_MEMORY,
                                     ERROR_NOT_ENOUGH_QUOTA, ERROR_WORKING_SET_QUOTA,
                                     ERROR_NO_SYSTEM_RESOURCES};
  static std::atomic<uint32_t> calls{0};
  const uint32_t turn = ++calls % (std::size(kShortages) + 1);
  return turn < std::size(kShortages) ? kShortages[turn] : start_transfer(op, nullptr, nullptr);
}

TEST(windows_shortage_means_again_later) {
  constexpr size_t kCount = 100;
  Fixture f(IocpTuning{8, start_scarcely});
  std::unique_ptr<OpenFile> file;
  CHECK(f.open(f.path(L"a"), kNew, file).ok());
  std::vector<std::byte> data(512, std::byte{'s'});
  std::vector<Operation> ops(kCount);
  for (size_t i = 0; i < kCount; ++i) {
    ops[i].opcode = Opcode::kWriteVector;
    ops[i].file = file.get();
    ops[i].details().vectors = {{data.data(), 256}, {data.data() + 256, 256}};
    ops[i].file_offset = static_cast<int64_t>(i * data.size());
  }
  f.sink.clear();
  f.engine->submit(as_batch(ops));
  CHECK(f.sink.wait_for(kCount));
  f.engine->drain();
  CHECK(f.sink.count() == kCount && f.sink.each_once());
  for (auto& op : ops) CHECK(op.result.value == 512);
  CHECK(f.engine->counters().retried > 0);
  CHECK(f.status(*file).size == kCount * data.size());
}

TEST(windows_device_without_a_port) {
  on_each_engine([](Fixture& f) {
    std::unique_ptr<OpenFile> file;
    CHECK(f.open(L"\\\\.\\NUL", kReadWriteFlag, file).ok());
    if (!file) return;
    CHECK(file->device_type() == DeviceType::kChar);
    CHECK(f.write(*file, "gone", -1).value == 4);
    CHECK(f.read(*file, 4, -1).empty());
    CHECK(!file->overlapped);
    CHECK((f.status(*file).mode & 0xF000) == 0x2000);
  });
}

}  // namespace
}  // namespace overlapped

#endif
