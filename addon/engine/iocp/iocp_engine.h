#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "engine.h"
#include "workers/interrupter.h"
#include "workers/thread_pool.h"
#include "completion_port.h"
#include "overlapped_calls.h"

namespace overlapped {

// Whether locks that wait do so at the port.
enum class LockWait : uint8_t { kWhereTheSystemCan, kAtPort };

// The parts that tests replace.
struct IocpTuning {
  size_t in_flight_max = 1024;
  OverlappedCalls::Start start = nullptr;
  LockWait lock_wait = LockWait::kWhereTheSystemCan;
};

// One completion port per engine and a few workers that wait on it. The port brings them three
// things: completed I/O, and word that transfers or blocking operations are queued. Such a word is
// a token: there are never more of them than workers can use, and a worker that holds one takes
// operations from the queue. The submitting thread issues nothing itself, because ReadFile and
// WriteFile may do their whole work synchronously even on overlapped handles (Microsoft KB156932).
//
// Transfers on handles that no port can serve, consoles above all, go to a thread pool of their
// own: they may wait forever, and workers that wait would leave nobody for the port.
class IocpEngine final : public Engine {
 public:
  // Null and a reason when the system refuses a port or its threads.
  static std::unique_ptr<Engine> create(CompletionSink& sink, std::string& reason);

  IocpEngine(CompletionSink& sink, CompletionPort port, size_t concurrency,
             IocpTuning tuning = {});
  ~IocpEngine() override;  // only after drain() returned true

  EngineKind kind() const override { return EngineKind::kIocp; }
  Result attach(OpenFile& file) override;
  void submit(OperationList batch) override;
  void cancel(Operation& operation) override;
  void cancel_all(std::span<Operation* const> operations) override;
  bool drain(Deadline deadline) override;
  void abandon() override;
  EngineCounters counters() const override;

 private:
  struct Worker {
    std::thread thread;
    InterruptTarget target;
    Operation* current = nullptr;  // the blocking operation it executes
  };
  // What one look at the port brought.
  struct Intake {
    OperationList completed;
    OperationList refused;  // the system lacked the resources for them
    size_t transfers = 0;
    size_t issue_tokens = 0;
    size_t blocking_tokens = 0;
    bool stop = false;
    bool timed_out = false;
  };

  // The outcome of the transfers that a worker has issued, or taken from the port.
  struct EndedTransfers {
    OperationList completed;
    OperationList refused;   // the system lacked the resources for them
    OperationList untried;
    bool is_short = false;   // the last call was refused
    bool made_room = false;  // a completion, or time, may have freed resources
    size_t tokens = 0;       // given back
  };

  // A token holder issues this many transfers in one go: enough to pay for the lock and the packet,
  // few enough that another worker gets its share of reads that the cache serves.
  static constexpr size_t kIssueBatchMax = 16;


  void start_workers(size_t count);
  void stop_workers();
  void run_worker(Worker& worker);
  Intake take_packets();
  void take_transfer_packet(Operation& operation, Intake& intake);
  void return_extra_tokens(Intake& intake);

  OperationList take_transfers();
  void issue_transfers();
  void end_transfers(EndedTransfers ended);

  bool goes_by_port(const Operation& operation) const;
  bool request_end(Operation& operation, OperationList& cancelled);
  Operation* take_blocking(Worker& worker);
  void run_blocking_operation(Worker& worker);
  void execute(Operation& operation);
  void attach_opened(OpenFile* opened);

  void queue_batch(OperationList batch, OperationList& completed, OperationList& elsewhere);
  void deliver(OperationList completed, Lock& lock);
  uint32_t wake_workers();
  uint32_t starve(uint32_t error);
  void fail_unreachable(OperationList& completed, uint32_t error);

  CompletionSink& sink_;
  const size_t in_flight_max_;
  const bool locks_at_port_;
  CompletionPort port_;
  OverlappedCalls calls_;
  const size_t issue_tokens_max_;
  const size_t blocking_tokens_max_;

  std::atomic<uint64_t> retried_{0};
  std::atomic<uint64_t> port_packets_{0};

  Mutex mutex_;  // guards what follows, and the state of queued and blocking operations
  ConditionVariable drained_;
  OperationList transfers_;  // wait to be issued
  OperationList blocking_;   // wait for a worker
  size_t in_engine_ = 0;     // not yet delivered
  size_t delivering_ = 0;    // threads that use the sink now
  bool abandoned_ = false;
  size_t in_flight_ = 0;     // transfers with the kernel, or with a worker that issues them
  size_t issue_tokens_ = 0;  // posted or held
  size_t blocking_tokens_ = 0;
  size_t blocking_running_ = 0;  // tokens whose holder has an operation
  uint64_t executions_ = 0;
  // The system lacked the resources for a transfer, or for a token: wait for a completion, or for
  // a while. Written under the mutex, read without it to choose how long to wait at the port.
  std::atomic<bool> starved_{false};

  std::vector<std::unique_ptr<Worker>> workers_;
  Interrupter interrupter_{mutex_};
  ThreadPool unbounded_;
};

}  // namespace overlapped
