// Byte-range locks, on every engine.
#include <chrono>
#include <thread>
#include <vector>

#include "harness.h"
#include "test.h"

namespace overlapped::testing {

namespace {

constexpr auto kHeld = std::chrono::milliseconds(20);

uint32_t held_error() {
#ifdef _WIN32
  return ERROR_LOCK_VIOLATION;
#else
  return EBUSY;
#endif
}

Operation& make_lock(Harness& harness, OpenFile& file, uint32_t flags, int64_t position,
                     size_t length) {
  Operation& op = harness.make(Opcode::kLock, &file);
  op.flags = flags;
  op.file_offset = position;
  op.length = length;
  return op;
}

Result lock(Harness& harness, OpenFile& file, uint32_t flags, int64_t position, size_t length) {
  return harness.run(make_lock(harness, file, flags, position, length));
}

Result unlock(Harness& harness, OpenFile& file, int64_t position, size_t length) {
  Operation& op = harness.make(Opcode::kUnlock, &file);
  op.file_offset = position;
  op.length = length;
  return harness.run(op);
}

PathString pipe_name() {
#ifdef _WIN32
  return L"\\\\.\\pipe\\locks-" + std::to_wstring(GetCurrentProcessId());
#else
  return {};
#endif
}

struct TwoHandles {
  explicit TwoHandles(Harness& harness)
      : first(*harness.open(harness.path("locked"), kOpenNew)),
        second(*harness.open(harness.path("locked"), kOpenBoth)) {}

  OpenFile& first;
  OpenFile& second;
};

}  // namespace

ENGINE_TEST(an_exclusive_lock_keeps_others_out_of_its_range_alone) {
  Harness harness(engine);
  const TwoHandles files(harness);
  CHECK(lock(harness, files.first, kLockExclusive, 10, 10).ok());
  CHECK_EQUAL(lock(harness, files.second, kLockExclusive, 15, 1).os_error, held_error());
  CHECK_EQUAL(lock(harness, files.second, 0, 19, 5).os_error, held_error());
  CHECK(lock(harness, files.second, kLockExclusive, 20, 5).ok());
  CHECK(unlock(harness, files.first, 10, 10).ok());
  CHECK(lock(harness, files.second, kLockExclusive, 15, 1).ok());
}

ENGINE_TEST(shared_locks_stand_together_and_keep_an_exclusive_one_out) {
  Harness harness(engine);
  const TwoHandles files(harness);
  CHECK(lock(harness, files.first, 0, 0, 0).ok());
  CHECK(lock(harness, files.second, 0, 0, 0).ok());
  CHECK(unlock(harness, files.second, 0, 0).ok());
  CHECK_EQUAL(lock(harness, files.second, kLockExclusive, 0, 0).os_error, held_error());
}

ENGINE_TEST(a_lock_of_the_whole_file_reaches_beyond_its_end) {
  Harness harness(engine);
  const TwoHandles files(harness);
  CHECK(lock(harness, files.first, kLockExclusive, 100, 0).ok());
  CHECK(lock(harness, files.second, kLockExclusive, 0, 100).ok());
  const int64_t distant = int64_t{1} << 50;
  CHECK_EQUAL(lock(harness, files.second, kLockExclusive, distant, 1).os_error, held_error());
}

ENGINE_TEST(a_waiting_lock_is_granted_when_the_other_handle_unlocks_or_closes) {
  Harness harness(engine);
  const TwoHandles files(harness);
  for (const bool by_close : {false, true}) {
    CHECK(lock(harness, files.first, kLockExclusive, 0, 10).ok());
    Operation& waits = make_lock(harness, files.second, kLockExclusive | kLockWait, 0, 10);
    harness.submit(waits);
    std::this_thread::sleep_for(kHeld);
    harness.collect();
    CHECK(!harness.is_back(waits));
    if (by_close) {
      CHECK(harness.run(harness.make(Opcode::kClose, &files.first)).ok());
    } else {
      CHECK(unlock(harness, files.first, 0, 10).ok());
    }
    CHECK(harness.wait(waits));
    CHECK(waits.result.ok());
    CHECK(unlock(harness, files.second, 0, 10).ok());
  }
}

ENGINE_TEST(waiting_locks_are_cancelled_and_hold_nothing_up) {
  constexpr size_t kCount = 200;
  Harness harness(engine);
  const TwoHandles files(harness);
  CHECK(lock(harness, files.first, kLockExclusive, 0, 1).ok());
  std::vector<Operation*> waiting;
  for (size_t i = 0; i < kCount; ++i) {
    waiting.push_back(&make_lock(harness, files.second, kLockExclusive | kLockWait, 0, 1));
  }
  harness.submit(waiting);
  CHECK_EQUAL(harness.write_text(files.second, "beside", 100).value, 6);
  CHECK_EQUAL(harness.read_text(files.second, 6, 100), "beside");
  CHECK_EQUAL(harness.in_flight(), kCount);
  harness.engine().cancel_all(waiting);
  CHECK(harness.wait_for_all());
  for (const Operation* const op : waiting) CHECK_EQUAL(op->result.os_error, kCancelledError);
  CHECK(unlock(harness, files.first, 0, 1).ok());
  CHECK(lock(harness, files.second, kLockExclusive, 0, 1).ok());
}

ENGINE_TEST(more_waiting_locks_than_threads_hold_up_no_pipe) {
  Harness harness(engine);
  TwoHandles handles(harness);
  CHECK(lock(harness, handles.first, kLockExclusive, 0, 1).ok());
  std::vector<Operation*> waiting;
  for (int i = 0; i < 100; ++i) {
    waiting.push_back(&make_lock(harness, handles.second, kLockWait, 0, 1));
  }
  harness.submit(waiting);
  std::this_thread::sleep_for(kHeld);
  Operation& made = harness.make_path(Opcode::kCreatePipePair, pipe_name());
  REQUIRE(harness.run(made).ok());
  OpenFile& reader = harness.adopt(std::move(made.detail->opened));
  OpenFile& writer = harness.adopt(std::move(made.detail->opened_peer));
  Operation& read = harness.make_transfer(Opcode::kRead, reader, harness.memory(2), -1);
  harness.submit(read);
  CHECK_EQUAL(harness.write_text(writer, "on", -1).value, 2);
  CHECK(harness.wait(read));
  for (Operation* const op : waiting) harness.cancel(*op);
  CHECK(harness.wait_for_all());
}

ENGINE_TEST(an_engine_ends_while_locks_wait) {
  Harness harness(engine);
  const TwoHandles files(harness);
  CHECK(lock(harness, files.first, kLockExclusive, 0, 0).ok());
  harness.submit(make_lock(harness, files.second, kLockWait, 0, 0));
  std::this_thread::sleep_for(kHeld);
  harness.cancel_all();
  harness.end();
  CHECK_EQUAL(harness.in_flight(), 0U);
}

}  // namespace overlapped::testing
