// Tests of single calls of Windows: names, numbers, priorities, privileges, errors.
#ifdef _WIN32

#include <array>
#include <atomic>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "harness.h"
#include "system/directory.h"
#include "system/entry_statuses.h"
#include "system/windows/privileges.h"
#include "system/windows/record_list.h"
#include "system/windows/wide_text.h"
#include "test.h"
#include "windows_doubles.h"

namespace overlapped::testing {

namespace {

namespace stdfs = std::filesystem;

void put(const stdfs::path& path, std::string_view text) {
  std::ofstream(path, std::ios::binary) << text;
}

std::string text_of(const stdfs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

Operation& make_in(Harness& harness, Opcode opcode, const std::wstring& name) {
  Operation& op = harness.make(opcode, harness.open(harness.path("."), kOpenRead));
  op.details().open.path = name;
  return op;
}

}  // namespace

// ---- names

TEST(windows_any_units_of_a_name_survive_as_bytes) {
  const std::pair<std::wstring, std::string> texts[] = {
      {L"", ""},
      {L"name", "name"},
      {L"\u00e9\u20ac", "\xC3\xA9\xE2\x82\xAC"},
      {L"\ud7ff\ue000\uffff", "\xED\x9F\xBF\xEE\x80\x80\xEF\xBF\xBF"},
      {{L'a', 0xD83D, 0xDE00}, "a\xF0\x9F\x98\x80"},
      {{0xD83D, L'x'}, "\xED\xA0\xBDx"},
      {{0xDE00, 0xD83D}, "\xED\xB8\x80\xED\xA0\xBD"},
  };
  for (const auto& [text, bytes] : texts) {
    CHECK(to_wtf8(text) == bytes);
    CHECK(from_wtf8(bytes) == text);
  }
}

namespace {

// Wine has no names with halves of pairs, so '#' stands for one on the disk.
constexpr wchar_t kHalf = 0xD83D;
constexpr wchar_t kOnDisk = L'#';

void exchange(wchar_t* text, size_t length, wchar_t from, wchar_t to) {
  for (size_t i = 0; i < length; ++i) {
    if (text[i] == from) text[i] = to;
  }
}

NTSTATUS NTAPI list_with_halves(HANDLE directory, HANDLE event, void* routine, void* context,
                                IO_STATUS_BLOCK* block, void* out, ULONG size, ULONG what,
                                BOOLEAN single, UNICODE_STRING* mask, BOOLEAN restart) {
  const NTSTATUS status = original_calls.query_directory(directory, event, routine, context, block,
                                                         out, size, what, single, mask, restart);
  constexpr size_t kNameBytes = 60;
  constexpr size_t kName = 64;
  for (auto* entry = static_cast<std::byte*>(out); status >= 0;) {
    ULONG next = 0;
    ULONG bytes = 0;
    std::memcpy(&next, entry, sizeof next);
    std::memcpy(&bytes, entry + kNameBytes, sizeof bytes);
    exchange(reinterpret_cast<wchar_t*>(entry + kName), bytes / sizeof(wchar_t), kOnDisk, kHalf);
    if (next == 0) break;
    entry += next;
  }
  return status;
}

NTSTATUS NTAPI create_with_halves(HANDLE* handle, ACCESS_MASK access, OBJECT_ATTRIBUTES* object,
                                  IO_STATUS_BLOCK* block, LARGE_INTEGER* allocation,
                                  ULONG attributes, ULONG share, ULONG disposition, ULONG options,
                                  void* data, ULONG size) {
  std::wstring name(object->ObjectName->Buffer, object->ObjectName->Length / sizeof(wchar_t));
  exchange(name.data(), name.size(), kHalf, kOnDisk);
  UNICODE_STRING text = *object->ObjectName;
  text.Buffer = name.data();
  OBJECT_ATTRIBUTES renamed = *object;
  renamed.ObjectName = &text;
  return original_calls.create_file(handle, access, &renamed, block, allocation, attributes, share,
                                    disposition, options, data, size);
}

struct NamesWithHalves {
  NativeCalls& calls = (original_calls = native_calls(), native_calls());
  Replaced<NativeCalls::QueryDirectory> list{calls.query_directory, list_with_halves};
  Replaced<NativeCalls::CreateFile> create{calls.create_file, create_with_halves};
};

}  // namespace

ENGINE_TEST(windows_a_name_with_half_of_a_pair_is_listed_opened_and_copied) {
  Harness harness(engine);
  put(harness.path("#name"), "content");
  const NamesWithHalves names;
  Operation& list = make_in(harness, Opcode::kListStatusesIn, L"");
  REQUIRE(harness.run(list).ok());
  const auto content = content_of(list);
  EntryStatus record;
  constexpr size_t kHeader = sizeof(uint64_t);
  REQUIRE(content.size() > kHeader + sizeof record);
  std::memcpy(&record, content.data() + kHeader, sizeof record);
  CHECK_EQUAL(record.target_bytes, EntryStatus::kNoLink);
  CHECK_EQUAL(record.size, uint64_t{7});
  const std::string name(reinterpret_cast<const char*>(content.data() + kHeader + sizeof record),
                         record.name_bytes);
  CHECK(name == "\xED\xA0\xBDname");
  Operation& copy = make_in(harness, Opcode::kCopySmallFile, from_wtf8(name));
  copy.source = harness.open(harness.path("."), kOpenRead);
  copy.detail->second_path = L"temporary";
  copy.detail->third_path = L"copy";
  CHECK(harness.run(copy).ok());
  CHECK_EQUAL(text_of(harness.path("copy")), std::string("content"));
}

// ---- removal

ENGINE_TEST(windows_an_entry_that_was_exchanged_since_is_not_removed) {
  Harness harness(engine);
  put(harness.path("one"), "content");
  put(harness.path("other"), "content");
  const FileStatus one = harness.status(*harness.open(harness.path("one"), kOpenRead));
  const auto unlink = [&](const wchar_t* name, uint64_t more = 0) {
    Operation& op = make_in(harness, Opcode::kUnlinkIn, name);
    op.file_offset = static_cast<int64_t>(one.ino | more);
    op.length = static_cast<size_t>(one.dev);
    return harness.run(op).os_error;
  };
  CHECK_EQUAL(unlink(L"other"), static_cast<uint32_t>(ERROR_FILE_INVALID));
  // ReFS has numbers with any bits.
  constexpr uint64_t kTopBit = 1ULL << 63;
  CHECK_EQUAL(unlink(L"other", kTopBit), static_cast<uint32_t>(ERROR_FILE_INVALID));
  CHECK(stdfs::exists(harness.path("other")));
  CHECK_EQUAL(unlink(L"one"), 0U);
}

ENGINE_TEST(windows_a_list_whose_records_leave_it_is_an_error) {
  (void)engine;
  struct NamedRecord {
    ULONG next_offset;
    ULONG name_bytes;
    WCHAR name[1];
  };
  constexpr ULONG kSize = 12;  // of each record, with a name of two units
  const auto read = [](ULONG next_offset, ULONG name_bytes, size_t size) {
    std::array<ULONG, 6> list{next_offset, name_bytes, 0x00620061, 0, 4, 0x00640063};
    std::wstring names;
    const auto add = [&](const NamedRecord&, const std::wstring& name) { names += name; };
    const auto bytes = std::as_bytes(std::span(list)).first(size);
    const Result result = for_each_record<NamedRecord>(bytes, add);
    return result.ok() ? names : L"error " + std::to_wstring(result.os_error);
  };
  const std::wstring invalid = L"error " + std::to_wstring(ERROR_INVALID_DATA);
  CHECK(read(kSize, 4, 2 * kSize) == L"abcd");
  CHECK(read(0, 4, kSize) == L"ab");
  CHECK(read(0, 5 * kSize, kSize) == invalid);
  CHECK(read(3 * kSize, 4, 2 * kSize) == invalid);
  CHECK(read(kSize, 4, kSize) == invalid);
  CHECK(read(4, 4, 2 * kSize) == invalid);
}

ENGINE_TEST(windows_the_other_names_of_a_removed_file_stay_read_only) {
  Harness harness(engine);
  put(harness.path("one"), "content");
  const PathString other = harness.path("other");
  REQUIRE(CreateHardLinkW(other.c_str(), harness.path("one").c_str(), nullptr));
  REQUIRE(SetFileAttributesW(other.c_str(), FILE_ATTRIBUTE_READONLY));
  CHECK_EQUAL(harness.run(make_in(harness, Opcode::kUnlinkIn, L"one")).os_error, 0U);
  CHECK(!stdfs::exists(harness.path("one")));
  CHECK((GetFileAttributesW(other.c_str()) & FILE_ATTRIBUTE_READONLY) != 0);
  SetFileAttributesW(other.c_str(), FILE_ATTRIBUTE_NORMAL);
}

ENGINE_TEST(windows_the_other_names_of_a_replaced_file_stay_read_only) {
  Harness harness(engine);
  put(harness.path("new"), "new content");
  put(harness.path("one"), "content");
  const PathString other = harness.path("other");
  REQUIRE(CreateHardLinkW(other.c_str(), harness.path("one").c_str(), nullptr));
  REQUIRE(SetFileAttributesW(other.c_str(), FILE_ATTRIBUTE_READONLY));
  Operation& rename = make_in(harness, Opcode::kRenameIn, L"new");
  rename.source = rename.file;
  rename.detail->second_path = L"one";
  CHECK_EQUAL(harness.run(rename).os_error, 0U);
  CHECK_EQUAL(text_of(harness.path("one")), std::string("new content"));
  CHECK_EQUAL(text_of(other), std::string("content"));
  CHECK((GetFileAttributesW(other.c_str()) & FILE_ATTRIBUTE_READONLY) != 0);
  SetFileAttributesW(other.c_str(), FILE_ATTRIBUTE_NORMAL);
}

// ---- interrupts

namespace {

std::atomic<bool> is_interrupted{false};

// CancelSynchronousIo ends whatever call its thread makes, also one of a later operation.
NTSTATUS NTAPI create_after_interrupt(HANDLE* handle, ACCESS_MASK access,
                                      OBJECT_ATTRIBUTES* object, IO_STATUS_BLOCK* block,
                                      LARGE_INTEGER* allocation, ULONG attributes, ULONG share,
                                      ULONG disposition, ULONG options, void* data, ULONG size) {
  if (is_interrupted.exchange(false)) return static_cast<NTSTATUS>(0xC0000120);  // STATUS_CANCELLED
  return original_calls.create_file(handle, access, object, block, allocation, attributes, share,
                                    disposition, options, data, size);
}

}  // namespace

ENGINE_TEST(windows_an_interrupt_of_an_earlier_operation_ends_no_copy_and_no_removal) {
  Harness harness(engine);
  stdfs::create_directories(harness.path("tree"));
  put(stdfs::path(harness.path("tree")) / "file", "content");
  put(harness.path("source"), "content");
  original_calls = native_calls();
  const Replaced<NativeCalls::CreateFile> create(native_calls().create_file,
                                                 create_after_interrupt);
  Operation& copy = make_in(harness, Opcode::kCopySmallFile, L"source");
  copy.source = harness.open(harness.path("."), kOpenRead);
  copy.detail->second_path = L"temporary";
  copy.detail->third_path = L"copy";
  is_interrupted = true;
  CHECK_EQUAL(harness.run(copy).os_error, 0U);
  CHECK_EQUAL(text_of(harness.path("copy")), std::string("content"));
  is_interrupted = true;
  Operation& removal = harness.make_path(Opcode::kRemoveTree, harness.path("tree"));
  CHECK_EQUAL(harness.run(removal).os_error, 0U);
  CHECK(!is_interrupted && !stdfs::exists(harness.path("tree")));
}

// ---- privileges

namespace {

std::atomic<int> opens_with_privileges{0};

bool has_own_token() {
  HANDLE token = nullptr;
  if (!OpenThreadToken(GetCurrentThread(), TOKEN_QUERY, TRUE, &token)) return false;
  CloseHandle(token);
  return true;
}

NTSTATUS NTAPI create_and_note_token(HANDLE* handle, ACCESS_MASK access,
                                     OBJECT_ATTRIBUTES* object, IO_STATUS_BLOCK* block,
                                     LARGE_INTEGER* allocation, ULONG attributes, ULONG share,
                                     ULONG disposition, ULONG options, void* data, ULONG size) {
  if (has_own_token()) ++opens_with_privileges;
  return original_calls.create_file(handle, access, object, block, allocation, attributes, share,
                                    disposition, options, data, size);
}

}  // namespace

// An administrator has the privilege, but it is not enabled. Wine makes no links.
ENGINE_TEST(windows_a_symbolic_link_is_made_with_the_privilege_and_a_junction_without) {
  Harness harness(engine);
  original_calls = native_calls();
  const Replaced<NativeCalls::CreateFile> create(native_calls().create_file,
                                                 create_and_note_token);
  const auto opens_of = [&](LinkKind kind) {
    opens_with_privileges = 0;
    Operation& op = make_in(harness, Opcode::kSymlinkIn, L"link");
    op.flags = static_cast<uint32_t>(kind);
    op.detail->second_path = L"C:\\target";
    (void)harness.run(op);
    return opens_with_privileges.load();
  };
  CHECK_EQUAL(opens_of(LinkKind::kFile), 1);
  CHECK_EQUAL(opens_of(LinkKind::kDirectory), 1);
  CHECK_EQUAL(opens_of(LinkKind::kJunction), 0);
  CHECK(!has_own_token());
}

// ---- errors of transfers

namespace {

std::atomic<DWORD> error_of_reads{0};

BOOL WINAPI read_with_error(HANDLE, void*, DWORD, DWORD*, OVERLAPPED*) {
  SetLastError(error_of_reads);
  return FALSE;
}

constexpr DWORD kLengthMax = 64 * 1024;

BOOL WINAPI read_little(HANDLE handle, void* data, DWORD length, DWORD* moved,
                        OVERLAPPED* overlapped) {
  if (length <= kLengthMax) return original_calls.read(handle, data, length, moved, overlapped);
  SetLastError(ERROR_NO_SYSTEM_RESOURCES);
  return FALSE;
}

}  // namespace

ENGINE_TEST(windows_only_a_pipe_or_a_port_ends_where_its_other_side_is_silent) {
  Harness harness(engine);
  put(harness.path("file"), "content");
  OpenFile& file = *harness.open(harness.path("file"), kOpenRead);
  const Replaced<NativeCalls::Read> read(native_calls().read, read_with_error);
  for (const DWORD error : {ERROR_TIMEOUT, ERROR_BROKEN_PIPE, ERROR_PIPE_NOT_CONNECTED}) {
    error_of_reads = error;
    CHECK_EQUAL(harness.read(file, harness.memory(7), 0).os_error, error);
  }
  error_of_reads = ERROR_HANDLE_EOF;
  CHECK(harness.read(file, harness.memory(7), 0).ok());
}

ENGINE_TEST(windows_a_shortage_makes_calls_shorter_also_those_of_whole_files) {
  constexpr size_t kSize = (1 << 18) + 5;
  Harness harness(engine);
  put(harness.path("file"), std::string(kSize, 'x'));
  original_calls = native_calls();
  const Replaced<NativeCalls::Read> read(native_calls().read, read_little);
  Operation& whole = harness.make_path(Opcode::kReadPath, harness.path("file"));
  CHECK_EQUAL(harness.run(whole).os_error, 0U);
  CHECK_EQUAL(content_of(whole).size(), kSize);
  OpenFile& file = *harness.open(harness.path("file"), kOpenRead);
  CHECK_EQUAL(harness.read(file, harness.memory(kSize), 0).value, static_cast<int64_t>(kSize));
}

}  // namespace overlapped::testing

#endif
