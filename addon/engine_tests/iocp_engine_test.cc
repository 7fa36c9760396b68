// The completion port with calls that fail, tested without Node. Empty on other systems.
#ifdef _WIN32

#include <algorithm>
#include <atomic>
#include <chrono>
#include <iterator>
#include <memory>
#include <utility>
#include <vector>

#include "test.h"
#include "windows_fixture.h"

namespace overlapped {
namespace {

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

constexpr size_t kOthers = 100;
constexpr int64_t kRefusedPosition = 1 << 20;
std::atomic<uint32_t> refused_calls{0};
std::atomic<size_t> issued_others{0};
std::atomic<size_t> others_before_the_last_refusal{0};

uint32_t start_all_but_one(Operation& op) {
  if (op.file_offset != kRefusedPosition) {
    ++issued_others;
    return start_transfer(op, nullptr, nullptr);
  }
  ++refused_calls;
  others_before_the_last_refusal = issued_others.load();
  return ERROR_NO_SYSTEM_RESOURCES;
}

TEST(windows_a_transfer_that_is_always_refused_fails_after_others_have_passed_it) {
  Fixture f(IocpTuning{1024, start_all_but_one});
  std::unique_ptr<OpenFile> file;
  CHECK(f.open(f.path(L"a"), kNew, file).ok());
  std::vector<std::byte> data(512, std::byte{'s'});
  std::vector<Operation> ops(kOthers + 1);
  for (size_t i = 0; i < ops.size(); ++i) {
    ops[i].opcode = Opcode::kWrite;
    ops[i].file = file.get();
    ops[i].data = data.data();
    ops[i].length = data.size();
    ops[i].file_offset = i == 0 ? kRefusedPosition : static_cast<int64_t>(i * data.size());
  }
  f.sink.clear();
  f.engine->submit(as_batch(ops));
  CHECK(f.sink.wait_for(ops.size()));
  f.engine->drain();
  CHECK(f.sink.each_once());
  CHECK(ops[0].result.os_error == ERROR_NO_SYSTEM_RESOURCES);
  for (size_t i = 1; i < ops.size(); ++i) CHECK(ops[i].result.value == 512);
  CHECK(refused_calls == kRefusalsMax + 1);
  CHECK(others_before_the_last_refusal == kOthers);
}

std::atomic<size_t> calls_that_wait{0};
std::atomic<bool> waiting_calls_may_return{false};

// Plays a driver that does its work inside the call for some transfers, and is slow.
uint32_t start_and_wait_for_some(Operation& op) {
  if (op.file_offset < kRefusedPosition) return start_transfer(op, nullptr, nullptr);
  ++calls_that_wait;
  while (!waiting_calls_may_return) Sleep(1);
  return start_transfer(op, nullptr, nullptr);
}

// Four times as many calls do not return as workers issue at once (2).
TEST(windows_calls_that_do_not_return_hold_up_no_other_transfer) {
  constexpr size_t kStuck = 8;
  constexpr size_t kEach = 10;
  Fixture f(IocpTuning{1024, start_and_wait_for_some});
  std::unique_ptr<OpenFile> file;
  CHECK(f.open(f.path(L"a"), kNew, file).ok());
  std::vector<std::byte> data(16, std::byte{'s'});
  std::vector<Operation> ops(kStuck * kEach);
  for (size_t i = 0; i < ops.size(); ++i) {
    ops[i].opcode = Opcode::kWrite;
    ops[i].file = file.get();
    ops[i].data = data.data();
    ops[i].length = data.size();
    ops[i].file_offset = static_cast<int64_t>(16 * i);
    if (i % kEach == 0) ops[i].file_offset += kRefusedPosition;
  }
  f.sink.clear();
  f.engine->submit(as_batch(ops));
  CHECK(f.sink.wait_for(ops.size() - kStuck));
  CHECK(calls_that_wait == kStuck);
  // So do operations that come later, and those that block.
  CHECK(f.read(*file, 16, 16) == std::string(16, 's'));
  CHECK(f.status(*file).size >= data.size());
  f.sink.clear();
  waiting_calls_may_return = true;
  CHECK(f.sink.wait_for(kStuck));
  f.engine->drain();
  CHECK(f.sink.count() == kStuck && f.sink.each_once());
  for (auto& op : ops) CHECK(op.result.value == 16);
}

constexpr size_t kCallLengthMax = 128 * 1024;
std::atomic<size_t> long_calls{0};

uint32_t start_short_calls(Operation& op) {
  if (op.call_length_max <= kCallLengthMax) return start_transfer(op, nullptr, nullptr);
  ++long_calls;
  return ERROR_WORKING_SET_QUOTA;
}

TEST(windows_a_refused_transfer_is_made_with_shorter_calls) {
  constexpr size_t kLength = (1 << 20) + 5;
  Fixture f(IocpTuning{1024, start_short_calls});
  std::unique_ptr<OpenFile> file;
  CHECK(f.open(f.path(L"a"), kNew, file).ok());
  std::vector<std::byte> data(kLength);
  for (size_t i = 0; i < kLength; ++i) data[i] = static_cast<std::byte>(i * 7 % 251);
  CHECK(f.transfer(Opcode::kWrite, *file, data.data(), kLength, 3).value == kLength);
  CHECK(long_calls > 2);
  std::vector<std::byte> found(kLength + 100);
  CHECK(f.transfer(Opcode::kRead, *file, found.data(), found.size(), 3).value == kLength);
  CHECK(std::equal(data.begin(), data.end(), found.begin()));
  std::fill(found.begin(), found.end(), std::byte{0});
  Operation vectors;
  vectors.opcode = Opcode::kReadVector;
  vectors.file = file.get();
  constexpr size_t kFirst = 600'000;
  vectors.details().vectors = {{found.data(), kFirst}, {found.data() + kFirst, kLength - kFirst}};
  vectors.file_offset = 3;
  CHECK(f.run(vectors).value == kLength);
  CHECK(std::equal(data.begin(), data.end(), found.begin()));
}

// ---- the end with operations that never complete

using std::chrono::milliseconds;

std::atomic<int> calls_that_never_end{0};

// Plays a driver that takes the call and ignores its cancel.
uint32_t start_without_end(Operation& op) {
  op.overlapped.Internal = static_cast<ULONG_PTR>(STATUS_PENDING);
  op.overlapped.operation = &op;
  ++calls_that_never_end;
  return ERROR_IO_PENDING;
}

// A read whose operation and memory are never freed, because the engine never gives it back.
Operation& make_lost_read(std::unique_ptr<OpenFile> file) {
  auto* const op = new Operation;
  op->file = file.release();
  op->data = new std::byte[16];
  op->length = 16;
  op->file_offset = 0;
  return *op;
}

// Checks that a drain ends at its deadline, and leaves the engine to itself.
void abandon_engine(Fixture& f) {
  CHECK(!f.engine->drain(std::chrono::steady_clock::now() + milliseconds(20)));
  f.engine->abandon();
  (void)f.engine.release();
}

TEST(windows_drain_leaves_a_transfer_whose_driver_ignores_the_cancel) {
  const HANDLE port = CreateIoCompletionPort(INVALID_HANDLE_VALUE, nullptr, 0, 2);
  Fixture f(IocpTuning{1024, start_without_end}, CompletionPort(UniqueHandle(port)));
  std::unique_ptr<OpenFile> file;
  CHECK(f.open(f.path(L"a"), kNew, file).ok());
  f.sink.clear();
  Operation& read = make_lost_read(std::move(file));
  f.submit(read);
  while (calls_that_never_end == 0) Sleep(1);
  f.engine->cancel(read);
  abandon_engine(f);
  // Its packet comes to nobody.
  read.overlapped.Internal = 0;
  CHECK(PostQueuedCompletionStatus(port, 0, CompletionPort::kTransferKey, &read.overlapped));
  Sleep(20);
  CHECK(f.sink.count() == 0);
}

std::atomic<int> blocked_calls{0};
std::atomic<bool> calls_are_let_go{false};

// Plays a driver that does its work inside the call, and finds nobody who answers.
uint32_t start_and_block(Operation&) {
  ++blocked_calls;
  while (!calls_are_let_go) Sleep(1);
  --blocked_calls;
  return ERROR_HANDLE_EOF;
}

TEST(windows_drain_leaves_a_call_that_does_not_return) {
  Fixture f(IocpTuning{1024, start_and_block});
  std::unique_ptr<OpenFile> file;
  CHECK(f.open(f.path(L"a"), kNew, file).ok());
  f.sink.clear();
  Operation& read = make_lost_read(std::move(file));
  f.submit(read);
  while (blocked_calls == 0) Sleep(1);
  f.engine->cancel(read);
  abandon_engine(f);
  calls_are_let_go = true;
  while (blocked_calls > 0) Sleep(1);
  Sleep(20);
  CHECK(f.sink.count() == 0);
}

}  // namespace
}  // namespace overlapped

#endif
