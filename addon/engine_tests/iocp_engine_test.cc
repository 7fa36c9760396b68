// The completion port with calls that fail, tested without Node. Empty on other systems.
#ifdef _WIN32

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
