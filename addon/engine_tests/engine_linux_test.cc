// Features that only Linux has: the protocol of the ring's descriptor, a denied ring, /proc.
#ifdef __linux__

#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>

#include "harness.h"
#include "test.h"
#include "system/blocking.h"
#include "system/in_place.h"
#include "uring/uring_engine.h"

namespace overlapped::testing {

namespace {

bool is_cancelled(const Operation& op) { return op.result.os_error == kCancelledError; }

void need_uring() {
  QueueSink sink;
  const EngineChoice choice = select_engine("uring", sink);
  if (!choice.engine) throw Skip(choice.reason);
}

// The read end of a pipe as a file of the engine; bytes are written without the engine.
class Source {
 public:
  explicit Source(Harness& harness) {
    int ends[2];
    if (::pipe(ends) != 0) throw std::runtime_error("pipe() failed");
    reader_ = &harness.adopt(std::make_unique<OpenFile>(ends[0], DeviceType::kPipe));
    writer_ = &harness.adopt(std::make_unique<OpenFile>(ends[1], DeviceType::kPipe));
  }
  OpenFile& reader() { return *reader_; }
  void put(size_t count) {
    const std::string bytes(count, 'x');
    CHECK_EQUAL(::write(writer_->handle(), bytes.data(), count), count);
  }

 private:
  OpenFile* reader_ = nullptr;
  OpenFile* writer_ = nullptr;
};

Operation& make_pipe_read(Harness& harness, Source& source) {
  return harness.make_transfer(Opcode::kRead, source.reader(), harness.memory(1), -1);
}

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

// --- a ring that has no room, or is denied

std::unique_ptr<Engine> make_tiny(CompletionSink& sink) {
  std::string reason;
  std::unique_ptr<Ring> ring = Ring::create(2, 4, reason);
  if (!ring) throw Skip(reason);
  return std::make_unique<UringEngine>(std::move(ring), sink);
}

TEST(completions_beyond_the_completion_queue_come_back_all_the_same) {
  Harness harness(std::in_place, make_tiny);
  Source source(harness);
  for (int round = 0; round < 20; ++round) {
    std::vector<Operation*> reads;
    for (int i = 0; i < 500; ++i) reads.push_back(&make_pipe_read(harness, source));
    harness.submit(reads);
    if (round % 2) {
      source.put(reads.size());
    } else {
      for (Operation* const op : reads) harness.cancel(*op);
    }
    CHECK(harness.wait_for_all());
    for (const Operation* const op : reads) CHECK_EQUAL(op->result.value, round % 2);
  }
}

TEST(a_drain_of_a_tiny_ring_brings_all_back) {
  Harness harness(std::in_place, make_tiny);
  Source source(harness);
  std::vector<Operation*> reads;
  for (int i = 0; i < 6000; ++i) reads.push_back(&make_pipe_read(harness, source));
  harness.submit(reads);
  source.put(reads.size());
  harness.drain();
  for (const Operation* const op : reads) CHECK_EQUAL(op->result.value, 1);
}

// Makes a system call fail for the calling thread and the threads that it creates. With
// `to_submit`, io_uring_enter fails if it has exactly that many entries and waits for none.
void deny(uint32_t number, int error, int to_submit = -1) {
  constexpr auto kNumber = static_cast<uint32_t>(offsetof(seccomp_data, nr));
  constexpr auto kEntries = static_cast<uint32_t>(offsetof(seccomp_data, args[1]));
  constexpr auto kWaitCount = static_cast<uint32_t>(offsetof(seccomp_data, args[2]));
  const auto load = [](uint32_t at) { return sock_filter{BPF_LD | BPF_W | BPF_ABS, 0, 0, at}; };
  const auto skip_unless = [](uint32_t value, uint8_t count) {
    return sock_filter{BPF_JMP | BPF_JEQ | BPF_K, 0, count, value};
  };
  const auto give = [](uint32_t value) { return sock_filter{BPF_RET | BPF_K, 0, 0, value}; };
  std::vector<sock_filter> filter;
  filter.push_back(load(kNumber));
  filter.push_back(skip_unless(number, to_submit < 0 ? 1 : 5));
  if (to_submit >= 0) {
    filter.push_back(load(kEntries));
    filter.push_back(skip_unless(static_cast<uint32_t>(to_submit), 3));
    filter.push_back(load(kWaitCount));
    filter.push_back(skip_unless(0, 1));
  }
  filter.push_back(give(SECCOMP_RET_ERRNO | static_cast<uint32_t>(error)));
  filter.push_back(give(SECCOMP_RET_ALLOW));
  const sock_fprog program{static_cast<unsigned short>(filter.size()), filter.data()};
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
      ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) != 0) {
    throw Skip("this system takes no seccomp filter");
  }
}

// Runs on a separate thread, because its filter cannot be removed.
template <typename Body>
void on_a_thread(Body body) {
  std::string skipped;
  std::thread thread([&] {
    try {
      body();
    } catch (const Skip& skip) {
      skipped = skip.what();
    } catch (const Abandon&) {
      // The failure has already been reported.
    }
  });
  thread.join();
  if (!skipped.empty()) throw Skip(skipped);
}

constexpr int kRefused = 5;

std::vector<Operation*> submit_refused(Harness& harness, Source& source) {
  std::vector<Operation*> reads;
  for (int i = 0; i < kRefused; ++i) reads.push_back(&make_pipe_read(harness, source));
  harness.submit(reads);
  CHECK(harness.engine().counters().retried > 0);
  // The submitter is told to call again, because no descriptor will become readable.
  CHECK(harness.engine().has_unannounced());
  CHECK(!harness.collect());
  CHECK(harness.engine().has_unannounced());
  return reads;
}

TEST(operations_refused_by_a_ring_short_of_resources_go_with_the_next_submission) {
  need_uring();
  for (const int error : {EAGAIN, EBUSY}) {
    on_a_thread([error] {
      deny(__NR_io_uring_enter, error, kRefused);
      Harness harness("uring");
      Source source(harness);
      std::vector<Operation*> all = submit_refused(harness, source);
      all.push_back(&make_pipe_read(harness, source));
      harness.submit(*all.back());
      CHECK(!harness.engine().has_unannounced());
      source.put(all.size());
      CHECK(harness.wait_for_all());
      for (const Operation* const op : all) CHECK_EQUAL(op->result.value, 1);
    });
  }
}

TEST(operations_refused_by_a_ring_short_of_resources_can_be_cancelled) {
  need_uring();
  on_a_thread([] {
    deny(__NR_io_uring_enter, EAGAIN, kRefused);
    Harness harness("uring");
    Source source(harness);
    const std::vector<Operation*> reads = submit_refused(harness, source);
    for (Operation* const op : reads) harness.cancel(*op);
    CHECK(harness.wait_for_all());
    for (const Operation* const op : reads) CHECK(is_cancelled(*op));
  });
}

TEST(drain_submits_operations_refused_by_a_ring_short_of_resources) {
  need_uring();
  on_a_thread([] {
    deny(__NR_io_uring_enter, EBUSY, kRefused);
    Harness harness("uring");
    Source source(harness);
    const std::vector<Operation*> reads = submit_refused(harness, source);
    source.put(reads.size());
    harness.drain();
    for (const Operation* const op : reads) CHECK_EQUAL(op->result.value, 1);
  });
}

TEST(a_ring_that_is_denied_after_the_start_gives_way_to_the_workers) {
  need_uring();
  for (const int error : {EPERM, ENOSYS, EAGAIN}) {
    on_a_thread([error] {
      Harness harness("uring");
      Source source(harness);
      OpenFile* const file = harness.open(harness.path("file"), kOpenNew);
      harness.write_text(*file, "content", 0);
      // One that the kernel already has, and one of these that is canceled.
      Operation& taken = make_pipe_read(harness, source);
      Operation& cancelled = make_pipe_read(harness, source);
      harness.submit({&taken, &cancelled});
      harness.collect();
      CHECK(!harness.is_back(taken));
      deny(__NR_io_uring_enter, error);
      std::vector<Operation*> writes;
      for (int i = 0; i < 16; ++i) {
        writes.push_back(&harness.make_transfer(Opcode::kWrite, *file, harness.memory(100), i));
      }
      harness.submit(writes);
      for (const Operation* const op : writes) {
        REQUIRE(harness.wait(*op));
        CHECK_EQUAL(op->result.value, 100);
      }
      CHECK(harness.is(EngineKind::kThreadpool));
      CHECK(harness.engine().reason().find("io_uring_enter") != std::string::npos);
      harness.cancel(cancelled);
      CHECK(harness.wait(cancelled));
      CHECK(is_cancelled(cancelled));
      source.put(1);
      CHECK(harness.wait(taken));
      CHECK_EQUAL(taken.result.value, 1);
      CHECK_EQUAL(harness.read_text(*file, 1, 0).size(), 1U);
    });
  }
}

TEST(drain_ends_the_operations_of_a_ring_that_is_denied) {
  need_uring();
  on_a_thread([] {
    Harness harness("uring");
    Source source(harness);
    Operation& taken = make_pipe_read(harness, source);
    harness.submit(taken);
    deny(__NR_io_uring_enter, EPERM);
    source.put(1);
    harness.drain();
    CHECK(harness.is_back(taken));
    CHECK_EQUAL(taken.result.value, 1);
  });
}

// Sends signals to a thread continuously, as profilers do.
class SignalFlood {
 public:
  SignalFlood() {
    struct sigaction action {};
    action.sa_handler = [](int) {};
    action.sa_flags = SA_RESTART;
    ::sigaction(SIGPROF, &action, &before_);
    flood_ = std::thread([this, target = ::pthread_self()] {
      while (!stop_.load()) ::pthread_kill(target, SIGPROF);
    });
  }
  ~SignalFlood() {
    stop_.store(true);
    flood_.join();
    ::sigaction(SIGPROF, &before_, nullptr);
  }
  SignalFlood(const SignalFlood&) = delete;
  SignalFlood& operator=(const SignalFlood&) = delete;

 private:
  struct sigaction before_ {};
  std::atomic<bool> stop_{false};
  std::thread flood_;
};

// While a signal is pending, the kernel creates no worker for a ring, and ends operations that wait
// for one with ECANCELED (io_uring/io-wq.c), although nobody has canceled them.
TEST(operations_without_a_kernel_worker_are_done_anyway) {
  need_uring();
  constexpr int kRings = 200;
  const SignalFlood flood;
  for (int i = 0; i < kRings; ++i) {
    Harness harness("uring");
    OpenFile* const file = harness.open(harness.path("file"), kOpenNew);
    CHECK_EQUAL(harness.write_text(*file, "content", 0).value, 7);
    std::vector<Operation*> syncs;
    for (int j = 0; j < 4; ++j) syncs.push_back(&harness.make(Opcode::kSync, file));
    harness.submit(syncs);
    CHECK(harness.wait_for_all());
    for (const Operation* const op : syncs) CHECK_EQUAL(op->result.os_error, 0);
  }
}

TEST(where_io_uring_is_denied_the_thread_pool_serves_and_the_reason_is_told) {
  for (const int error : {EPERM, ENOSYS}) {
    on_a_thread([error] {
      deny(__NR_io_uring_setup, error);
      QueueSink sink;
      const EngineChoice best = select_engine("", sink);
      REQUIRE(best.engine != nullptr);
      CHECK_EQUAL(best.engine->kind(), EngineKind::kThreadpool);
      const std::string name = error == EPERM ? "EPERM" : "ENOSYS";
      CHECK(best.reason.find(name) != std::string::npos);
      const EngineChoice forced = select_engine("uring", sink);
      CHECK(forced.engine == nullptr);
      CHECK(forced.reason.find(name) != std::string::npos);
      best.engine->drain();
    });
  }
}

// --- /proc, whose files report that they are empty

std::string read_plainly(const char* path) {
  std::ifstream stream(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
}

ENGINE_TEST(a_file_that_hides_its_size_is_read_whole) {
  Harness harness(engine);
  for (const char* const path : {"/proc/version", "/proc/self/mountinfo", "/proc/cpuinfo"}) {
    const std::string expected = read_plainly(path);
    Operation& op = harness.make_path(Opcode::kReadPath, path);
    CHECK_EQUAL(harness.run(op).os_error, 0U);
    const std::span<const std::byte> content = content_of(op);
    REQUIRE(content.size() == expected.size());
    CHECK(std::memcmp(content.data(), expected.data(), expected.size()) == 0);
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
