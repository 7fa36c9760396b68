// Tests of named streams on Windows: Wine has none, so its calls are imitated.
#ifdef _WIN32

#include <atomic>
#include <cstddef>
#include <cstring>
#include <string>
#include <string_view>

#include "harness.h"
#include "test.h"
#include "windows_doubles.h"

namespace overlapped::testing {

namespace {

std::atomic<HANDLE> file_with_streams{nullptr};
std::atomic<bool> is_stream_asked_for{false};
std::atomic<int> too_short_lists{0};

size_t put_stream(std::byte* out, const std::wstring& name, int64_t bytes, bool is_last) {
  constexpr size_t kName = 24;
  const size_t name_bytes = name.size() * sizeof(wchar_t);
  const size_t size = (kName + name_bytes + 7) / 8 * 8;
  const ULONG next = is_last ? 0 : static_cast<ULONG>(size);
  const auto length = static_cast<ULONG>(name_bytes);
  std::memcpy(out, &next, sizeof next);
  std::memcpy(out + 4, &length, sizeof length);
  std::memcpy(out + 8, &bytes, sizeof bytes);
  std::memcpy(out + 16, &bytes, sizeof bytes);
  std::memcpy(out + kName, name.data(), name_bytes);
  return size;
}

NTSTATUS NTAPI list_two_streams(HANDLE handle, IO_STATUS_BLOCK* block, void* out, ULONG size,
                                ULONG what) {
  if (what != kNativeStreamInformation) {
    return original_calls.query_information(handle, block, out, size, what);
  }
  file_with_streams = handle;
  if (too_short_lists.fetch_sub(1) > 0) return static_cast<NTSTATUS>(0x80000005);
  auto* const data = static_cast<std::byte*>(out);
  const size_t first = put_stream(data, L"::$DATA", 7, false);
  block->Information = first + put_stream(data + first, L":second:$DATA", 5'000'000'000, true);
  return 0;
}

NTSTATUS NTAPI create_in_file(HANDLE* handle, ACCESS_MASK access, OBJECT_ATTRIBUTES* object,
                              IO_STATUS_BLOCK* block, LARGE_INTEGER* allocation, ULONG attributes,
                              ULONG share, ULONG disposition, ULONG options, void* data,
                              ULONG size) {
  const std::wstring_view name(object->ObjectName->Buffer,
                               object->ObjectName->Length / sizeof(wchar_t));
  if (name != L":second:$DATA" || object->RootDirectory != file_with_streams) {
    return original_calls.create_file(handle, access, object, block, allocation, attributes, share,
                                      disposition, options, data, size);
  }
  is_stream_asked_for = true;
  return static_cast<NTSTATUS>(0xC0000022);  // STATUS_ACCESS_DENIED
}

}  // namespace

// Wine has no streams.
ENGINE_TEST(windows_the_streams_of_an_open_file_are_listed_and_opened_by_its_handle) {
  Harness harness(engine);
  original_calls = native_calls();
  const Replaced<NativeCalls::QueryInformation> query(native_calls().query_information,
                                                      list_two_streams);
  const Replaced<NativeCalls::CreateFile> create(native_calls().create_file, create_in_file);
  OpenFile& file = *harness.open(harness.path("file"), kOpenWrite | kOpenCreate);
  too_short_lists = 2;
  Operation& list = harness.make(Opcode::kListStreams, &file);
  REQUIRE(harness.run(list).ok());
  const auto content = content_of(list);
  const std::string text(reinterpret_cast<const char*>(content.data()), content.size());
  CHECK(text == std::string("7\0::$DATA\0005000000000\0:second:$DATA\0", 35));
  Operation& open = harness.make(Opcode::kOpenIn, &file);
  open.details().open.path = L":second:$DATA";
  is_stream_asked_for = false;
  CHECK_EQUAL(harness.run(open).os_error, static_cast<uint32_t>(ERROR_ACCESS_DENIED));
  CHECK(is_stream_asked_for);
}

}  // namespace overlapped::testing

#endif
