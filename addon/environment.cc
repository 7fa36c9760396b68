#include "environment.h"

#include <utility>

#include "arguments.h"
#include "engine/system/blocking.h"
#include "engine/system/seek.h"
#include "error_number.h"

#ifdef _WIN32
#include "engine/system/windows/windows_io.h"
#else
#include <unistd.h>
#endif

namespace overlapped {

namespace {

// What the JavaScript thread may do itself in one turn of the event loop (law 7), in units of one
// operation or the copying of so many bytes: about half a millisecond of cached reads.
constexpr int64_t kTurnBudget = 512;
constexpr size_t kBytesPerUnit = 8 * 1024;
// And how long it may go on, with what the program does between its operations.
constexpr uint64_t kTurnNanosecondsMax = 1'000'000;

#ifdef _WIN32
constexpr uint32_t kInvalidArgument = ERROR_INVALID_PARAMETER;
#else
constexpr uint32_t kInvalidArgument = EINVAL;
#endif

int64_t cost_of(const Operation& operation) {
  if (!operation.is_transfer()) return 1;
  return 1 + static_cast<int64_t>(operation.length / kBytesPerUnit);
}

// The number that JavaScript shows for a file; on Windows one is made when it is asked for.
double descriptor_of([[maybe_unused]] const OpenFile& file) {
#ifdef _WIN32
  return -1;
#else
  return file.handle();
#endif
}

// The paths of an operation and its memory, by its row in the table of opcodes.
bool read_objects(napi_env env, napi_value object, const Submission& submission, Operation& op) {
  const OpcodeTraits& traits = op.traits();
  const bool is_array = traits.paths + (traits.memory ? 1U : 0U) > 1;
  const auto value_at = [&](uint32_t index, napi_value& value) {
    value = object;
    return !is_array || napi_get_element(env, object, index, &value) == napi_ok;
  };
  napi_value value;
  for (uint32_t i = 0; i < traits.paths; ++i) {
    OperationDetail& detail = op.details();
    PathString* const paths[] = {&detail.open.path, &detail.second_path, &detail.third_path};
    if (!value_at(i, value) || !read_path(env, value, *paths[i])) return false;
  }
  if (!traits.memory) return true;
  // Beside paths the memory begins where its view does.
  const double offset = is_array ? 0 : submission.offset;
  return value_at(traits.paths, value) &&
         read_memory(env, value, offset, submission.length, op.data);
}

// `file` and `offset` are taken by the directory and the mode, so that `length` has both the
// options and, above 32 bits, the attributes.
void decode_open_in(const Submission& submission, OpenRequest& request) {
  const auto packed = static_cast<uint64_t>(submission.length);
  request.flags = submission.flags;
  request.options = static_cast<uint32_t>(packed);
  request.attributes = static_cast<uint32_t>(packed >> 32);
  request.mode = static_cast<uint32_t>(submission.offset);
  request.preallocate = submission.position;
}

}  // namespace

Environment* Environment::start(Napi::Env env, const std::string& wanted,
                                Napi::Function on_completions, Napi::Array results) {
  uv_loop_s* loop = nullptr;
  if (!uv::load() || napi_get_uv_event_loop(env, &loop) != napi_ok) {
    throw Napi::Error::New(env, "This program does not export libuv, which overlapped needs");
  }
  std::unique_ptr<Environment> environment(new Environment(env, reinterpret_cast<uv::Loop*>(loop)));
  if (!environment->set_up_wake()) {
    throw Napi::Error::New(env, "The event loop takes no more handles");
  }
  EngineChoice choice = select_engine(wanted, *environment->queue_);
  environment->engine_ = std::move(choice.engine);
  environment->reason_ = std::move(choice.reason);
  if (!environment->engine_ || !environment->watch()) {
    const std::string reason = environment->reason_;
    environment.release()->shut_down(nullptr);  // which frees it
    Napi::Error error = Napi::Error::New(env, "Engine '" + wanted + "' cannot be had: " + reason);
    error.Set("code", Napi::String::New(env, "ERR_ENGINE_UNAVAILABLE"));
    throw error;
  }
  environment->rings_.create(env);
  environment->on_completions_ = Napi::Persistent(on_completions);
  environment->results_ = Napi::Persistent(static_cast<Napi::Object>(results));
  // Jest's --detectOpenHandles asks it whether it keeps the process alive, by `hasRef()`.
  environment->async_context_ = std::make_unique<Napi::AsyncContext>(
      env, "overlapped", static_cast<Napi::Object>(results));
  Environment* const started = environment.release();
  // From here on the hook owns it.
  napi_add_async_cleanup_hook(
      env,
      [](napi_async_cleanup_hook_handle hook, void* argument) {
        static_cast<Environment*>(argument)->shut_down(hook);
      },
      started, nullptr);
  return started;
}

bool Environment::set_up_wake() {
  async_memory_ = std::make_unique<std::byte[]>(uv::handle_size(uv::kAsyncHandle));
  uv::Handle* const handle = reinterpret_cast<uv::Handle*>(async_memory_.get());
  const int failed = uv::async_init(loop_, handle, [](uv::Handle* woken) {
    static_cast<Environment*>(uv::get_data(woken))->run_turn();
  });
  if (failed) return false;
  async_ = handle;
  uv::set_data(async_, this);
  uv::unref(async_);
  queue_ = std::make_unique<CompletionQueue>(async_);
  return true;
}

bool Environment::watch() {
  if (engine_->wait_descriptor() < 0) return true;
  poll_memory_ = std::make_unique<std::byte[]>(uv::handle_size(uv::kPollHandle));
  uv::Handle* const handle = reinterpret_cast<uv::Handle*>(poll_memory_.get());
  if (uv::poll_init(loop_, handle, engine_->wait_descriptor()) != 0) return false;
  poll_ = handle;
  uv::set_data(poll_, this);
  uv::unref(poll_);
  return uv::poll_start(poll_, uv::kReadable, [](uv::Handle* readable, int, int) {
           auto* const self = static_cast<Environment*>(uv::get_data(readable));
#ifndef _WIN32
           uint64_t count;
           (void)!::read(self->engine_->wait_descriptor(), &count, sizeof count);
#endif
           self->run_turn();
         }) == 0;
}

Napi::Object Environment::describe(Napi::Env env) {
  Napi::Object object = Napi::Object::New(env);
  object.Set("kind", engine_name(engine_->kind()));
  object.Set("reason", reason_.empty() ? env.Null() : Napi::String::New(env, reason_));
  rings_.describe(object);
  return object;
}

Napi::Object Environment::statistics(Napi::Env env) const {
  const EngineCounters counters = engine_->counters();
  const auto number = [env](auto value) {
    return Napi::Number::New(env, static_cast<double>(value));
  };
  Napi::Object object = Napi::Object::New(env);
  object.Set("submitted", number(submitted_));
  object.Set("completed", number(completed_));
  object.Set("cancelled", number(cancelled_));
  object.Set("inFlight", number(in_flight_));
  object.Set("inline", number(counters.inline_completions));
  object.Set("retried", number(counters.retried));
  object.Set("batches", number(batches_));
  object.Set("portPackets", number(counters.port_packets));
  return object;
}

Environment::Slot& Environment::slot_at(uint32_t id) {
  while (id >= slots_.size()) {
    const auto next = static_cast<uint32_t>(slots_.size());
    slots_.emplace_back().operation.id = next;
  }
  return slots_[id];
}

uint32_t Environment::submit(uint32_t count, napi_value objects) {
  OperationList batch;
  update_turn();
  for (uint32_t i = 0; i < count; ++i) {
    napi_value object;
    if (napi_get_element(env_, objects, i, &object) != napi_ok) object = nullptr;
    accept(rings_.submission(i), object, batch);
  }
  submitted_ += batch.size();
  ++batches_;
  engine_->submit(std::move(batch));
  ready_.append(engine_->poll());
  const uint32_t completions = fill_completions();
  wake_if_needed();
  update_reference();
  return completions;
}

// The event loop does not say when it turns, but it takes the time then.
void Environment::update_turn() {
  if (!engine_->completes_inline()) return;
  const uint64_t loop_time = uv::now(loop_);
  const uint64_t time = uv::high_resolution_time();
  if (loop_time != turn_loop_time_) {
    turn_loop_time_ = loop_time;
    begin_turn(time);
  } else if (time - turn_start_ > kTurnNanosecondsMax) {
    turn_budget_ = 0;
  }
}

void Environment::begin_turn(uint64_t time) {
  turn_start_ = time;
  turn_budget_ = kTurnBudget;
}

void Environment::accept(const Submission& submission, napi_value object, OperationList& batch) {
  const Opcode opcode =
      is_opcode(submission.opcode) ? static_cast<Opcode>(submission.opcode) : Opcode::kNone;
  if (opcode == Opcode::kCancel) {
    // What it is to cancel may be in this very batch.
    submitted_ += batch.size();
    engine_->submit(std::exchange(batch, OperationList()));
    cancel(submission.slot);
    return;
  }
  if (opcode == Opcode::kCancelFile) {
    submitted_ += batch.size();
    engine_->submit(std::exchange(batch, OperationList()));
    cancel_file(submission.file);
    return;
  }
  Slot& slot = slot_at(submission.slot);
  slot.in_use = true;
  ++in_flight_;
  slot.operation.opcode = opcode;
  if (opcode == Opcode::kNone) return fail(slot.operation, kInvalidArgument);
  if (opcode == Opcode::kClose) return accept_close(submission, slot, batch);
  const uint32_t error = decode(submission, object, slot);
  if (error != 0) return fail(slot.operation, error);
  schedule(slot, batch);
}

// Fills in the operation; gives 0 or an error of the operating system.
uint32_t Environment::decode(const Submission& submission, napi_value object, Slot& slot) {
  slot.operation.file_offset = submission.position;
  slot.operation.length = static_cast<size_t>(submission.length);
  slot.operation.flags = static_cast<uint32_t>(submission.flags);
  return slot.operation.traits().family == OpcodeFamily::kPath
             ? decode_for_path(submission, object, slot.operation)
             : decode_for_file(submission, object, slot);
}

uint32_t Environment::decode_for_file(const Submission& submission, napi_value object, Slot& slot) {
  Operation& op = slot.operation;
  OpenFile* file = nullptr;
  if (const uint32_t error = find_file(submission, slot, file)) return error;
  if (op.is_vector()) {
    OperationDetail& detail = op.details();
    if (!read_vectors(env_, object, detail.vectors)) return kInvalidArgument;
  } else if (!read_objects(env_, object, submission, op)) {
    return kInvalidArgument;
  }
  const bool opens = op.opcode == Opcode::kOpenIn || op.opcode == Opcode::kReadIn;
  if (opens) decode_open_in(submission, op.detail->open);
  if (op.has_source()) {
    const auto source_id = static_cast<int32_t>(submission.offset);
    op.source = files_.find(source_id);
    if (!op.source) return kBadHandleError;
    slot.source_id = source_id;
    ++op.source->in_flight;
  }
  if (op.traits().result != ResultKind::kValue) op.details();
  op.file = file;
  ++file->in_flight;
  return 0;
}

// A descriptor is looked at anew for every operation: whoever opened it may have closed it, and its
// number may be that of another file by now.
uint32_t Environment::find_file(const Submission& submission, Slot& slot, OpenFile*& file) {
#ifndef _WIN32
  if (static_cast<uint32_t>(submission.flags) & kForeignDescriptor) {
    Result result;
    slot.borrowed = borrow_file(submission.file, result);
    file = slot.borrowed.get();
    return file ? 0 : result.os_error;
  }
#endif
  file = files_.find(submission.file);
  if (!file) return kBadHandleError;
  slot.file_id = submission.file;
  return 0;
}

uint32_t Environment::decode_for_path(const Submission& submission, napi_value object,
                                      Operation& op) {
  OpenRequest& request = op.details().open;
  request.flags = submission.flags;
  request.options = static_cast<uint32_t>(submission.file);
  request.mode = static_cast<uint32_t>(submission.offset);
  request.preallocate = submission.position;
  if (op.opcode == Opcode::kOpen) request.attributes = static_cast<uint32_t>(submission.length);
  return read_objects(env_, object, submission, op) ? 0 : kInvalidArgument;
}

void Environment::accept_close(const Submission& submission, Slot& slot, OperationList& batch) {
  OpenFile* const file = files_.find(submission.file);
  if (!file) return fail(slot.operation, kBadHandleError);
  slot.operation.file = file;
  slot.file_id = submission.file;
  if (files_.begin_close(submission.file, slot.operation)) batch.push_back(&slot.operation);
}

// Gives the operation to the engine with this batch, or with that of the next turn when this turn
// has done its share of work.
void Environment::schedule(Slot& slot, OperationList& batch) {
  if (engine_->completes_inline()) {
    if (turn_budget_ <= 0) {
      slot.deferred = true;
      keep_descriptor(slot);
      deferred_.push_back(&slot.operation);
      return;
    }
    turn_budget_ -= cost_of(slot.operation);
  }
  batch.push_back(&slot.operation);
}

// A descriptor that is closed before the next turn, and perhaps given to another file, must not
// lead the operation there. If the process has no descriptor left, it stays as it is.
void Environment::keep_descriptor(Slot& slot) {
#ifndef _WIN32
  if (!slot.borrowed) return;
  if (std::unique_ptr<OpenFile> kept = duplicate_file(*slot.borrowed)) {
    slot.borrowed = std::move(kept);
    slot.operation.file = slot.borrowed.get();
  }
#else
  (void)slot;
#endif
}

void Environment::cancel(uint32_t id) { cancel(slot_at(id)); }

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

// All that is in flight on a file at once; a close that waits for it stays.
void Environment::cancel_file(int32_t file_id) {
  std::vector<Operation*> with_engine;
  for (Slot& slot : slots_) {
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

// Ends an operation that never reached the engine.
void Environment::fail(Operation& operation, uint32_t os_error) {
  operation.result = Result::failure(os_error);
  ready_.push_back(&operation);
}

void Environment::submit_deferred() {
  OperationList batch;
  while (turn_budget_ > 0 && !deferred_.empty()) {
    Operation* const operation = deferred_.pop_front();
    slots_[operation->id].deferred = false;
    turn_budget_ -= cost_of(*operation);
    batch.push_back(operation);
  }
  if (batch.empty()) return;
  submitted_ += batch.size();
  engine_->submit(std::move(batch));
}

// Moves completions to the ring, as many as it holds, and frees their operations.
uint32_t Environment::fill_completions() {
  uint32_t count = 0;
  while (count < kCompletionsMax) {
    Operation* const operation = ready_.pop_front();
    if (!operation) break;
    deliver(*operation, count++);
  }
  completed_ += count;
  in_flight_ -= count;
  return count;
}

void Environment::deliver(Operation& operation, uint32_t index) {
  Slot& slot = slots_[operation.id];
  Completion& completion = rings_.completion(index);
  completion.slot = operation.id;
  completion.value = static_cast<double>(operation.result.value);
  completion.os_error = operation.result.os_error;
  completion.error = 0;
  if (!operation.result.ok()) {
    completion.error = error_number(operation.result);
    completion.step = operation.detail ? operation.detail->failed_step : 0;
    if (operation.detail && !operation.detail->failed_path.empty()) {
      set_result(index, path_value(env_, operation.detail->failed_path));
    }
    if (operation.result.os_error == kCancelledError) {
      ++cancelled_;
      completion.step = may_have_moved_bytes(operation) ? 1 : 0;
    }
  } else if (operation.detail) {
    deliver_details(operation, completion, index);
  }
  release(slot);
}

void Environment::deliver_details(Operation& operation, Completion& completion, uint32_t index) {
  OperationDetail& from = *operation.detail;
  Detail& to = rings_.detail(index);
  if (from.opened) {
    const OpenFile& file = *from.opened;
    to.numbers[kDetailDescriptor] = descriptor_of(file);
    to.numbers[kDetailDeviceType] = static_cast<double>(file.device_type());
    to.numbers[kDetailAlignmentPosition] = file.alignment.position;
    to.numbers[kDetailAlignmentLength] = file.alignment.length;
    to.numbers[kDetailAlignmentMemory] = file.alignment.memory;
    to.numbers[kDetailSize] = static_cast<double>(file.size_when_opened);
    completion.value = files_.add(std::move(from.opened));
    if (from.opened_peer) {
      to.numbers[kDetailPeerDescriptor] = descriptor_of(*from.opened_peer);
      to.numbers[kDetailPeerFile] = files_.add(std::move(from.opened_peer));
    }
    return;
  }
  if (from.content) {
    const auto size = static_cast<size_t>(operation.result.value);
    napi_value buffer;
    if (napi_create_buffer_copy(env_, size, from.content.get(), nullptr, &buffer) == napi_ok) {
      set_result(index, buffer);
    }
    return;
  }
  switch (operation.traits().result) {
    case ResultKind::kRefusedParts:
      to.numbers[kDetailRefusedParts] = from.refused_parts;
      return;
    case ResultKind::kAttributes:
      to.numbers[kDetailAttributes] = from.attributes.bits;
      to.numbers[kDetailAllocatedSize] = static_cast<double>(from.attributes.allocated);
      return;
    case ResultKind::kStatus:
      return deliver_status(from.status, to);
    default:
      return;
  }
}

void Environment::deliver_status(const FileStatus& status, Detail& to) {
  const auto set = [&](StatusField field, uint64_t value) {
    to.integers[field] = static_cast<int64_t>(value);
  };
  set(kStatusDev, status.dev);
  set(kStatusMode, status.mode);
  set(kStatusNlink, status.nlink);
  set(kStatusUid, status.uid);
  set(kStatusGid, status.gid);
  set(kStatusRdev, status.rdev);
  set(kStatusBlksize, status.blksize);
  set(kStatusIno, status.ino);
  set(kStatusSize, status.size);
  set(kStatusBlocks, status.blocks);
  for (size_t i = 0; i < 4; ++i) to.integers[kStatusSeconds + i] = status.seconds[i];
  for (size_t i = 0; i < 4; ++i) to.integers[kStatusNanoseconds + i] = status.nanoseconds[i];
}

void Environment::set_result(uint32_t index, napi_value value) {
  napi_set_element(env_, results_.Value(), index, value);
}

void Environment::release(Slot& slot) {
  Operation& operation = slot.operation;
  const bool closed = operation.opcode == Opcode::kClose && operation.file;
  if (closed) {
    files_.remove(slot.file_id);
  } else if (operation.file && !slot.borrowed) {
    end_on_file(slot.file_id);
  }
  if (operation.source) end_on_file(slot.source_id);
  operation.reset();
  slot.borrowed.reset();
  slot.file_id = slot.source_id = -1;
  slot.in_use = false;
}

// The close that waited for the last operation on a file goes to the engine then.
void Environment::end_on_file(int32_t file_id) {
  Operation* const close = files_.end_operation(file_id);
  if (!close) return;
  OperationList batch;
  batch.push_back(close);
  ++submitted_;
  engine_->submit(std::move(batch));
}

int Environment::duplicate_descriptor(int32_t file_id) {
  OpenFile* const file = files_.find(file_id);
  if (!file) return uv::translate_error(kBadHandleError);
#ifdef _WIN32
  NativeHandle opened = invalid_handle();
  const Result second = file->open_second(opened);
  if (!second.ok()) return error_number(second);
  UniqueHandle handle(opened);
  const int descriptor = uv::open_os_handle(handle.get());
  if (descriptor < 0) return uv::translate_error(ERROR_TOO_MANY_OPEN_FILES);
  handle.release();  // the descriptor owns it now
  return descriptor;
#else
  return file->handle();
#endif
}

int64_t Environment::move_cursor(int32_t file_id, int64_t position) {
  OpenFile* const file = files_.find(file_id);
  if (!file) return uv::translate_error(kBadHandleError);
  const Result moved = overlapped::move_cursor(*file, position);
  return moved.ok() ? moved.value : uv::translate_error(moved.os_error);
}

void Environment::give_away_descriptor(int32_t file_id) {
  if (OpenFile* const file = files_.find(file_id)) file->given_away = true;
}

void Environment::forget_file(int32_t file_id) {
  OpenFile* const file = files_.find(file_id);
  if (!file || file->in_flight > 0) return;
  file->given_away = true;
  files_.remove(file_id);
}

// One turn of the event loop: a new budget, then everything that has completed.
void Environment::run_turn() {
  if (closing_) return;
  const Napi::HandleScope scope(env_);
  begin_turn(uv::high_resolution_time());
  submit_deferred();
  ready_.append(engine_->poll());
  ready_.append(queue_->take_all());
  while (const uint32_t count = fill_completions()) notify(count);
  wake_if_needed();
  update_reference();
}

void Environment::notify(uint32_t count) {
  const Napi::HandleScope scope(env_);
  napi_value argument;
  napi_create_uint32(env_, count, &argument);
  const napi_status status = napi_make_callback(env_, *async_context_, Napi::Env(env_).Global(),
                                                on_completions_.Value(), 1, &argument, nullptr);
  if (status == napi_pending_exception) {
    napi_value exception;
    napi_get_and_clear_last_exception(env_, &exception);
    napi_fatal_exception(env_, exception);
  }
}

void Environment::wake_if_needed() {
  if (!ready_.empty() || !deferred_.empty() || engine_->has_unannounced()) uv::async_send(async_);
}

// What is in flight keeps the event loop, and so the process, alive.
void Environment::update_reference() {
  const bool wanted = in_flight_ > 0;
  if (wanted == referenced_) return;
  referenced_ = wanted;
  (wanted ? uv::ref : uv::unref)(async_);
}

// Law 6: cancel, drain, then free. A null hook means that nobody waits for the end.
void Environment::shut_down(napi_async_cleanup_hook_handle hook) {
  closing_ = true;
  hook_ = hook;
  if (engine_) {
    for (Slot& slot : slots_) {
      cancel(slot);
    }
    engine_->drain();
    (void)engine_->poll();
  }
  // The event loop lets go of a handle some time after its close, and only then is its memory free.
  // A descriptor must not be closed while it is watched (uv_poll_init), so the engine goes after.
  if (poll_) close_handle(poll_);
  if (async_) close_handle(async_);
  engine_.reset();
  files_.clear();
  if (open_handles_ == 0) finish();
}

void Environment::close_handle(uv::Handle* handle) {
  ++open_handles_;
  uv::close(handle, [](uv::Handle* closed) {
    auto* const self = static_cast<Environment*>(uv::get_data(closed));
    if (--self->open_handles_ == 0) self->finish();
  });
}

void Environment::finish() {
  const std::unique_ptr<Environment> self(this);
  if (hook_) napi_remove_async_cleanup_hook(hook_);
}

}  // namespace overlapped
