#include "windows_io.h"

// Must follow windows.h, which it does not include itself.
#include <winioctl.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "native_calls.h"
#include "record_list.h"
#include "system/named_streams.h"
#include "system/tree.h"

namespace overlapped {

namespace {

constexpr DWORD kReparseSizeMax = 16 * 1024;

Result give(Operation& op, const void* data, size_t size) {
  auto content = std::make_unique_for_overwrite<std::byte[]>(size);
  std::copy_n(static_cast<const std::byte*>(data), size, content.get());
  op.details().content = std::move(content);
  return Result::success(static_cast<int64_t>(size));
}

// FILE_STREAM_INFORMATION
struct StreamInformation {
  ULONG next_offset;
  ULONG name_bytes;
  LARGE_INTEGER size;
  LARGE_INTEGER allocated;
  WCHAR name[1];
};

constexpr size_t kListSizeMin = 4096;
constexpr size_t kListSizeMax = 16 * 1024 * 1024;
constexpr auto kBufferOverflow = static_cast<NTSTATUS>(0x80000005);

}  // namespace

Result list_streams(Operation& op) {
  for (size_t size = kListSizeMin;; size *= 2) {
    std::vector<LARGE_INTEGER> memory(size / sizeof(LARGE_INTEGER));
    IO_STATUS_BLOCK block{};
    const NTSTATUS status = native_calls().query_information(
        op.file->handle(), &block, memory.data(), static_cast<ULONG>(size),
        kNativeStreamInformation);
    if (status == kBufferOverflow && size < kListSizeMax) continue;
    if (status < 0) return result_of_status(status);
    // A folder without named streams has no streams at all, not even an unnamed one.
    if (block.Information == 0) return give(op, nullptr, 0);
    std::string text;
    const auto add = [&](const StreamInformation& stream, const std::wstring& name) {
      text += std::to_string(stream.size.QuadPart);
      text += '\0';
      text += to_utf8(name);
      text += '\0';
    };
    const auto list = std::as_bytes(std::span(memory)).first(block.Information);
    const Result read = for_each_record<StreamInformation>(list, add);
    return read.ok() ? give(op, text.data(), text.size()) : read;
  }
}

Result read_reparse_point(Operation& op) {
  std::array<std::byte, kReparseSizeMax> data;
  const Result queried =
      query_device(op.file->handle(), FSCTL_GET_REPARSE_POINT, data.data(), kReparseSizeMax);
  return queried.ok() ? give(op, data.data(), static_cast<size_t>(queried.value)) : queried;
}

}  // namespace overlapped
