#include "windows_io.h"

// Must follow windows.h, which it does not include itself.
#include <winioctl.h>

#include <algorithm>
#include <array>
#include <string>
#include <utility>

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

void add(std::string& list, const WIN32_FIND_STREAM_DATA& stream) {
  list += std::to_string(stream.StreamSize.QuadPart);
  list += '\0';
  list += to_utf8(stream.cStreamName);
  list += '\0';
}

}  // namespace

Result list_streams(Operation& op) {
  std::string list;
  WIN32_FIND_STREAM_DATA stream{};
  const HANDLE find =
      FindFirstStreamW(op.detail->open.path.c_str(), FindStreamInfoStandard, &stream, 0);
  if (find == INVALID_HANDLE_VALUE) {
    const DWORD error = GetLastError();
    // A folder without named streams has no streams at all, not even an unnamed one.
    return error == ERROR_HANDLE_EOF ? give(op, list.data(), 0) : Result::failure(error);
  }
  do {
    add(list, stream);
  } while (FindNextStreamW(find, &stream));
  const DWORD error = GetLastError();
  FindClose(find);
  return error == ERROR_HANDLE_EOF ? give(op, list.data(), list.size()) : Result::failure(error);
}

Result read_reparse_point(Operation& op) {
  std::array<std::byte, kReparseSizeMax> data;
  const Result queried =
      query_device(op.file->handle(), FSCTL_GET_REPARSE_POINT, data.data(), kReparseSizeMax);
  return queried.ok() ? give(op, data.data(), static_cast<size_t>(queried.value)) : queried;
}

}  // namespace overlapped
