#pragma once

#include <node_api.h>

#include <memory>
#include <string>

#include "completion_queue.h"
#include "engine/engine.h"
#include "event_loop.h"
#include "file_table.h"
#include "loop_spin.h"
#include "shared_rings.h"
#include "slot_table.h"
#include "turn_budget.h"
#include "values.h"

namespace overlapped {

struct StartOptions {
  std::string wanted;  // an engine, or empty for the best there is
  napi_value on_completions = nullptr;
  napi_value results = nullptr;
  // The environment ends with the process, so nothing outlives it.
  bool ends_with_process = false;
  // The host is Node, or has the same event loop.
  bool host_has_libuv = true;
};

// The state of one JavaScript environment (main thread, worker, Electron renderer): its engine,
// open files and operations, and the rings that it shares with JavaScript. It lives on the
// environment's thread; other threads use only the completion queue.
class Environment {
 public:
  // Throws a JavaScript error and returns null if the wanted engine is not available.
  static Environment* start(napi_env env, const StartOptions& options);

  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;

  // Returns the engine in use, and why no better one is.
  napi_value identify() const;
  napi_value describe() const;
  napi_value statistics() const;

  // Takes `count` submissions from the ring, with their JavaScript values. Returns the number of
  // completions already on the completion ring, or throws a JavaScript error if one of the
  // submissions is not valid; the others are served.
  napi_value submit(uint32_t count, napi_value objects);

  // Runs the first submission of the ring if that needs no waiting. Returns whether it has: its
  // completion is then the first on the completion ring. Otherwise the submission has no effect.
  bool run_now(napi_value object);

  // Gives the engine the operations that wait for the next turn of the event loop.
  void submit_all_deferred();

  // A descriptor of an open file for others (descriptors.h), or libuv's negative error.
  int open_descriptor(int32_t file_id);
  // Returns the new position, or libuv's negative error number.
  int64_t move_cursor(int32_t file_id, int64_t position);
  // POSIX: lets the program close the descriptor of a file itself from now on.
  void give_away_descriptor(int32_t file_id);
  // POSIX: frees the number of a file, and leaves its descriptor open. Returns false, and does
  // nothing, if operations on the file are in flight.
  bool forget_file(int32_t file_id);

 private:
  explicit Environment(napi_env env) : env_(env) {}

  // Life cycle
  bool prepare(const StartOptions& options);
  bool enter_async_hooks();
  bool watch();
  void shut_down(napi_async_cleanup_hook_handle hook);
  bool drain();
  bool uses_memory_of_javascript();
  void leave_stuck();
  void finish();

  // Submissions
  bool accept(const Submission& submission, napi_value object, OperationList& batch);
  void decode(const Submission& submission, napi_value object, Slot& slot, OperationList& batch);
  bool prepare_now(const Submission& submission, napi_value object);
  bool prepare_close(const Submission& submission);
  void accept_close(const Submission& submission, Slot& slot, OperationList& batch);
  void schedule(Slot& slot, OperationList& batch);
  void hand_over(OperationList batch);
  void submit_deferred();
  void fail(Operation& operation, uint32_t os_error);

  // Cancels
  void cancel(Slot& slot);
  void cancel_file(int32_t file_id);

  // Completions
  void run_turn();
  uint32_t fill_completions();
  void release(Slot& slot);
  void end_on_file(int32_t file_id);
  void notify(uint32_t count);
  void wake_if_needed();
  void update_reference();

  napi_env env_;
  std::unique_ptr<EventLoop> loop_;
  std::unique_ptr<CompletionQueue> queue_;
  std::unique_ptr<LoopSpin> spin_;
  std::unique_ptr<Engine> engine_;
  std::string reason_;
  SharedRings rings_;
  // Allocated on the heap, so that they can be left behind with operations that never end.
  std::unique_ptr<FileTable> files_ = std::make_unique<FileTable>();
  std::unique_ptr<SlotTable> slots_ = std::make_unique<SlotTable>();
  Slot now_;                // the operation of run_now()
  OperationList ready_;     // completed, not yet on the completion ring
  OperationList deferred_;  // accepted, not yet with the engine
  TurnBudget budget_;
  bool is_in_turn_ = false;  // run_turn() gives JavaScript completions
  bool is_late_ = false;  // this batch has an operation that the budget no longer covers
  size_t in_flight_ = 0;
  bool ends_with_process_ = false;
  bool referenced_ = false;
  bool closing_ = false;
  napi_async_cleanup_hook_handle hook_ = nullptr;
  uint64_t submitted_ = 0;
  uint64_t completed_ = 0;
  uint64_t cancelled_ = 0;
  uint64_t batches_ = 0;
  Reference on_completions_;
  Reference results_;
  napi_async_context async_context_ = nullptr;
};

}  // namespace overlapped
