#include "environment.h"

#include <fcntl.h>

#include <new>
#include <utility>
#include <vector>

#include "decode_submission.h"
#include "deliver_completion.h"
#include "engine/descriptors.h"
#include "error_number.h"
#include "libuv.h"

namespace overlapped {

namespace {

// Whether an operation on a path depends on the working folder or the umask of the process.
bool depends_on_process(const Operation& operation) {
  const OpenRequest& request = operation.detail->open;
  const bool is_relative = request.path.empty() || request.path.front() != '/';
  return is_relative || (request.flags & O_CREAT) != 0;
}

}  // namespace

napi_value Environment::identify() const {
  const Values values(env_);
  const napi_value object = values.object();
  const std::string later_reason = engine_->reason();
  const std::string& reason = later_reason.empty() ? reason_ : later_reason;
  values.set(object, "kind", values.string(engine_name(engine_->kind())));
  values.set(object, "reason", reason.empty() ? values.null() : values.string(reason));
  return object;
}

napi_value Environment::describe() const {
  const Values values(env_);
  const napi_value object = identify();
  rings_.describe(values, object);
  return object;
}

napi_value Environment::statistics() const {
  const EngineCounters counters = engine_->counters();
  const Values values(env_);
  const napi_value object = values.object();
  const auto set = [&](const char* name, uint64_t value) {
    values.set(object, name, static_cast<double>(value));
  };
  set("submitted", submitted_);
  set("completed", completed_);
  set("cancelled", cancelled_);
  set("inFlight", in_flight_);
  set("inline", counters.inline_completions);
  set("retried", counters.retried);
  set("batches", batches_);
  set("portPackets", counters.port_packets);
  return object;
}

int Environment::open_descriptor(int32_t file_id) {
  OpenFile* const file = files_->find(file_id);
  if (!file) return error_number(Result::failure(kBadHandleError));
  const Result result = overlapped::open_descriptor(*file, uv::open_os_handle);
  return result.ok() ? static_cast<int>(result.value) : error_number(result);
}

int64_t Environment::move_cursor(int32_t file_id, int64_t position) {
  OpenFile* const file = files_->find(file_id);
  if (!file) return error_number(Result::failure(kBadHandleError));
  const Result moved = overlapped::move_cursor(*file, position);
  return moved.ok() ? moved.value : error_number(moved);
}

void Environment::give_away_descriptor(int32_t file_id) {
  if (OpenFile* const file = files_->find(file_id)) file->given_away = true;
}

bool Environment::forget_file(int32_t file_id) {
  OpenFile* const file = files_->find(file_id);
  if (!file || file->in_flight > 0) return false;
  file->given_away = true;
  files_->remove(file_id);
  return true;
}

// ---- Submissions

napi_value Environment::submit(uint32_t count, napi_value objects) {
  const Values values(env_);
  if (count > kSubmissionsMax) return values.fail("ERR_OUT_OF_RANGE", "Too many submissions");
  OperationList batch;
  is_late_ = false;
  if (engine_->completes_inline()) budget_.update(*loop_);
  bool is_valid = true;
  for (uint32_t i = 0; i < count; ++i) {
    napi_value object = nullptr;
    if (napi_get_element(env_, objects, i, &object) != napi_ok) object = nullptr;
    is_valid = accept(rings_.submission(i), object, batch) && is_valid;
  }
  ++batches_;
  hand_over(std::move(batch));
  ready_.append(engine_->poll());
  // Workers have done some of them meanwhile, unless this turn has done its share (law 7).
  if (engine_->completes_inline() && !budget_.is_spent()) ready_.append(queue_->take_all());
  if (!is_valid) {
    // Completions wait for the next turn, since JavaScript does not get their number now.
    wake_if_needed();
    update_reference();
    return values.fail("ERR_OUT_OF_RANGE", "A submission names a slot that it must not use");
  }
  // The next turn delivers the operations that this one has done beyond its share. Otherwise a
  // program that always starts more of them would keep the event loop from turning.
  const uint32_t completions = is_late_ ? 0 : fill_completions();
  wake_if_needed();
  update_reference();
  spin_->note_submission(in_flight_, is_in_turn_);
  return values.number(completions);
}

bool Environment::run_now(napi_value object) {
  if (!engine_->completes_inline() || !deferred_.empty()) return false;
  budget_.update(*loop_);
  if (budget_.is_spent()) return false;
  Operation& operation = now_.operation;
  const bool is_done = prepare_now(rings_.submission(0), object) && engine_->run_now(operation);
  if (is_done) {
    budget_.spend_on(operation);
    deliver_completion(env_, operation, 0, rings_, *files_, results_.value());
    ++submitted_;
    ++completed_;
  }
  if (operation.file && operation.opcode != Opcode::kClose) --operation.file->in_flight;
  const bool is_closed = is_done && operation.opcode == Opcode::kClose;
  if (is_closed && !now_.borrowed) files_->remove(now_.file_id);
  operation.reset_keeping_detail();
  now_.borrowed.reset();
  return is_done;
}

// Returns false for operations that have to go to the engine by submit(), such as invalid ones,
// whose error that reports.
bool Environment::prepare_now(const Submission& submission, napi_value object) {
  if (!is_opcode(submission.opcode)) return false;
  Operation& operation = now_.operation;
  operation.opcode = static_cast<Opcode>(submission.opcode);
  if (!engine_->may_run_now(operation)) return false;
  if (operation.opcode == Opcode::kClose) return prepare_close(submission);
  // Bytes read at the cursor before an operation had to wait would be lost.
  if (operation.is_transfer() && submission.position < 0) return false;
  try {
    return decode_submission(env_, submission, object, *files_, now_) == 0;
  } catch (const std::bad_alloc&) {
    return false;
  }
}

// A descriptor that other code has opened is closed only here: submit() knows no such closes.
bool Environment::prepare_close(const Submission& submission) {
  OpenFile* file = nullptr;
  if (static_cast<uint32_t>(submission.flags) & kForeignDescriptor) {
    Result result;
    now_.borrowed = borrow_descriptor(submission.file, result);
    file = now_.borrowed.get();
    if (!file) return false;
    file->take();
    // Unless it is closed now, it stays open.
    file->given_away = true;
  } else {
    file = files_->find(submission.file);
    if (!file || file->in_flight > 0) return false;
    now_.file_id = submission.file;
  }
  now_.operation.file = file;
  return true;
}

// Returns false for a slot that is out of range or in use: no completion could report the error.
bool Environment::accept(const Submission& submission, napi_value object, OperationList& batch) {
  const Opcode opcode =
      is_opcode(submission.opcode) ? static_cast<Opcode>(submission.opcode) : Opcode::kNone;
  if (traits_of(opcode).family == OpcodeFamily::kRequest) {
    // The request may concern operations of this very batch.
    hand_over(std::exchange(batch, OperationList()));
    if (opcode == Opcode::kCancelFile) {
      cancel_file(submission.file);
    } else if (Slot* const slot = slots_->find(submission.slot)) {
      cancel(*slot);
    }
    return true;
  }
  if (!slots_->is_free(submission.slot)) return false;
  Slot& slot = slots_->make(submission.slot);
  slot.in_use = true;
  slot.operation.opcode = opcode;
  ++in_flight_;
  if (opcode == Opcode::kNone) {
    fail(slot.operation, kInvalidArgumentError);
  } else if (opcode == Opcode::kClose) {
    accept_close(submission, slot, batch);
  } else {
    decode(submission, object, slot, batch);
  }
  return true;
}

void Environment::decode(const Submission& submission, napi_value object, Slot& slot,
                         OperationList& batch) {
  uint32_t error = kNoMemoryError;
  try {
    error = decode_submission(env_, submission, object, *files_, slot);
  } catch (const std::bad_alloc&) {
    // The operation fails with kNoMemoryError.
  }
  if (error != 0) {
    fail(slot.operation, error);
  } else {
    schedule(slot, batch);
  }
}

void Environment::accept_close(const Submission& submission, Slot& slot, OperationList& batch) {
  OpenFile* const file = files_->find(submission.file);
  if (!file) return fail(slot.operation, kBadHandleError);
  slot.operation.file = file;
  slot.file_id = submission.file;
  if (files_->begin_close(submission.file, slot.operation)) batch.push_back(&slot.operation);
}

// Gives the operation to the engine with this batch, or with that of the next turn when this turn
// has done its share of work. Operations on paths that only workers do take no time of the turn.
// One that depends on the process must not wait, because that may be changed before the next turn.
void Environment::schedule(Slot& slot, OperationList& batch) {
  Operation& operation = slot.operation;
  const bool is_of_path = operation.traits().family == OpcodeFamily::kPath;
  const bool is_for_workers = is_of_path && !engine_->may_run_now(operation);
  if (engine_->completes_inline() && !is_for_workers) {
    if (!budget_.is_spent()) {
      budget_.spend_on(operation);
    } else if (is_of_path && depends_on_process(operation)) {
      is_late_ = true;
    } else {
      slot.deferred = true;
      if (slot.borrowed) slot.borrowed->keep();
      deferred_.push_back(&operation);
      return;
    }
  }
  batch.push_back(&operation);
}

void Environment::submit_all_deferred() {
  OperationList batch;
  while (Operation* const operation = deferred_.pop_front()) {
    slots_->of(*operation).deferred = false;
    batch.push_back(operation);
  }
  if (batch.empty()) return;
  hand_over(std::move(batch));
  wake_if_needed();
}

void Environment::hand_over(OperationList batch) {
  submitted_ += batch.size();
  engine_->submit(std::move(batch));
}

void Environment::submit_deferred() {
  OperationList batch;
  while (!budget_.is_spent() && !deferred_.empty()) {
    Operation* const operation = deferred_.pop_front();
    slots_->of(*operation).deferred = false;
    budget_.spend_on(*operation);
    batch.push_back(operation);
  }
  if (!batch.empty()) hand_over(std::move(batch));
}

// Ends an operation that never reached the engine.
void Environment::fail(Operation& operation, uint32_t os_error) {
  operation.result = Result::failure(os_error);
  ready_.push_back(&operation);
}

// ---- Cancels

void Environment::cancel(Slot& slot) {
  if (!slot.in_use || slot.operation.opcode == Opcode::kClose) return;
  if (slot.deferred) {
    slot.deferred = false;
    deferred_.remove(&slot.operation);
    cancel_unbegun(slot.operation);
    ready_.push_back(&slot.operation);
  } else if (slot.operation.state.load(std::memory_order_relaxed) != OperationState::kIdle) {
    engine_->cancel(slot.operation);
  }
}

// Cancels everything in flight on a file; a close that waits for it stays.
void Environment::cancel_file(int32_t file_id) {
  std::vector<Operation*> with_engine;
  for (Slot& slot : *slots_) {
    if (!slot.in_use || (slot.file_id != file_id && slot.source_id != file_id)) continue;
    if (slot.deferred) {
      cancel(slot);
    } else if (slot.operation.opcode != Opcode::kClose &&
               slot.operation.state.load(std::memory_order_relaxed) != OperationState::kIdle) {
      with_engine.push_back(&slot.operation);
    }
  }
  if (!with_engine.empty()) engine_->cancel_all(with_engine);
}

// ---- Completions

// One turn of the event loop: a new budget, then everything that has completed.
void Environment::run_turn() {
  if (closing_) return;
  const HandleScope scope(env_);
  budget_.begin();
  submit_deferred();
  ready_.append(engine_->poll());
  const size_t others = ready_.size();
  ready_.append(queue_->take_all());
  if (spin_->end_turn({ready_.size() > others, others > 0})) ready_.append(queue_->take_all());
  is_in_turn_ = true;
  while (const uint32_t count = fill_completions()) notify(count);
  is_in_turn_ = false;
  wake_if_needed();
  update_reference();
}

// Moves completions to the ring, as many as it holds, and frees their operations.
uint32_t Environment::fill_completions() {
  const napi_value results = results_.value();
  uint32_t count = 0;
  while (count < kCompletionsMax) {
    Operation* const operation = ready_.pop_front();
    if (!operation) break;
    if (operation->result.os_error == kCancelledError) ++cancelled_;
    deliver_completion(env_, *operation, count++, rings_, *files_, results);
    release(slots_->of(*operation));
  }
  completed_ += count;
  in_flight_ -= count;
  return count;
}

void Environment::release(Slot& slot) {
  Operation& operation = slot.operation;
  const bool closed = operation.opcode == Opcode::kClose && operation.file;
  if (closed) {
    files_->remove(slot.file_id);
  } else if (operation.file && !slot.borrowed) {
    end_on_file(slot.file_id);
  }
  if (operation.source) end_on_file(slot.source_id);
  SlotTable::release(slot);
}

// Submits the close that waited for the last operation on a file.
void Environment::end_on_file(int32_t file_id) {
  Operation* const close = files_->end_operation(file_id);
  if (!close) return;
  OperationList batch;
  batch.push_back(close);
  hand_over(std::move(batch));
}

void Environment::notify(uint32_t count) {
  const HandleScope scope(env_);
  const napi_value argument = Values(env_).number(count);
  napi_value global = nullptr;
  if (!argument || napi_get_global(env_, &global) != napi_ok) return;
  // Not null, since Deno writes to it all the same.
  napi_value ignored = nullptr;
  const napi_status status = napi_make_callback(env_, async_context_, global,
                                                on_completions_.value(), 1, &argument, &ignored);
  if (status != napi_pending_exception) return;
  napi_value exception = nullptr;
  if (napi_get_and_clear_last_exception(env_, &exception) == napi_ok && exception) {
    napi_fatal_exception(env_, exception);
  }
}

void Environment::wake_if_needed() {
  if (!ready_.empty() || !deferred_.empty() || engine_->has_unannounced()) loop_->wake();
}

// Operations in flight keep the event loop, and so the process, alive.
void Environment::update_reference() {
  const bool wanted = in_flight_ > 0;
  if (wanted == referenced_) return;
  referenced_ = wanted;
  loop_->keep_alive(wanted);
}

}  // namespace overlapped
