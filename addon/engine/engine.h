#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>

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

// Counted by the engine; what the submitter can count itself is not here.
struct EngineCounters {
  uint64_t inline_completions = 0;  // done before submit() came back to its caller
  uint64_t retried = 0;             // submitted again after the OS was out of resources
  uint64_t port_packets = 0;        // I/O completions taken from a completion port (iocp)
};

// Until when to wait; nullopt for ever.
using Deadline = std::optional<std::chrono::steady_clock::time_point>;

// As std::condition_variable::wait_until().
template <typename Done>
bool wait_until(std::condition_variable& changed, std::unique_lock<std::mutex>& lock,
                Deadline deadline, Done done) {
  if (deadline) return changed.wait_until(lock, *deadline, done);
  changed.wait(lock, done);
  return true;
}

// The laws (docs: ARCHITECTURE.md, "Laws of the engine"):
// - submit(), cancel(), poll() and drain() are called on one thread, the submitting thread.
// - Every submitted operation comes back exactly once, from poll() or through the sink.
// - cancel() asks; the completion still comes. Cancelling what is done does nothing.
// - Nothing blocks but drain(). It returns true when every operation has come back.
// - The destructor may be called only after that. After drain() returned false (an operation is
//   stuck, as on a server that does not answer) abandon() is called instead: the engine uses the
//   sink no more, and neither it nor the operations that it still has may ever be freed.
class Engine {
 public:
  virtual ~Engine() = default;
  virtual EngineKind kind() const = 0;
  // Why another kind than at the start serves; empty while none does.
  virtual std::string reason() const { return {}; }

  // Prepares a handle that the engine has not opened itself, once, before its first operation.
  virtual Result attach(OpenFile& file) {
    (void)file;
    return Result::success(0);
  }

  virtual void submit(OperationList batch) = 0;
  virtual void cancel(Operation& operation) = 0;

  // The same of all these, which are on one file. Some may be done, or have another request.
  virtual void cancel_all(std::span<Operation* const> operations) {
    for (Operation* const operation : operations) cancel(*operation);
  }

  // What is complete without a thread's doing: finished during submit(), or found on a ring.
  virtual OperationList poll() { return {}; }

  // A descriptor that becomes readable when poll() has something; -1 where the sink tells all.
  virtual int wait_descriptor() const { return -1; }

  // To be called when it has become readable, before poll().
  virtual void clear_wait_descriptor() {}

  // True when poll() has more and the descriptor may not say so.
  virtual bool has_unannounced() const { return false; }

  // True when submit() may complete transfers itself, on the submitting thread.
  virtual bool completes_inline() const { return false; }

  // False if `deadline` comes first.
  virtual bool drain(Deadline deadline = std::nullopt) = 0;
  virtual void abandon() {}
  virtual EngineCounters counters() const = 0;
};

struct EngineChoice {
  std::unique_ptr<Engine> engine;  // null when the wanted engine cannot be had
  std::string reason;  // why a better engine does not serve, or why the wanted one cannot
};

// `wanted` is "iocp", "uring", "threadpool", or empty for the best that the system has.
EngineChoice select_engine(const std::string& wanted, CompletionSink& sink);

}  // namespace overlapped
