// Names, links and file systems that differ from NTFS. Functions of ntdll are replaced where Wine
// cannot show what Windows does.
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

#include "harness.h"
#include "replaced_call.h"
#include "system/directory.h"
#include "system/windows/file_number.h"
#include "system/windows/file_status.h"
#include "system/windows/native_calls.h"
#include "system/windows/ntdll.h"
#include "system/windows/reparse_data.h"
#include "test.h"

namespace overlapped::testing {

namespace {

namespace stdfs = std::filesystem;

constexpr ULONG kLinkTag = 0xA000000C;          // IO_REPARSE_TAG_SYMLINK
constexpr ULONG kDeduplicatedTag = 0x80000013;  // IO_REPARSE_TAG_DEDUP
constexpr auto kInvalidParameter = static_cast<NTSTATUS>(0xC000000D);

NativeCalls original_calls;
std::atomic<ULONG> tag_of_hidden{0};
std::atomic<ULONG> options_of_last_open{0};
std::atomic<ULONG> object_attributes_of_last_open{0};

// A file system whose hidden files are reparse points.
NTSTATUS NTAPI query_with_hidden_links(HANDLE handle, IO_STATUS_BLOCK* block, void* out,
                                       ULONG size, ULONG what) {
  const NTSTATUS status = original_calls.query_information(handle, block, out, size, what);
  if (status < 0 || tag_of_hidden == 0) return status;
  if (what == kNativeBasicInformation) {
    auto* const basic = static_cast<FILE_BASIC_INFO*>(out);
    const bool hidden = (basic->FileAttributes & FILE_ATTRIBUTE_HIDDEN) != 0;
    if (hidden) basic->FileAttributes |= FILE_ATTRIBUTE_REPARSE_POINT;
  }
  if (what == kNativeAttributeTagInformation) {
    static_cast<FILE_ATTRIBUTE_TAG_INFO*>(out)->ReparseTag = tag_of_hidden;
  }
  return status;
}

// FAT and exFAT have no reparse points, and do not know the question.
NTSTATUS NTAPI query_without_tags(HANDLE handle, IO_STATUS_BLOCK* block, void* out, ULONG size,
                                  ULONG what) {
  if (what == kNativeAttributeTagInformation) return kInvalidParameter;
  return original_calls.query_information(handle, block, out, size, what);
}

NTSTATUS NTAPI create_and_note(HANDLE* handle, ACCESS_MASK access, OBJECT_ATTRIBUTES* object,
                               IO_STATUS_BLOCK* block, LARGE_INTEGER* allocation,
                               ULONG attributes, ULONG share, ULONG disposition, ULONG options,
                               void* data, ULONG size) {
  if (access & GENERIC_READ) options_of_last_open = options;
  object_attributes_of_last_open = object->Attributes;
  return original_calls.create_file(handle, access, object, block, allocation, attributes, share,
                                    disposition, options, data, size);
}

struct HiddenLinks {
  explicit HiddenLinks(ULONG tag) { tag_of_hidden = tag; }
  ~HiddenLinks() { tag_of_hidden = 0; }
  NativeCalls& calls = (original_calls = native_calls(), native_calls());
  Replaced<NativeCalls::QueryInformation> query{calls.query_information, query_with_hidden_links};
  Replaced<NativeCalls::CreateFile> create{calls.create_file, create_and_note};
};

void put(const stdfs::path& path, std::string_view text) {
  std::ofstream(path, std::ios::binary) << text;
}

void put_hidden(const stdfs::path& path, std::string_view text) {
  put(path, text);
  CHECK(SetFileAttributesW(path.c_str(), FILE_ATTRIBUTE_HIDDEN));
}

std::string text_of(const stdfs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

OpenFile& open_folder(Harness& harness) { return *harness.open(harness.path("."), kOpenRead); }

Operation& make_in(Harness& harness, Opcode opcode, const wchar_t* name) {
  Operation& op = harness.make(opcode, &open_folder(harness));
  op.details().open.path = name;
  return op;
}

Operation& make_copy(Harness& harness) {
  Operation& op = make_in(harness, Opcode::kCopySmallFile, L"source");
  op.source = &open_folder(harness);
  op.detail->second_path = L"temporary";
  op.detail->third_path = L"destination";
  return op;
}

Operation& make_open(Harness& harness, const wchar_t* name, int32_t flags, uint32_t options) {
  Operation& op = make_in(harness, Opcode::kOpenIn, name);
  op.detail->open.flags = flags;
  op.detail->open.mode = 0666;
  op.detail->open.options = options;
  return op;
}

std::wstring link_target_of(const std::string& data) {
  std::wstring target;
  const auto bytes = std::as_bytes(std::span(data));
  CHECK(parse_link(bytes, target).ok());
  return target;
}

}  // namespace

ENGINE_TEST(windows_trees_and_names_are_removed_where_the_file_system_has_no_reparse_points) {
  Harness harness(engine);
  original_calls = native_calls();
  const Replaced<NativeCalls::QueryInformation> query(native_calls().query_information,
                                                      query_without_tags);
  stdfs::create_directories(stdfs::path(harness.path("tree")) / "inner");
  put(stdfs::path(harness.path("tree")) / "inner" / "file", "content");
  put(harness.path("file"), "content");
  CHECK(harness.run(harness.make_path(Opcode::kRemoveTree, harness.path("tree"))).ok());
  CHECK(harness.run(make_in(harness, Opcode::kUnlinkIn, L"file")).ok());
  CHECK(!stdfs::exists(harness.path("tree")) && !stdfs::exists(harness.path("file")));
}

ENGINE_TEST(windows_read_only_folders_are_removed_with_their_tree) {
  Harness harness(engine);
  const stdfs::path tree = harness.path("tree");
  stdfs::create_directories(tree / "inner");
  put(tree / "inner" / "file", "content");
  for (const stdfs::path& path : {tree / "inner" / "file", tree / "inner", tree}) {
    CHECK(SetFileAttributesW(path.c_str(), FILE_ATTRIBUTE_READONLY));
  }
  CHECK_EQUAL(harness.run(harness.make_path(Opcode::kRemoveTree, tree.native())).os_error, 0U);
  CHECK(!stdfs::exists(tree));
}

ENGINE_TEST(windows_a_small_deduplicated_file_is_copied_through_its_filter) {
  Harness harness(engine);
  put_hidden(harness.path("source"), "content");
  const HiddenLinks links(kDeduplicatedTag);
  CHECK(harness.run(make_copy(harness)).ok());
  CHECK_EQUAL(options_of_last_open & kNativeReparsePointItself, 0U);
  CHECK_EQUAL(text_of(harness.path("destination")), std::string("content"));
}

ENGINE_TEST(windows_a_link_in_the_place_of_a_small_file_is_not_copied_as_data) {
  Harness harness(engine);
  put_hidden(harness.path("source"), "");
  const HiddenLinks links(kLinkTag);
  CHECK_EQUAL(harness.run(make_copy(harness)).os_error,
              static_cast<uint32_t>(ERROR_CANT_RESOLVE_FILENAME));
  CHECK(!stdfs::exists(harness.path("destination")) && !stdfs::exists(harness.path("temporary")));
}

ENGINE_TEST(windows_a_link_that_fails_to_open_for_deletion_on_close_stays) {
  Harness harness(engine);
  put_hidden(harness.path("link"), "");
  put(harness.path("file"), "content");
  {
    const HiddenLinks links(kLinkTag);
    Operation& link = make_open(harness, L"link", kOpenBoth | kOpenCreate, kDeleteOnClose);
    CHECK_EQUAL(harness.run(link).os_error, static_cast<uint32_t>(ERROR_CANT_RESOLVE_FILENAME));
  }
  CHECK(stdfs::exists(harness.path("link")));
  for (const wchar_t* const name : {L"file", L"new"}) {
    Operation& op = make_open(harness, name, kOpenBoth | kOpenCreate, kDeleteOnClose);
    REQUIRE(harness.run(op).ok());
    CHECK(harness.write_text(*op.detail->opened, "text", 0).ok());
    CHECK(stdfs::exists(stdfs::path(harness.path(".")) / name));
    op.detail->opened.reset();
    CHECK(!stdfs::exists(stdfs::path(harness.path(".")) / name));
  }
}

TEST(windows_posix_semantics_distinguish_the_case_of_names_in_directories) {
  Harness harness(std::string("threadpool"));
  put(harness.path("file"), "");
  const HiddenLinks links(0);
  constexpr ULONG kCaseInsensitive = 0x40;  // OBJ_CASE_INSENSITIVE
  CHECK(harness.run(make_open(harness, L"file", kOpenRead, 0)).ok());
  CHECK_EQUAL(object_attributes_of_last_open & kCaseInsensitive, kCaseInsensitive);
  CHECK(harness.run(make_open(harness, L"file", kOpenRead, kPosixSemantics)).ok());
  CHECK_EQUAL(object_attributes_of_last_open & kCaseInsensitive, 0U);
}

namespace {

std::atomic<NTSTATUS> flush_status{0};

NTSTATUS NTAPI flush_with_status(HANDLE, ULONG, void*, ULONG, IO_STATUS_BLOCK*) {
  return flush_status;
}

NTSTATUS NTAPI query_large_sectors(HANDLE, IO_STATUS_BLOCK*, void* out, ULONG size, ULONG) {
  std::memset(out, 0, size);
  constexpr ULONG kSectorSize = 4096;
  std::memcpy(static_cast<std::byte*>(out) + size - sizeof kSectorSize, &kSectorSize,
              sizeof kSectorSize);
  return 0;
}

}  // namespace

TEST(windows_a_data_sync_that_fails_is_not_repeated_in_another_way) {
  Harness harness(std::string("threadpool"));
  OpenFile& file = *harness.open(harness.path("file"), kOpenNew);
  const Replaced<NativeCalls::Flush> flush(native_calls().flush, flush_with_status);
  flush_status = static_cast<NTSTATUS>(0xC000007F);  // STATUS_DISK_FULL
  CHECK_EQUAL(flush_data(file.handle()).os_error, static_cast<uint32_t>(ERROR_DISK_FULL));
  flush_status = kInvalidParameter;
  CHECK(flush_data(file.handle()).ok());
}

// Wine has no FileStorageInfo, like some network drives.
TEST(windows_sectors_are_those_of_the_volume_that_the_file_is_on) {
  Harness harness(std::string("threadpool"));
  const Replaced<NativeCalls::QueryInformation> query(native_calls().query_volume,
                                                      query_large_sectors);
  Operation& op = make_open(harness, L"file", kOpenNew, kUnbuffered);
  REQUIRE(harness.run(op).ok());
  FILE_STORAGE_INFO storage{};
  if (GetFileInformationByHandleEx(op.detail->opened->handle(), FileStorageInfo, &storage,
                                   sizeof storage)) {
    throw Skip("the system reports the sectors of the device");
  }
  CHECK_EQUAL(op.detail->opened->alignment.position, 4096U);
}

TEST(windows_times_that_windows_has_no_number_for_are_refused) {
  Harness harness(std::string("threadpool"));
  put(harness.path("file"), "");
  constexpr int64_t kYear1601 = -11644473600;
  NewTimes times;
  times.modification_seconds = 1;
  for (const int64_t seconds : {kYear1601, kYear1601 - 1, int64_t{1} << 40}) {
    times.access_seconds = seconds;
    Operation& op = make_in(harness, Opcode::kSetTimesIn, L"file");
    op.data = reinterpret_cast<std::byte*>(&times);
    op.length = sizeof times;
    CHECK_EQUAL(harness.run(op).os_error, static_cast<uint32_t>(ERROR_INVALID_PARAMETER));
  }
  times.access_seconds = kYear1601 + 1;
  Operation& op = make_in(harness, Opcode::kSetTimesIn, L"file");
  op.data = reinterpret_cast<std::byte*>(&times);
  op.length = sizeof times;
  CHECK(harness.run(op).ok());
}

// Wine lets every file be opened for its attributes, so the list is asked directly.
TEST(windows_the_list_of_a_folder_tells_the_status_of_files_that_open_for_nobody) {
  Harness harness(std::string("threadpool"));
  put(harness.path("file"), "content");
  SetFileAttributesW(harness.path("file").c_str(), FILE_ATTRIBUTE_READONLY);
  for (const std::string_view name : {"file", "."}) {
    Operation& op = harness.make_path(Opcode::kStatPath, harness.path(name));
    REQUIRE(harness.run(op).ok());
    const FileStatus& whole = op.detail->status;
    FileStatus listed;
    // A folder is listed by its parent.
    const stdfs::path path = stdfs::path(harness.path(name)).lexically_normal();
    const stdfs::path plain = path.has_filename() ? path : path.parent_path();
    REQUIRE(listed_status(plain.native(), listed).ok());
    CHECK_EQUAL(listed.mode, whole.mode);
    CHECK_EQUAL(listed.size, whole.size);
    for (const size_t time : {1, 3}) CHECK_EQUAL(listed.seconds[time], whole.seconds[time]);
  }
  SetFileAttributesW(harness.path("file").c_str(), FILE_ATTRIBUTE_NORMAL);
  FileStatus missing;
  CHECK_EQUAL(listed_status(harness.path("missing"), missing).os_error,
              static_cast<uint32_t>(ERROR_FILE_NOT_FOUND));
}

// ---- numbers of files

TEST(windows_files_without_a_number_are_told_apart_by_their_paths) {
  Harness harness(std::string("threadpool"));
  put(harness.path("one"), "");
  put(harness.path("other"), "");
  const auto number_of = [&](std::string_view name) {
    return file_number(harness.open(harness.path(name), kOpenRead)->handle(),
                       BY_HANDLE_FILE_INFORMATION{});
  };
  CHECK(number_of("one") != 0);
  CHECK(number_of("one") == number_of("one"));
  CHECK(number_of("one") != number_of("other"));
  const auto hash_of = [&](std::string_view name) {
    return hash_of_path(harness.open(harness.path(name), kOpenRead)->handle());
  };
  CHECK(hash_of("one") != 0 && hash_of("one") == hash_of("ONE"));
  CHECK(hash_of("one") != hash_of("other"));
}

TEST(windows_numbers_of_128_bits_are_folded_into_64) {
  const auto fold = [](uint8_t low, uint8_t high) {
    FILE_ID_128 id{};
    id.Identifier[0] = low;
    id.Identifier[8] = high;
    return fold_file_id(id);
  };
  CHECK_EQUAL(fold(5, 0), uint64_t{5});
  CHECK(fold(5, 1) != fold(5, 2) && fold(5, 1) != fold(6, 1) && fold(1, 2) != fold(2, 1));
}

// ---- the content of links

TEST(windows_targets_of_links_are_read_as_they_were_given) {
  for (const wchar_t* const target :
       {L"C:\\folder\\file", L"C:", L"\\\\server\\share\\file", L"..\\file", L"file", L"\\file"}) {
    CHECK(link_target_of(make_link_data(LinkKind::kFile, target)) == target);
  }
  CHECK(link_target_of(make_link_data(LinkKind::kDirectory, L"C:/a/b")) == L"C:\\a\\b");
  CHECK(link_target_of(make_link_data(LinkKind::kDirectory, L"../a/b")) == L"..\\a\\b");
  CHECK(link_target_of(make_link_data(LinkKind::kFile, L"\\\\?\\C:\\a")) == L"C:\\a");
  CHECK(link_target_of(make_link_data(LinkKind::kFile, L"\\\\?\\UNC\\server\\share")) ==
        L"\\\\server\\share");
  CHECK(link_target_of(make_link_data(LinkKind::kJunction, L"C:\\folder")) == L"C:\\folder");
}

TEST(windows_a_link_is_relative_unless_it_begins_at_a_drive_or_a_share) {
  constexpr size_t kFlags = 16;
  const auto is_relative = [](const wchar_t* target) {
    const std::string data = make_link_data(LinkKind::kFile, target);
    ULONG flags = 0;
    std::memcpy(&flags, data.data() + kFlags, sizeof flags);
    return flags == 1;
  };
  CHECK(is_relative(L"file") && is_relative(L"..\\file") && is_relative(L"\\file"));
  CHECK(is_relative(L"/file"));
  CHECK(!is_relative(L"C:\\file") && !is_relative(L"C:/file") && !is_relative(L"\\\\s\\share"));
}

TEST(windows_the_link_to_a_packaged_app_leads_to_its_program) {
  const std::wstring texts(L"Package\0Package!App\0C:\\Apps\\app.exe\0" L"0\0", 38);
  std::string data(12, '\0');
  const ULONG tag = 0x8000001B;  // IO_REPARSE_TAG_APPEXECLINK
  std::memcpy(data.data(), &tag, sizeof tag);
  data.append(reinterpret_cast<const char*>(texts.data()), texts.size() * sizeof(wchar_t));
  CHECK(link_target_of(data) == L"C:\\Apps\\app.exe");
  std::wstring target;
  const auto first_text = std::as_bytes(std::span(data)).first(12 + 8 * sizeof(wchar_t));
  CHECK_EQUAL(parse_link(first_text, target).os_error,
              static_cast<uint32_t>(ERROR_SYMLINK_NOT_SUPPORTED));
}

TEST(windows_a_link_that_claims_more_than_it_has_is_refused) {
  std::string data = make_link_data(LinkKind::kFile, L"C:\\folder");
  std::wstring target;
  const auto bytes = std::as_bytes(std::span(data));
  for (size_t size = 0; size < 20 + 2 * std::size(L"\\??\\C:\\folder") - 2; ++size) {
    CHECK(!parse_link(bytes.first(size), target).ok());
  }
}

}  // namespace overlapped::testing

#endif
