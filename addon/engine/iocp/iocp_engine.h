#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "engine.h"
#include "workers/thread_pool.h"
#include "workers/watchdog.h"
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

// One completion port per engine and a few workers that wait on it. The port brings them completed
// I/O, and word that transfers are queued. Such a word is a token: there are never more of them
// than workers can use, and a worker that holds one issues transfers from the queue. The submitting
// thread issues nothing itself, because ReadFile and WriteFile may do their whole work
// synchronously even on overlapped handles (Microsoft KB156932). A call that does not return holds
// up no other transfer: a watchdog lets another worker stand in for the one that made it.
//
// Operations that only blocking calls can do, and transfers on handles that no port can serve, go
// to a thread pool.
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
    uint64_t execution = 0;  // number of the call that it makes; 0 for none
    StuckDetector detector;
  };
  // What one look at the port brought.
  struct Intake {
    OperationList completed;
    OperationList unfinished;  // transfers with another call to make
    size_t transfers = 0;
    size_t tokens = 0;
    bool stop = false;
    bool timed_out = false;
  };
  // Attaches the files that workers of the pool have opened, before the submitter learns of them.
  class AttachingSink final : public CompletionSink {
   public:
    AttachingSink(IocpEngine& engine, CompletionSink& sink) : engine_(engine), sink_(sink) {}
    void complete(OperationList completed) override;

   private:
    IocpEngine& engine_;
    CompletionSink& sink_;
  };

  // A token holder issues this many transfers in one go: enough to pay for the packet, few enough
  // that another worker gets its share of reads that the cache serves.
  static constexpr size_t kIssueBatchMax = 16;

  void start_worker();
  void stop_workers();
  void run_worker(Worker& worker);
  Intake take_packets();
  void take_transfer_packet(Operation& operation, Intake& intake);
  void end_intake(Intake& intake, Lock& lock);
  Operation* take_transfer();
  void issue_transfers(Worker& worker, Lock& lock);
  OverlappedCalls::Outcome issue(Operation& operation, Worker& worker, Lock& lock);

  bool goes_by_port(const Operation& operation) const;
  bool request_end(Operation& operation);
  void attach_opened(OpenFile* opened);

  void queue_batch(OperationList batch, OperationList& elsewhere);
  void deliver(Lock& lock);
  uint32_t wake_workers();
  void fail_unreachable(uint32_t error);
  bool look_for_stuck_workers(Lock& lock);

  CompletionSink& sink_;
  const size_t in_flight_max_;
  const bool locks_at_port_;
  CompletionPort port_;
  OverlappedCalls calls_;
  const size_t tokens_max_;
  const size_t workers_min_;  // that are not stuck

  std::atomic<uint64_t> retried_{0};
  std::atomic<uint64_t> port_packets_{0};

  Mutex mutex_;  // guards what follows, and the state of queued transfers
  ConditionVariable drained_;
  OperationList transfers_;  // wait to be issued
  OperationList completed_;  // to be delivered together
  size_t in_engine_ = 0;     // not yet delivered
  size_t delivering_ = 0;    // threads that use the sink now
  bool is_awaited_ = false;  // drain() or abandon() waits
  bool abandoned_ = false;
  size_t in_flight_ = 0;  // transfers with the kernel, or with a worker that issues them
  size_t tokens_ = 0;     // posted or held
  size_t stuck_ = 0;      // workers, each of which holds a token
  uint64_t executions_ = 0;
  // The system lacked the resources for a transfer, or for a token: wait for a completion, or for
  // a while. Written under the mutex, read without it to choose how long to wait at the port.
  std::atomic<bool> starved_{false};

  std::vector<std::unique_ptr<Worker>> workers_;
  AttachingSink pool_sink_;
  ThreadPool pool_;
  Watchdog watchdog_{mutex_, [this](Lock& lock) { return look_for_stuck_workers(lock); }};
};

}  // namespace overlapped
