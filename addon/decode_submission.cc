#include "decode_submission.h"

#include <cmath>
#include <cstdint>
#include <limits>

#include "arguments.h"
#include "engine/descriptors.h"

namespace overlapped {

namespace {

// Number.MAX_SAFE_INTEGER
constexpr double kIntegerMax = 9007199254740991.0;

// False for NaN, too.
bool is_integer(double value, double max) {
  return value >= 0 && value <= max && value == std::floor(value);
}

bool is_position(int64_t position, double length, const OpcodeTraits& traits) {
  if (traits.position == PositionRange::kAny) return true;
  if (position < 0) return traits.position == PositionRange::kOrCursor && position == -1;
  return position <= std::numeric_limits<int64_t>::max() - static_cast<int64_t>(length);
}

// Whether the numbers are in the valid range of the operation.
bool has_valid_numbers(const Submission& submission, const OpcodeTraits& traits) {
  const bool is_place = traits.memory && traits.paths == 0 && !traits.has_source();
  const double offset_max = is_place ? kIntegerMax : std::numeric_limits<uint32_t>::max();
  return is_integer(submission.offset, offset_max) && is_integer(submission.length, kIntegerMax) &&
         is_position(submission.position, submission.length, traits);
}

// Reads the paths of an operation and its memory.
bool read_objects(napi_env env, napi_value object, const Submission& submission, Operation& op) {
  const OpcodeTraits& traits = op.traits();
  const bool is_array = traits.paths + (traits.memory ? 1U : 0U) > 1;
  const auto value_at = [&](uint32_t index, napi_value& value) {
    value = object;
    return !is_array || napi_get_element(env, object, index, &value) == napi_ok;
  };
  napi_value value = nullptr;
  for (uint32_t i = 0; i < traits.paths; ++i) {
    OperationDetail& detail = op.details();
    PathString* const paths[] = {&detail.open.path, &detail.second_path, &detail.third_path};
    if (!value_at(i, value) || !read_path(env, value, *paths[i])) return false;
  }
  if (traits.vectors) {
    return read_vectors(env, object, submission.length, op.details().vectors);
  }
  if (!traits.memory) return true;
  // Beside paths or a source the memory begins where its view does.
  const double offset = is_array || traits.has_source() ? 0 : submission.offset;
  return value_at(traits.paths, value) &&
         read_memory(env, value, offset, submission.length, op.data);
}

void decode_open(const Submission& submission, OpenRequest& request) {
  request.flags = submission.flags;
  request.options = static_cast<uint32_t>(submission.file);
  request.mode = static_cast<uint32_t>(submission.offset);
  request.preallocate = submission.position;
}

// The directory occupies `file`, so `length` has both the options and, above 32 bits, the
// attributes.
void decode_open_in(const Submission& submission, OpenRequest& request) {
  const auto packed = static_cast<uint64_t>(submission.length);
  decode_open(submission, request);
  request.options = static_cast<uint32_t>(packed);
  request.attributes = static_cast<uint32_t>(packed >> 32);
}

uint32_t decode_for_path(napi_env env, const Submission& submission, napi_value object,
                         Operation& op) {
  OpenRequest& request = op.details().open;
  decode_open(submission, request);
  if (op.opcode == Opcode::kOpen) request.attributes = static_cast<uint32_t>(submission.length);
  return read_objects(env, object, submission, op) ? 0 : kInvalidArgumentError;
}

// A descriptor is inspected anew for every operation: its owner may have closed it, and its number
// may belong to another file by now.
uint32_t find_file(const Submission& submission, FileTable& files, Slot& slot, OpenFile*& file) {
  const bool is_foreign = (static_cast<uint32_t>(submission.flags) & kForeignDescriptor) != 0;
  if (is_foreign && slot.operation.traits().takes_foreign) {
    Result result;
    slot.borrowed = borrow_descriptor(submission.file, result);
    file = slot.borrowed.get();
    return file ? 0 : result.os_error;
  }
  file = files.find(submission.file);
  if (!file) return kBadHandleError;
  slot.file_id = submission.file;
  return 0;
}

uint32_t decode_for_file(napi_env env, const Submission& submission, napi_value object,
                         FileTable& files, Slot& slot) {
  Operation& op = slot.operation;
  OpenFile* file = nullptr;
  if (const uint32_t error = find_file(submission, files, slot, file)) return error;
  if (!read_objects(env, object, submission, op)) return kInvalidArgumentError;
  const bool opens = op.opcode == Opcode::kOpenIn || op.opcode == Opcode::kReadIn;
  if (opens) decode_open_in(submission, op.detail->open);
  if (op.traits().result != ResultKind::kValue) op.details();
  if (op.has_source()) {
    // Valid numbers reach 2^32 - 1; those from 2^31 on become negative, which no file has.
    const auto source_id = static_cast<int32_t>(static_cast<uint32_t>(submission.offset));
    op.source = files.find(source_id);
    if (!op.source) return kBadHandleError;
    slot.source_id = source_id;
    ++op.source->in_flight;
  }
  op.file = file;
  ++file->in_flight;
  return 0;
}

}  // namespace

uint32_t decode_submission(napi_env env, const Submission& submission, napi_value object,
                           FileTable& files, Slot& slot) {
  Operation& op = slot.operation;
  if (!has_valid_numbers(submission, op.traits())) return kInvalidArgumentError;
  op.file_offset = submission.position;
  op.length = static_cast<size_t>(submission.length);
  op.flags = static_cast<uint32_t>(submission.flags);
  return op.traits().family == OpcodeFamily::kPath
             ? decode_for_path(env, submission, object, op)
             : decode_for_file(env, submission, object, files, slot);
}

}  // namespace overlapped
