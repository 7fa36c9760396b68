// Features that only Linux has: the protocol of the ring's descriptor, and /proc.
#ifdef __linux__

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>

#include "pipe_source.h"
#include "test.h"
#include "system/blocking.h"
#include "system/in_place.h"

namespace overlapped::testing {

namespace {

// --- the protocol of poll(), wait_descriptor() and has_unannounced()

// The harness relies only on the protocol, and its patience is long: a lost wake-up shows as a
// failure.
ENGINE_TEST(no_wake_up_is_lost_when_bytes_come_at_any_moment) {
  Harness harness(engine);
  constexpr size_t kSources = 4;
  constexpr int kRounds = 6000;
  std::vector<Source> sources;
  for (size_t i = 0; i < kSources; ++i) sources.emplace_back(harness);
  OpenFile& file = *harness.open(harness.path("a"), kOpenNew);
  harness.write_text(file, "abc", 0);
  std::array<Operation*, kSources> reads{};
  for (size_t i = 0; i < kSources; ++i) reads[i] = &make_pipe_read(harness, sources[i]);
  Operation& cached = harness.make_transfer(Opcode::kRead, file, harness.memory(3), 0);
  const std::span<std::byte> bytes = harness.memory(kSources);
  const std::span<std::byte> three = harness.memory(3);

  std::atomic<int> permits{0};
  std::thread writer([&] {
    Random random(10);
    for (int round = 0; round < kRounds; ++round) {
      while (permits.load(std::memory_order_acquire) <= round) std::this_thread::yield();
      for (uint64_t i = random.below(500); i > 0; --i) (void)permits.load();
      for (Source& source : sources) source.put(1);
    }
  });
  bool lost = false;
  for (int round = 0; round < kRounds; ++round) {
    permits.fetch_add(1, std::memory_order_release);
    if (lost) continue;
    for (Operation* const op : reads) harness.submit(*op);
    if (round % 3 == 0) harness.submit(cached);
    lost = !harness.wait_for_all();
    if (lost) continue;
    for (size_t i = 0; i < kSources; ++i) {
      CHECK_EQUAL(reads[i]->result.value, 1);
      harness.reuse(*reads[i]);
      reads[i]->file = &sources[i].reader();
      reads[i]->data = &bytes[i];
      reads[i]->length = 1;
    }
    if (round % 3 == 0) {
      harness.reuse(cached);
      cached.file = &file;
      cached.data = three.data();
      cached.length = three.size();
      cached.file_offset = 0;
    }
  }
  writer.join();
}

ENGINE_TEST(no_wake_up_is_lost_during_cancels) {
  Harness harness(engine);
  Source source(harness);
  std::atomic<int> permits{0};
  constexpr int kRounds = 2000;
  std::thread writer([&] {
    for (int round = 0; round < kRounds; ++round) {
      while (permits.load(std::memory_order_acquire) <= round) std::this_thread::yield();
      source.put(1);
    }
  });
  for (int round = 0; round < kRounds; ++round) {
    Operation& first = make_pipe_read(harness, source);
    Operation& second = make_pipe_read(harness, source);
    harness.submit({&first, &second});
    permits.fetch_add(1, std::memory_order_release);
    harness.cancel(first);
    CHECK(harness.wait(first));
    // One of the two gets the byte.
    if (!first.result.ok()) CHECK(harness.wait(second));
    harness.cancel(second);
    CHECK(harness.wait_for_all());
    CHECK_EQUAL(first.result.value + second.result.value, 1);
  }
  writer.join();
}

TEST(the_descriptor_of_a_ring_is_silent_until_something_is_back) {
  need_uring();
  Harness harness("uring");
  Source source(harness);
  Operation& op = make_pipe_read(harness, source);
  harness.submit(op);
  CHECK(!harness.engine().has_unannounced());
  const int descriptor = harness.engine().wait_descriptor();
  CHECK(descriptor >= 0);
  CHECK(!harness.sink().wait(descriptor, std::chrono::milliseconds(20)));
  source.put(1);
  CHECK(harness.sink().wait(descriptor, Harness::kPatience));
  CHECK(harness.collect());
  CHECK(harness.is_back(op));
  CHECK(!harness.engine().has_unannounced());
}

// --- /proc, whose files report that they are empty

std::string read_plainly(const char* path) {
  std::ifstream stream(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
}

ENGINE_TEST(a_file_that_hides_its_size_is_read_whole) {
  Harness harness(engine);
  for (const char* const path : {"/proc/version", "/proc/self/mountinfo", "/proc/self/limits"}) {
    std::string expected;
    std::string content;
    // Another process may mount something meanwhile.
    do {
      expected = read_plainly(path);
      Operation& op = harness.make_path(Opcode::kReadPath, path);
      CHECK_EQUAL(harness.run(op).os_error, 0U);
      const std::span<const std::byte> bytes = content_of(op);
      content.assign(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    } while (read_plainly(path) != expected);
    CHECK_EQUAL(content, expected);
    // The same through a handle.
    OpenFile& file = *harness.open(path, kOpenRead);
    CHECK_EQUAL(harness.read_text(file, 10, 0), expected.substr(0, 10));
  }
}

ENGINE_TEST(a_large_file_that_hides_its_size_comes_back_open_at_its_start) {
  const std::string expected = read_plainly("/proc/kallsyms");
  if (expected.size() <= kReadPathMax) throw Skip("/proc/kallsyms is small or not there");
  Harness harness(engine);
  Operation& op = harness.make_path(Opcode::kReadPath, "/proc/kallsyms");
  CHECK_EQUAL(harness.run(op).os_error, 0U);
  CHECK(content_of(op).empty());
  REQUIRE(op.detail->opened != nullptr);
  OpenFile& file = harness.adopt(std::move(op.detail->opened));
  CHECK_EQUAL(harness.read_text(file, 16, -1), expected.substr(0, 16));
}

ENGINE_TEST(a_disk_file_open_with_nonblock_is_read_and_written_as_ever) {
  Harness harness(engine);
  const std::string expected = read_plainly("/proc/version");
  OpenFile& version = *harness.open("/proc/version", kOpenRead | O_NONBLOCK);
  CHECK_EQUAL(harness.read_text(version, expected.size(), 0), expected);
  OpenFile& file = *harness.open(harness.path("a"), kOpenNew | O_NONBLOCK);
  CHECK_EQUAL(harness.write_text(file, "abc", 0).value, 3);
  CHECK_EQUAL(harness.read_text(file, 9, 0), "abc");
  const std::span<std::byte> large = harness.memory(4 << 20);
  CHECK_EQUAL(harness.write(file, large, 0).value, large.size());
  CHECK_EQUAL(harness.read(file, large, 0).value, large.size());
}

// --- operations that are tried on the submitting thread

TEST(an_attempt_without_waiting_does_everything_or_nothing) {
  Harness harness("threadpool");
  OpenFile& file = *harness.open(harness.path("a"), kOpenNew);
  const std::span<std::byte> content = harness.memory(10000);
  fill_pattern(content, 0);
  harness.write(file, content, 0);
  const std::span<std::byte> into = harness.memory(10000);
  FileSystems file_systems;
  const auto attempt = [&](OpenFile& from, size_t length, int64_t file_offset) {
    Operation op;
    op.file = &from;
    op.data = into.data();
    op.length = length;
    op.file_offset = file_offset;
    op.result = Result::failure(1);
    const bool done = try_in_place(op, file_systems);
    // An operation that is left to others is unchanged.
    if (!done) CHECK_EQUAL(op.result.os_error, 1U);
    return done ? op.result.value : int64_t{-1};
  };
  const int64_t whole = attempt(file, content.size(), 0);
  if (whole < 0) throw Skip("the file system of temporary files has no RWF_NOWAIT");
  CHECK_EQUAL(whole, content.size());
  CHECK(has_pattern(into, 0));
  CHECK_EQUAL(attempt(file, 100, 10000), 0);
  CHECK_EQUAL(attempt(file, 100, 99999), 0);
  CHECK_EQUAL(attempt(file, 100, 9950), 50);
  // The first of these follows the write at a position, which moves no cursor.
  CHECK_EQUAL(attempt(file, 6000, -1), 6000);
  CHECK_EQUAL(attempt(file, 6000, -1), 4000);
  CHECK_EQUAL(attempt(file, 6000, -1), 0);
  CHECK_EQUAL(attempt(file, 0, 0), -1);
  CHECK_EQUAL(attempt(*harness.open(harness.path("."), kOpenRead), 100, 0), -1);
  CHECK_EQUAL(attempt(*harness.open("/dev/zero", kOpenRead), 100, 0), -1);
}

ENGINE_TEST(cached_reads_are_done_before_submit_returns) {
  Harness harness(engine);
  OpenFile& file = *harness.open(harness.path("a"), kOpenNew);
  harness.write(file, harness.memory(65536), 0);
  Operation attempt;
  attempt.file = &file;
  attempt.data = harness.memory(4096).data();
  attempt.length = 4096;
  attempt.file_offset = 0;
  FileSystems file_systems;
  if (!try_in_place(attempt, file_systems)) {
    throw Skip("the file system of temporary files has no RWF_NOWAIT");
  }
  const uint64_t before = harness.engine().counters().inline_completions;
  for (int i = 0; i < 100; ++i) {
    CHECK_EQUAL(harness.read(file, harness.memory(4096), 0).value, 4096);
  }
  const uint64_t done = harness.engine().counters().inline_completions - before;
  CHECK(harness.engine().completes_inline());
  // Memory pressure may evict a page, but hardly this many.
  CHECK(done > 50);
}

}  // namespace

}  // namespace overlapped::testing

#endif
