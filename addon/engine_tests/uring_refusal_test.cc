// A ring that has no room, or is denied.
#ifdef __linux__

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cstddef>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "pipe_source.h"
#include "test.h"
#include "uring/uring_engine.h"

namespace overlapped::testing {

namespace {

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

}  // namespace

}  // namespace overlapped::testing

#endif
