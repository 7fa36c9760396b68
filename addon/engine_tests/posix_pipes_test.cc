// The guarantees of engine.h on pipes: waits, cancels, and operations that must not wait for them.
#ifndef _WIN32

#include <unistd.h>

#include <cstring>
#include <string>
#include <thread>

#include "posix_pipe.h"
#include "test.h"

namespace overlapped::testing {

namespace {

ENGINE_TEST(a_pending_read_ends_with_bytes_or_with_the_end_of_the_pipe) {
  Harness harness(engine);
  Pipe pipe(harness);
  const std::span<std::byte> memory = harness.memory(100);
  Operation& first = harness.make_transfer(Opcode::kRead, pipe.reader(), memory, -1);
  harness.submit(first);
  pause_ms(5);
  CHECK(!harness.collect());
  pipe.put("hello");
  CHECK(harness.wait(first));
  CHECK_EQUAL(first.result.value, 5);
  CHECK(std::memcmp(memory.data(), "hello", 5) == 0);
  Operation& last = harness.make_transfer(Opcode::kRead, pipe.reader(), memory, -1);
  harness.submit(last);
  pause_ms(5);
  CHECK_EQUAL(harness.run(harness.make(Opcode::kClose, &pipe.writer())).os_error, 0U);
  CHECK(harness.wait(last));
  CHECK(last.result.ok());
  CHECK_EQUAL(last.result.value, 0);
}

ENGINE_TEST(bytes_go_through_a_pipe_in_order_though_it_is_often_full) {
  Harness harness(engine);
  Pipe pipe(harness);
  constexpr size_t kTotal = 3 << 20;
  const std::span<std::byte> from = harness.memory(kTotal);
  fill_pattern(from, 0);
  const std::span<std::byte> into = harness.memory(100000);
  size_t written = 0;
  size_t read = 0;
  Operation* writing = nullptr;
  while (read < kTotal) {
    Operation& reading = harness.make_transfer(Opcode::kRead, pipe.reader(), into, -1);
    harness.submit(reading);
    if (!writing && written < kTotal) {
      writing = &harness.make_transfer(Opcode::kWrite, pipe.writer(), from.subspan(written), -1);
      harness.submit(*writing);
    }
    REQUIRE(harness.wait(reading));
    REQUIRE(reading.result.value > 0);
    CHECK(has_pattern(into.first(static_cast<size_t>(reading.result.value)), read));
    read += static_cast<size_t>(reading.result.value);
    if (writing && harness.is_back(*writing)) {
      REQUIRE(writing->result.value > 0);
      written += static_cast<size_t>(writing->result.value);
      writing = nullptr;
    }
  }
  CHECK_EQUAL(read, kTotal);
}

ENGINE_TEST(six_thousand_pending_reads_are_each_cancelled_once_and_the_pipe_serves_on) {
  Harness harness(engine);
  Pipe pipe(harness);
  constexpr size_t kReads = 6000;
  const std::span<std::byte> memory = harness.memory(kReads);
  std::vector<Operation*> reads;
  for (size_t i = 0; i < kReads; ++i) {
    reads.push_back(&harness.make_transfer(Opcode::kRead, pipe.reader(), memory.subspan(i, 1), -1));
  }
  harness.submit(reads);
  pause_ms(10);
  CHECK(!harness.collect());
  // The last ones first: they still wait for room in the ring or for a worker.
  Random random(7);
  for (auto next = reads.rbegin(); next != reads.rend(); ++next) {
    Operation* const op = *next;
    harness.cancel(*op);
    if (random.below(8) == 0) harness.cancel(*op);
    if (random.below(8) == 0) harness.collect();
  }
  CHECK(harness.wait_for_all());
  for (const Operation* const op : reads) {
    CHECK(is_cancelled(*op));
    CHECK_EQUAL(harness.times_back(*op), 1U);
  }
  CHECK_EQUAL(harness.write_text(pipe.writer(), "after", -1).value, 5);
  CHECK_EQUAL(harness.read_text(pipe.reader(), 5, -1), "after");
}

ENGINE_TEST(a_cancelled_read_has_taken_no_byte) {
  Harness harness(engine);
  Pipe pipe(harness);
  constexpr size_t kReads = 16;
  constexpr size_t kBytes = 8;
  // Once in some thousand rounds, the ring retries a read just as its cancel arrives.
  const int rounds = harness.is(EngineKind::kUring) ? 5000 : 200;
  for (int round = 0; round < rounds; ++round) {
    const std::span<std::byte> memory = harness.memory(kReads);
    std::vector<Operation*> reads;
    for (size_t i = 0; i < kReads; ++i) {
      reads.push_back(
          &harness.make_transfer(Opcode::kRead, pipe.reader(), memory.subspan(i, 1), -1));
    }
    harness.submit(reads);
    std::thread writer([&pipe] {
      for (size_t i = 0; i < kBytes; ++i) pipe.put("x");
    });
    if (round % 3 == 0) std::this_thread::yield();
    for (Operation* const op : reads) harness.cancel(*op);
    CHECK(harness.wait_for_all());
    writer.join();
    size_t bytes = pipe.take_rest().size();
    for (const Operation* const op : reads) {
      CHECK(op->result.ok() || is_cancelled(*op));
      bytes += static_cast<size_t>(op->result.value);
    }
    CHECK_EQUAL(bytes, kBytes);
  }
}

ENGINE_TEST(a_write_into_a_full_pipe_is_cancelled_or_short_by_what_it_wrote) {
  Harness harness(engine);
  for (const bool full_before : {false, true}) {
    Pipe pipe(harness);
    if (full_before) pipe.put(std::string(65536, 'f'));
    const std::span<std::byte> memory = harness.memory(1 << 20);
    Operation& write = harness.make_transfer(Opcode::kWrite, pipe.writer(), memory, -1);
    harness.submit(write);
    pause_ms(20);
    harness.cancel(write);
    CHECK(harness.wait(write));
    CHECK(write.result.ok() || is_cancelled(write));
    const size_t there = pipe.take_rest().size() - (full_before ? 65536 : 0);
    if (full_before) CHECK(is_cancelled(write));
    CHECK_EQUAL(write.result.value, there);
  }
}

ENGINE_TEST(pending_writes_of_vectors_are_cancelled_too) {
  Harness harness(engine);
  Pipe pipe(harness);
  pipe.put(std::string(65536, 'f'));
  std::vector<Operation*> all;
  for (int i = 0; i < 20; ++i) {
    all.push_back(&harness.make_vector(Opcode::kWriteVector, pipe.writer(), {10, 20, 30}, -1));
  }
  harness.submit(all);
  pause_ms(5);
  for (Operation* const op : all) harness.cancel(*op);
  CHECK(harness.wait_for_all());
  for (const Operation* const op : all) CHECK(is_cancelled(*op));
  CHECK_EQUAL(pipe.take_rest().size(), 65536U);
}

ENGINE_TEST(a_cancel_at_any_moment_of_a_pending_read_is_never_lost) {
  Harness harness(engine);
  Pipe pipe(harness);
  Random random(8);
  constexpr size_t kReads = 48;
  for (int round = 0; round < 100; ++round) {
    std::vector<Operation*> reads;
    for (size_t i = 0; i < kReads; ++i) {
      reads.push_back(&harness.make_transfer(Opcode::kRead, pipe.reader(), harness.memory(1), -1));
    }
    harness.submit(reads);
    // From before a worker has it until it is in its system call: workers take time to start.
    const auto end =
        std::chrono::steady_clock::now() + std::chrono::microseconds(random.below(400));
    while (std::chrono::steady_clock::now() < end) continue;
    for (Operation* const op : reads) harness.cancel(*op);
    REQUIRE(harness.wait_for_all());
    for (const Operation* const op : reads) CHECK(is_cancelled(*op));
  }
}

ENGINE_TEST(drain_after_a_cancel_of_each_pending_read_returns_with_all_of_them) {
  for (int round = 0; round < 20; ++round) {
    Harness harness(engine);
    Pipe pipe(harness);
    std::vector<Operation*> reads;
    for (int i = 0; i < 200; ++i) {
      reads.push_back(&harness.make_transfer(Opcode::kRead, pipe.reader(), harness.memory(1), -1));
    }
    harness.submit(reads);
    if (round % 2) pause_ms(1);
    harness.cancel_all();
    harness.end();
    for (const Operation* const op : reads) CHECK(is_cancelled(*op));
  }
}

ENGINE_TEST(pending_pipe_reads_do_not_hold_up_the_files) {
  Harness harness(engine);
  Pipe pipe(harness);
  std::vector<Operation*> reads;
  for (int i = 0; i < 300; ++i) {
    reads.push_back(&harness.make_transfer(Opcode::kRead, pipe.reader(), harness.memory(1), -1));
  }
  harness.submit(reads);
  OpenFile& file = *harness.open(harness.path("a"), kOpenNew);
  for (int i = 0; i < 100; ++i) {
    CHECK_EQUAL(harness.write_text(file, "abc", 3 * i).value, 3);
    CHECK_EQUAL(harness.read_text(file, 3, 3 * i), "abc");
  }
  CHECK_EQUAL(harness.in_flight(), reads.size());
  pipe.put(std::string(reads.size(), 'x'));
  CHECK(harness.wait_for_all());
}

ENGINE_TEST(reads_that_wait_do_not_hold_up_the_writes_that_end_them) {
  Harness harness(engine);
  Pipe pipe(harness);
  std::vector<Operation*> reads;
  std::vector<Operation*> writes;
  // More than the workers that wait for one direction.
  constexpr int kCount = 200;
  for (int i = 0; i < kCount; ++i) {
    const std::span<std::byte> into = harness.memory(1);
    reads.push_back(&harness.make_transfer(Opcode::kRead, pipe.reader(), into, -1));
    writes.push_back(&harness.make_transfer(Opcode::kWrite, pipe.writer(), harness.memory(1), -1));
  }
  harness.submit(reads);
  harness.submit(writes);
  CHECK(harness.wait_for_all());
  for (const Operation* const op : reads) CHECK_EQUAL(op->result.value, 1);
}

}  // namespace

}  // namespace overlapped::testing

#endif
