#pragma once

#include <napi.h>

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "completion_queue.h"
#include "engine/engine.h"
#include "file_table.h"
#include "libuv.h"
#include "shared_rings.h"

namespace overlapped {

// All that one JavaScript environment (main thread, worker, Electron renderer) has: its engine, its
// open files, its operations, and the rings that it shares with JavaScript. Lives on the
// environment's thread; only the completion queue is touched by others.
class Environment {
 public:
  // Throws a JavaScript error and gives null where the wanted engine cannot be had.
  static Environment* start(Napi::Env env, const std::string& wanted, Napi::Function on_completions,
                            Napi::Array results);

  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;

  Napi::Object describe(Napi::Env env);
  Napi::Object statistics(Napi::Env env) const;

  // Takes `count` submissions from the ring, with the JavaScript values that belong to them. Gives
  // the number of completions that are on the completion ring already.
  uint32_t submit(uint32_t count, napi_value objects);

  // Windows: a second, synchronous descriptor of an open file; elsewhere, or on failure, negative.
  int duplicate_descriptor(int32_t file_id);
  // Gives the new position, or libuv's negative number of the error.
  int64_t move_cursor(int32_t file_id, int64_t position);
  // POSIX: from here on the program may close the descriptor of a file itself.
  void give_away_descriptor(int32_t file_id);
  // POSIX: frees the number of a file, and leaves its descriptor open.
  void forget_file(int32_t file_id);

 private:
  // An operation by its number, and how far it has come.
  struct Slot {
    Operation operation;
    int32_t file_id = -1;
    int32_t source_id = -1;              // of what goes from one file to another
    std::unique_ptr<OpenFile> borrowed;  // POSIX: of an operation on a descriptor of others
    bool in_use = false;
    bool deferred = false;  // waits for the next turn of the event loop
  };

  Environment(Napi::Env env, uv::Loop* loop) : env_(env), loop_(loop) {}

  bool set_up_wake();
  bool watch();
  void update_turn();
  void begin_turn(uint64_t time);
  Slot& slot_at(uint32_t id);
  void accept(const Submission& submission, napi_value object, OperationList& batch);
  uint32_t decode(const Submission& submission, napi_value object, Slot& slot);
  uint32_t decode_for_file(const Submission& submission, napi_value object, Slot& slot);
  uint32_t find_file(const Submission& submission, Slot& slot, OpenFile*& file);
  uint32_t decode_for_path(const Submission& submission, napi_value object, Operation& operation);
  void accept_close(const Submission& submission, Slot& slot, OperationList& batch);
  void schedule(Slot& slot, OperationList& batch);
  void keep_descriptor(Slot& slot);
  void cancel(uint32_t id);
  void cancel(Slot& slot);
  void cancel_file(int32_t file_id);
  void fail(Operation& operation, uint32_t os_error);
  void submit_deferred();
  uint32_t fill_completions();
  void deliver(Operation& operation, uint32_t index);
  void deliver_details(Operation& operation, Completion& completion, uint32_t index);
  static void deliver_status(const FileStatus& status, Detail& to);
  void set_result(uint32_t index, napi_value value);
  void release(Slot& slot);
  void end_on_file(int32_t file_id);
  void notify(uint32_t count);
  void run_turn();
  void wake_if_needed();
  void update_reference();
  void shut_down(napi_async_cleanup_hook_handle hook);
  void close_handle(uv::Handle* handle);
  void finish();

  napi_env env_;
  uv::Loop* const loop_;
  std::unique_ptr<std::byte[]> async_memory_;
  std::unique_ptr<std::byte[]> poll_memory_;
  uv::Handle* async_ = nullptr;
  uv::Handle* poll_ = nullptr;
  std::unique_ptr<CompletionQueue> queue_;
  std::unique_ptr<Engine> engine_;
  std::string reason_;
  SharedRings rings_;
  FileTable files_;
  std::deque<Slot> slots_;
  OperationList ready_;     // completed, not yet on the completion ring
  OperationList deferred_;  // accepted, not yet with the engine
  // What is left to do in this turn of the event loop, and when it began.
  int64_t turn_budget_ = 0;
  uint64_t turn_loop_time_ = 0;  // ms, as the loop has it
  uint64_t turn_start_ = 0;      // ns
  size_t in_flight_ = 0;
  bool referenced_ = false;
  bool closing_ = false;
  napi_async_cleanup_hook_handle hook_ = nullptr;
  int open_handles_ = 0;  // of the event loop, while they close
  uint64_t submitted_ = 0;
  uint64_t completed_ = 0;
  uint64_t cancelled_ = 0;
  uint64_t batches_ = 0;
  Napi::FunctionReference on_completions_;
  Napi::ObjectReference results_;
  std::unique_ptr<Napi::AsyncContext> async_context_;
};

}  // namespace overlapped
