#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "mutex.h"
#include "operation.h"

namespace overlapped {

enum class EngineKind : uint8_t { kIocp, kUring, kThreadpool };

const char* engine_name(EngineKind kind);

// Takes operations that threads of an engine have completed. Called on those threads.
class CompletionSink {
 public:
  virtual ~CompletionSink() = default;
  virtual void complete(OperationList completed) = 0;
};

// Counted by the engine. Its submitter counts operations and batches itself.
struct EngineCounters {
  uint64_t inline_completions = 0;  // done before submit() came back to its caller
  uint64_t retried = 0;             // submitted again after the OS was out of resources
  uint64_t port_packets = 0;        // I/O completions taken from a completion port (iocp)
};

// The time until which to wait; nullopt waits without limit.
using Deadline = std::optional<std::chrono::steady_clock::time_point>;

// Waits like wait_until() of a condition variable.
template <typename Done>
bool wait_until(ConditionVariable& changed, Lock& lock, Deadline deadline, Done done) {
  if (deadline) return changed.wait_until(lock, *deadline, done);
  changed.wait(lock, done);
  return true;
}

// The contract of an engine:
// - submit(), run_now(), cancel(), poll() and drain() are called on one thread, the submitting
//   thread.
// - Every submitted operation comes back exactly once, from poll() or through the sink.
// - cancel() is a request; the completion still comes. It does nothing to a completed operation.
// - Nothing blocks but drain(). It returns true when every operation has come back.
// - The destructor may be called only after that. After drain() returned false (an operation is
//   stuck, as on a server that does not answer) abandon() is called instead: the engine uses the
//   sink no more, and neither it nor the operations that it still has may ever be freed.
class Engine {
 public:
  virtual ~Engine() = default;
  virtual EngineKind kind() const = 0;
  // Returns why the engine was replaced after the start; empty if it was not.
  virtual std::string reason() const { return {}; }

  // Prepares a handle that other code has opened, once, before its first operation.
  virtual Result attach(OpenFile& file) {
    (void)file;
    return Result::success(0);
  }

  virtual void submit(OperationList batch) = 0;

  // Gives run_now() memory of kReadInPlaceMax bytes for content, which the next call overwrites.
  virtual void lend(std::byte* memory) { (void)memory; }

  // Runs an operation before it returns if that needs no waiting. A finished operation has its
  // result, with content in the memory of lend() if there is one, and does not come back from
  // poll(); otherwise the engine has not taken it, and returns false.
  virtual bool run_now(Operation& operation) {
    (void)operation;
    return false;
  }

  // Whether run_now() can run operations of this kind at all.
  virtual bool may_run_now(const Operation& operation) const {
    (void)operation;
    return false;
  }

  virtual void cancel(Operation& operation) = 0;

  // Cancels these operations of one file. Some may be done, or have been canceled already.
  virtual void cancel_all(std::span<Operation* const> operations) {
    for (Operation* const operation : operations) cancel(*operation);
  }

  // Returns operations that completed without a thread: during submit(), or found on a ring.
  virtual OperationList poll() { return {}; }

  // A descriptor that becomes readable when poll() has results; -1 if the sink reports all.
  virtual int wait_descriptor() const { return -1; }

  // Called when the descriptor has become readable, before poll().
  virtual void clear_wait_descriptor() {}

  // Whether poll() has more results that the descriptor may not announce.
  virtual bool has_unannounced() const { return false; }

  // True when submit() may complete transfers itself, on the submitting thread.
  virtual bool completes_inline() const { return false; }

  // Returns false if `deadline` comes first.
  virtual bool drain(Deadline deadline = std::nullopt) = 0;
  virtual void abandon() {}
  virtual EngineCounters counters() const = 0;
};

struct EngineChoice {
  std::unique_ptr<Engine> engine;  // null if the wanted engine is not available
  std::string reason;  // why a better engine is not in use, or the wanted one is not available
};

// `wanted` is "iocp", "uring", "threadpool", or empty for the best available engine.
EngineChoice select_engine(const std::string& wanted, CompletionSink& sink);

}  // namespace overlapped
