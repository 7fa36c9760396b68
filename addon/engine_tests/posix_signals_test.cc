// The guarantees of engine.h beside signals, and the descriptors that an engine uses.
#ifndef _WIN32

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "posix_pipe.h"
#include "test.h"

namespace overlapped::testing {

namespace {

// The signal with which the engines interrupt their workers: the one with a handler.
int interrupt_signal() {
#ifdef SIGRTMAX
  for (int signal = SIGRTMAX; signal > SIGRTMIN; --signal) {
    struct sigaction current {};
    if (::sigaction(signal, nullptr, &current) == 0 && current.sa_handler != SIG_DFL) return signal;
  }
#endif
  return SIGURG;
}

// Sends that signal to the process and to the thread that creates it, as fast as possible.
class Pesterer {
 public:
  Pesterer() : victim_(pthread_self()) {
    const int signal = interrupt_signal();
    thread_ = std::thread([this, signal] {
      while (!stopping_.load(std::memory_order_relaxed)) {
        ::pthread_kill(victim_, signal);
        ::kill(::getpid(), signal);
        ++sent_;
        std::this_thread::sleep_for(std::chrono::microseconds(30));
      }
    });
  }
  ~Pesterer() {
    stopping_ = true;
    thread_.join();
  }
  Pesterer(const Pesterer&) = delete;
  Pesterer& operator=(const Pesterer&) = delete;
  size_t sent() const { return sent_; }

 private:
  pthread_t victim_;
  std::atomic<bool> stopping_{false};
  std::atomic<size_t> sent_{0};
  std::thread thread_;
};

ENGINE_TEST(a_cancel_arrives_where_somebody_has_taken_the_handlers_place) {
  Harness harness(engine);
  const PathString fifo = harness.path("fifo");
  REQUIRE(::mkfifo(fifo.c_str(), 0600) == 0);
  Operation& first = harness.make_path(Opcode::kOpen, fifo);
  harness.submit(first);
  harness.cancel(first);
  CHECK(harness.wait(first));
  struct sigaction before {};
  struct sigaction action {};
  action.sa_handler = [](int) {};
  action.sa_flags = SA_RESTART;  // as libuv does
  ::sigaction(interrupt_signal(), &action, &before);
  Operation& second = harness.make_path(Opcode::kOpen, fifo);
  harness.submit(second);
  pause_ms(20);
  harness.cancel(second);
  CHECK(harness.wait(second));
  CHECK(is_cancelled(second));
}

ENGINE_TEST(a_signal_ends_no_operation_that_nobody_cancelled) {
  Harness harness(engine);
  Pipe pipe(harness);
  OpenFile& file = *harness.open(harness.path("a"), kOpenNew);
  const std::span<std::byte> large = harness.memory(1 << 20);
  fill_pattern(large, 0);
  // Starts only once there is a worker, which installs the handler.
  const Pesterer pesterer;
  // On a busy machine the signals come late.
  for (int i = 0; i < 200 || pesterer.sent() <= 100; ++i) {
    Operation& pending = harness.make_transfer(Opcode::kRead, pipe.reader(), harness.memory(1), -1);
    harness.submit(pending);
    CHECK_EQUAL(harness.write(file, large, 0).value, large.size());
    CHECK_EQUAL(harness.read(file, large, 0).value, large.size());
    Operation& whole = harness.make_path(Opcode::kStatPath, harness.path("a"));
    CHECK_EQUAL(harness.run(whole).os_error, 0U);
    if (i % 50 == 0) CHECK_EQUAL(harness.run(harness.make(Opcode::kSync, &file)).os_error, 0U);
    CHECK(!harness.is_back(pending));
    pipe.put("x");
    CHECK(harness.wait(pending));
    CHECK_EQUAL(pending.result.value, 1);
  }
  CHECK(has_pattern(large, 0));
}

ENGINE_TEST(drain_waits_through_signals) {
  Harness harness(engine);
  harness.open(harness.path("a"), kOpenNew);
  Pipe pipe(harness);
  Operation& pending = harness.make_transfer(Opcode::kRead, pipe.reader(), harness.memory(1), -1);
  harness.submit(pending);
  const Pesterer pesterer;
  std::thread writer([&pipe] {
    pause_ms(30);
    pipe.put("x");
  });
  harness.drain();
  writer.join();
  CHECK_EQUAL(pending.result.value, 1);
}

size_t open_descriptors() {
  size_t count = 0;
  for (int fd = 0; fd < 4096; ++fd) count += ::fcntl(fd, F_GETFD) >= 0;
  return count;
}

ENGINE_TEST(an_engine_leaves_no_descriptor_behind) {
  const size_t before = open_descriptors();
  for (int i = 0; i < 30; ++i) {
    Harness harness(engine);
    Pipe pipe(harness);
    OpenFile& file = *harness.open(harness.path("a"), kOpenNew);
    harness.write_text(file, "abc", 0);
    harness.submit(harness.make_transfer(Opcode::kRead, pipe.reader(), harness.memory(1), -1));
    harness.submit(harness.make_path(Opcode::kOpen, harness.path("a")));
    harness.submit(harness.make_path(Opcode::kReadPath, harness.path("a")));
    harness.submit(harness.make_path(Opcode::kWritePath, harness.path("b"), kOpenNew));
  }
  CHECK_EQUAL(open_descriptors(), before);
}

}  // namespace

}  // namespace overlapped::testing

#endif
