// Canceling everything in flight on a file, and closing the file meanwhile.
#include <array>
#include <atomic>
#include <optional>
#include <string>
#include <vector>

#include "../file_table.h"
#include "harness.h"
#include "test.h"

#ifndef _WIN32
#include <unistd.h>
#endif

namespace overlapped::testing {

namespace {

constexpr size_t kPendingReads = 1000;

#ifdef _WIN32
// Transfers that wait on synchronous handles occupy one system thread each.
std::array<NativeHandle, 2> make_pipe(bool overlapped) {
  static std::atomic<int> number{0};
  const std::wstring name = L"\\\\.\\pipe\\cancel-" + std::to_wstring(GetCurrentProcessId()) +
                            L"-" + std::to_wstring(++number);
  constexpr DWORD kBufferSize = 65536;
  const DWORD flag = overlapped ? FILE_FLAG_OVERLAPPED : 0;
  const HANDLE server = CreateNamedPipeW(name.c_str(), PIPE_ACCESS_DUPLEX | flag, PIPE_TYPE_BYTE, 1,
                                         kBufferSize, kBufferSize, 0, nullptr);
  const HANDLE client = CreateFileW(name.c_str(), GENERIC_READ | GENERIC_WRITE, 0, nullptr,
                                    OPEN_EXISTING, flag, nullptr);
  REQUIRE(server != INVALID_HANDLE_VALUE && client != INVALID_HANDLE_VALUE);
  return {server, client};
}
#else
std::array<NativeHandle, 2> make_pipe(bool) {
  std::array<int, 2> ends{};
  REQUIRE(::pipe(ends.data()) == 0);
  return ends;
}
#endif

std::unique_ptr<OpenFile> pipe_end(Harness& harness, NativeHandle handle) {
  auto file = std::make_unique<OpenFile>(handle, DeviceType::kPipe);
  REQUIRE(harness.engine().attach(*file).ok());
  return file;
}

std::vector<Operation*> pending_reads(Harness& harness, OpenFile& reader) {
  const std::span<std::byte> memory = harness.memory(kPendingReads);
  std::vector<Operation*> reads;
  for (size_t i = 0; i < kPendingReads; ++i) {
    reads.push_back(&harness.make_transfer(Opcode::kRead, reader, memory.subspan(i, 1), -1));
  }
  harness.submit(reads);
  return reads;
}

void check_cancelled(const std::vector<Operation*>& reads) {
  size_t cancelled = 0;
  for (const Operation* const op : reads) cancelled += op->result.os_error == kCancelledError;
  CHECK_EQUAL(cancelled, reads.size());
}

// A file as the environment keeps it: its close waits for the last operation on it.
class ClosingFile {
 public:
  ClosingFile(Harness& harness, std::unique_ptr<OpenFile> file)
      : harness_(harness), id_(table_.add(std::move(file))) {}

  OpenFile& file() { return *table_.find(id_); }

  // Requests the close while these operations are in flight.
  void begin(const std::vector<Operation*>& in_flight) {
    OpenFile& open = file();
    open.in_flight = static_cast<uint32_t>(in_flight.size());
    close_ = &harness_.make(Opcode::kClose, &open);
    CHECK(!table_.begin_close(id_, *close_));
    CHECK(table_.find(id_) == nullptr);
  }

  // Does what the environment does with every completion; the last one starts the close.
  Result end(size_t in_flight) {
    Operation* close = nullptr;
    for (size_t i = 0; i < in_flight; ++i) {
      CHECK(close == nullptr);
      close = table_.end_operation(id_);
    }
    REQUIRE(close == close_);
    return harness_.run(*close);
  }

 private:
  Harness& harness_;
  FileTable table_;
  int32_t id_;
  Operation* close_ = nullptr;
};

}  // namespace

ENGINE_TEST(a_thousand_pending_reads_are_cancelled_by_one_call_and_the_pipe_serves_on) {
  Harness harness(engine);
  const auto ends = make_pipe(harness.is(EngineKind::kIocp));
  OpenFile& reader = harness.adopt(pipe_end(harness, ends[0]));
  OpenFile& writer = harness.adopt(pipe_end(harness, ends[1]));
  const std::vector<Operation*> reads = pending_reads(harness, reader);
  harness.engine().cancel_all(reads);
  CHECK(harness.wait_for_all());
  check_cancelled(reads);
  CHECK_EQUAL(harness.write_text(writer, "on", -1).value, 2);
  CHECK_EQUAL(harness.read_text(reader, 2, -1), "on");
}

ENGINE_TEST(a_cancel_of_all_leaves_other_files_alone) {
  Harness harness(engine);
  const bool overlapped = harness.is(EngineKind::kIocp);
  const auto first = make_pipe(overlapped);
  const auto second = make_pipe(overlapped);
  OpenFile& one = harness.adopt(pipe_end(harness, first[0]));
  OpenFile& one_writer = harness.adopt(pipe_end(harness, first[1]));
  OpenFile& other = harness.adopt(pipe_end(harness, second[0]));
  OpenFile& other_writer = harness.adopt(pipe_end(harness, second[1]));
  Operation& stays = harness.make_transfer(Opcode::kRead, other, harness.memory(1), -1);
  Operation& goes = harness.make_transfer(Opcode::kRead, one, harness.memory(1), -1);
  harness.submit({&stays, &goes});
  const std::vector<Operation*> of_one = {&goes};
  harness.engine().cancel_all(of_one);
  CHECK(harness.wait(goes));
  CHECK_EQUAL(goes.result.os_error, kCancelledError);
  CHECK(!harness.is_back(stays));
  CHECK_EQUAL(harness.write_text(other_writer, "x", -1).value, 1);
  CHECK(harness.wait(stays));
  CHECK_EQUAL(stays.result.value, 1);
  CHECK_EQUAL(harness.write_text(one_writer, "y", -1).value, 1);
}

ENGINE_TEST(a_file_is_closed_with_a_thousand_operations_in_flight_a_hundred_times) {
  constexpr int kRounds = 100;
  for (int round = 0; round < kRounds; ++round) {
    Harness harness(engine);
    const auto ends = make_pipe(harness.is(EngineKind::kIocp));
    OpenFile& writer = harness.adopt(pipe_end(harness, ends[1]));
    ClosingFile closing(harness, pipe_end(harness, ends[0]));
    const std::vector<Operation*> reads = pending_reads(harness, closing.file());
    closing.begin(reads);
    harness.engine().cancel_all(reads);
    CHECK(harness.wait_for_all());
    check_cancelled(reads);
    CHECK(closing.end(reads.size()).ok());
    CHECK(!harness.write_text(writer, "nobody reads", -1).ok());
  }
}

ENGINE_TEST(an_operation_cancelled_before_it_began_has_moved_nothing) {
  Harness harness(engine);
  const auto ends = make_pipe(harness.is(EngineKind::kIocp));
  OpenFile& reader = harness.adopt(pipe_end(harness, ends[0]));
  OpenFile& writer = harness.adopt(pipe_end(harness, ends[1]));
  const std::vector<Operation*> reads = pending_reads(harness, reader);
  harness.engine().cancel_all(reads);
  CHECK(harness.wait_for_all());
#ifndef _WIN32
  // An interrupted read has consumed no byte.
  for (const Operation* const op : reads) CHECK(!may_have_moved_bytes(*op));
#else
  for (const Operation* const op : reads) {
    CHECK_EQUAL(may_have_moved_bytes(*op), !op->never_began);
  }
#endif
  CHECK_EQUAL(harness.write_text(writer, "z", -1).value, 1);
}

}  // namespace overlapped::testing
