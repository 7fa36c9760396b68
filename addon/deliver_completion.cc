#include "deliver_completion.h"

#include <algorithm>
#include <new>
#include <string_view>

#include "arguments.h"
#include "engine/descriptors.h"
#include "engine/system/tree.h"
#include "error_number.h"

namespace overlapped {

namespace {

void deliver_failure(const Result& result, Completion& completion) {
  completion.value = 0;
  completion.error = error_number(result);
  completion.os_error = result.os_error;
  completion.step = 0;
}

void deliver_files(OperationDetail& from, Completion& completion, Detail& to, FileTable& files) {
  const OpenFile& file = *from.opened;
  to.numbers[kDetailDescriptor] = descriptor_of(file);
  to.numbers[kDetailDeviceType] = static_cast<double>(file.device_type());
  to.numbers[kDetailAlignmentPosition] = file.alignment.position;
  to.numbers[kDetailAlignmentLength] = file.alignment.length;
  to.numbers[kDetailAlignmentMemory] = file.alignment.memory;
  to.numbers[kDetailSize] = static_cast<double>(file.size_when_opened);
  completion.value = files.add(std::move(from.opened));
  if (from.opened_peer) {
    to.numbers[kDetailPeerDescriptor] = descriptor_of(*from.opened_peer);
    to.numbers[kDetailPeerFile] = files.add(std::move(from.opened_peer));
  }
}

void deliver_status(const FileStatus& status, Detail& to) {
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

// Returns false if there is no memory for the JavaScript value.
bool deliver_content(napi_env env, const std::byte* content, int64_t length, uint32_t index,
                     napi_value results) {
  const auto size = static_cast<size_t>(length);
  napi_value buffer = nullptr;
  return napi_create_buffer_copy(env, size, content, nullptr, &buffer) == napi_ok &&
         napi_set_element(env, results, index, buffer) == napi_ok;
}

// A string costs a third of a Buffer. Its memory is JavaScript's, so long lists stay outside.
constexpr size_t kEntriesAsTextMax = 64 * 1024;

// Delivers the entries of a directory as a string with a character for each byte. JavaScript takes
// names from it, so they must be ASCII; other entries are delivered as a Buffer.
bool deliver_entries(napi_env env, const std::byte* content, int64_t length, uint32_t index,
                     napi_value results) {
  const std::string_view bytes(reinterpret_cast<const char*>(content),
                               static_cast<size_t>(length));
  const size_t names_start = sizeof(uint32_t) + entry_count(content);
  const bool is_ascii =
      bytes.size() <= kEntriesAsTextMax &&
      std::all_of(bytes.begin() + static_cast<ptrdiff_t>(names_start), bytes.end(),
                  [](char byte) { return static_cast<unsigned char>(byte) < 0x80; });
  if (!is_ascii) return deliver_content(env, content, length, index, results);
  napi_value text = nullptr;
  return napi_create_string_latin1(env, bytes.data(), bytes.size(), &text) == napi_ok &&
         napi_set_element(env, results, index, text) == napi_ok;
}

bool deliver_details(napi_env env, Operation& operation, uint32_t index, SharedRings& rings,
                     FileTable& files, napi_value results) {
  OperationDetail& from = *operation.detail;
  Detail& to = rings.detail(index);
  if (from.opened) {
    to.numbers[kDetailBytesWritten] = static_cast<double>(operation.transferred);
    deliver_files(from, rings.completion(index), to, files);
    return true;
  }
  // JavaScript has this memory, too.
  if (from.lent_content) return true;
  if (const std::byte* const content = from.content.get()) {
    const bool is_list = operation.traits().result == ResultKind::kEntries;
    const auto deliver = is_list ? deliver_entries : deliver_content;
    return deliver(env, content, operation.result.value, index, results);
  }
  switch (operation.traits().result) {
    case ResultKind::kRefusedParts:
      to.numbers[kDetailRefusedParts] = from.refused_parts;
      break;
    case ResultKind::kAttributes:
      to.numbers[kDetailAttributes] = from.attributes.bits;
      to.numbers[kDetailAllocatedSize] = static_cast<double>(from.attributes.allocated);
      break;
    case ResultKind::kStatus:
      deliver_status(from.status, to);
      break;
    default:
      break;
  }
  return true;
}

void deliver_failed_step(napi_env env, const Operation& operation, uint32_t index,
                         Completion& completion, napi_value results) {
  if (operation.result.os_error == kCancelledError) {
    completion.step = may_have_moved_bytes(operation) ? 1 : 0;
    return;
  }
  if (!operation.detail) return;
  completion.step = operation.detail->failed_step;
  if (operation.detail->failed_path.empty()) return;
  const napi_value path = path_value(env, operation.detail->failed_path);
  if (path) napi_set_element(env, results, index, path);
}

}  // namespace

void deliver_completion(napi_env env, Operation& operation, uint32_t index, SharedRings& rings,
                        FileTable& files, napi_value results) {
  Completion& completion = rings.completion(index);
  completion.slot = operation.id;
  if (!operation.result.ok()) {
    deliver_failure(operation.result, completion);
    deliver_failed_step(env, operation, index, completion, results);
    return;
  }
  completion.value = static_cast<double>(operation.result.value);
  completion.error = 0;
  if (!operation.detail) return;
  const Result no_memory = Result::failure(kNoMemoryError);
  try {
    if (!deliver_details(env, operation, index, rings, files, results)) {
      deliver_failure(no_memory, completion);
    }
  } catch (const std::bad_alloc&) {
    deliver_failure(no_memory, completion);
  }
}

}  // namespace overlapped
