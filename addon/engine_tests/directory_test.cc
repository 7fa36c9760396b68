// The operations on names in an open directory, on every engine.
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <utility>

#include "harness.h"
#include "system/directory.h"
#include "system/entry_statuses.h"
#include "test.h"

#ifndef _WIN32
#include <sys/stat.h>
#include <unistd.h>
#endif

namespace overlapped::testing {

namespace {

namespace stdfs = std::filesystem;

PathString name_of(std::string_view text) { return {text.begin(), text.end()}; }

void put(const stdfs::path& path, std::string_view text) {
  std::ofstream(path, std::ios::binary) << text;
}

std::string text_of(const stdfs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

OpenFile& open_folder(Harness& harness) { return *harness.open(harness.path("."), kOpenRead); }

Operation& make_in(Harness& harness, Opcode opcode, OpenFile& folder, std::string_view name) {
  Operation& op = harness.make(opcode, &folder);
  op.details().open.path = name_of(name);
  return op;
}

Result run_in(Harness& harness, Opcode opcode, OpenFile& folder, std::string_view name,
              uint32_t flags = 0) {
  Operation& op = make_in(harness, opcode, folder, name);
  op.flags = flags;
  return harness.run(op);
}

Result run_pair(Harness& harness, Opcode opcode, OpenFile& folder, std::string_view name,
                std::string_view new_name, uint32_t flags = 0) {
  Operation& op = make_in(harness, opcode, folder, name);
  op.source = &folder;
  op.detail->second_path = name_of(new_name);
  op.flags = flags;
  return harness.run(op);
}

}  // namespace

ENGINE_TEST(a_file_is_opened_in_a_directory_and_read) {
  Harness harness(engine);
  put(harness.path("file"), "content");
  OpenFile& folder = open_folder(harness);
  Operation& op = make_in(harness, Opcode::kOpenIn, folder, "file");
  CHECK_EQUAL(harness.run(op).os_error, 0U);
  OpenFile& file = harness.adopt(std::move(op.detail->opened));
  CHECK_EQUAL(harness.read_text(file, 7, 0), std::string("content"));
  Operation& missing = make_in(harness, Opcode::kOpenIn, folder, "missing");
  CHECK_EQUAL(harness.run(missing).os_error, os_error(ENOENT, 2 /* ERROR_FILE_NOT_FOUND */));
}

ENGINE_TEST(a_file_is_made_in_a_directory_and_only_once) {
  Harness harness(engine);
  OpenFile& folder = open_folder(harness);
  for (const bool first : {true, false}) {
    Operation& op = make_in(harness, Opcode::kOpenIn, folder, "new");
    op.detail->open.flags = kOpenBoth | kOpenCreate | kOpenExclusive;
    op.detail->open.mode = 0600;
    CHECK_EQUAL(harness.run(op).ok(), first);
  }
  CHECK(stdfs::exists(harness.path("new")));
}

ENGINE_TEST(a_reservation_that_fails_removes_the_new_file_of_its_directory_and_no_other) {
  Harness harness(engine);
  OpenFile& folder = open_folder(harness);
  const stdfs::path elsewhere = harness.path("elsewhere");
  stdfs::create_directory(elsewhere);
  put(elsewhere / "new", "stays");
  const stdfs::path before = stdfs::current_path();
  stdfs::current_path(elsewhere);
  Operation& op = make_in(harness, Opcode::kOpenIn, folder, "new");
  op.detail->open.flags = kOpenBoth | kOpenCreate | kOpenExclusive;
  op.detail->open.mode = 0400;
  op.detail->open.preallocate = int64_t{1} << 60;
  CHECK(!harness.run(op).ok());
  stdfs::current_path(before);
  CHECK_EQUAL(text_of(elsewhere / "new"), std::string("stays"));
  CHECK(!stdfs::exists(harness.path("new")));
}

ENGINE_TEST(a_file_in_a_directory_is_cut_before_it_is_appended_to) {
  Harness harness(engine);
  put(harness.path("file"), "what was there before");
  OpenFile& folder = open_folder(harness);
  Operation& op = make_in(harness, Opcode::kOpenIn, folder, "file");
  op.detail->open.flags = kOpenWrite | kOpenCreate | kOpenTruncate | kOpenAppend;
  REQUIRE(harness.run(op).ok());
  OpenFile& file = harness.adopt(std::move(op.detail->opened));
  CHECK_EQUAL(harness.status(file).size, uint64_t{0});
  CHECK(harness.write_text(file, "one", 0).ok() && harness.write_text(file, "two", 0).ok());
  CHECK_EQUAL(text_of(harness.path("file")), std::string("onetwo"));
}

ENGINE_TEST(a_directory_in_a_directory_is_not_opened_to_be_cut) {
  Harness harness(engine);
  stdfs::create_directory(harness.path("inner"));
  Operation& op = make_in(harness, Opcode::kOpenIn, open_folder(harness), "inner");
  op.detail->open.flags = kOpenWrite | kOpenCreate | kOpenTruncate;
  CHECK_EQUAL(harness.run(op).os_error, os_error(EISDIR, 1 /* ERROR_INVALID_FUNCTION */));
}

ENGINE_TEST(a_whole_file_is_read_by_its_name) {
  Harness harness(engine);
  put(harness.path("file"), "content");
  Operation& op = make_in(harness, Opcode::kReadIn, open_folder(harness), "file");
  CHECK_EQUAL(harness.run(op).value, int64_t{7});
  CHECK(std::memcmp(content_of(op).data(), "content", 7) == 0);
}

ENGINE_TEST(names_are_made_renamed_linked_and_removed) {
  Harness harness(engine);
  OpenFile& folder = open_folder(harness);
  put(harness.path("a"), "a");
  put(harness.path("b"), "b");
  CHECK(!run_pair(harness, Opcode::kRenameIn, folder, "a", "b", kRenameExclusively).ok());
  CHECK_EQUAL(text_of(harness.path("b")), std::string("b"));
  CHECK(run_pair(harness, Opcode::kRenameIn, folder, "a", "b").ok());
  CHECK_EQUAL(text_of(harness.path("b")), std::string("a"));
  CHECK(run_pair(harness, Opcode::kLinkIn, folder, "b", "c").ok());
  CHECK_EQUAL(text_of(harness.path("c")), std::string("a"));
  CHECK(run_in(harness, Opcode::kMakeDirectoryIn, folder, "d", 0700).ok());
  CHECK(!run_in(harness, Opcode::kUnlinkIn, folder, "d").ok());
  CHECK(!run_in(harness, Opcode::kUnlinkIn, folder, "b", kUnlinkDirectory).ok());
  CHECK(run_in(harness, Opcode::kUnlinkIn, folder, "d", kUnlinkDirectory).ok());
  CHECK(run_in(harness, Opcode::kUnlinkIn, folder, "b").ok());
  CHECK(stdfs::exists(harness.path("c")) && !stdfs::exists(harness.path("b")));
}

// Takes bytes from the front of a content.
template <typename Value>
Value take(std::string_view& content) {
  Value value;
  CHECK(content.size() >= sizeof value);
  std::memcpy(&value, content.data(), sizeof value);
  content.remove_prefix(sizeof value);
  return value;
}

ENGINE_TEST(a_directory_is_listed_with_the_status_of_each_entry) {
  Harness harness(engine);
  put(harness.path("three"), "333");
  put(harness.path("one"), "1");
  OpenFile& folder = open_folder(harness);
#ifndef _WIN32
  CHECK_EQUAL(::symlink("to nothing", harness.path("link").c_str()), 0);
#endif
  Operation& op = harness.make(Opcode::kListStatusesIn, &folder);
  op.details();
  CHECK(harness.run(op).ok());
  const auto bytes = content_of(op);
  std::string_view content(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  const auto count = take<uint64_t>(content);
#ifndef _WIN32
  CHECK_EQUAL(count, uint64_t{3});
  const auto link = take<EntryStatus>(content);
  CHECK_EQUAL(link.target_bytes, 10);
  const std::string_view text = "linkonethreeto nothing";
#else
  CHECK_EQUAL(count, uint64_t{2});
  const std::string_view text = "onethree";
#endif
  const auto one = take<EntryStatus>(content);
  const auto three = take<EntryStatus>(content);
  CHECK_EQUAL(one.size, uint64_t{1});
  CHECK_EQUAL(one.name_bytes, 3U);
  CHECK_EQUAL(one.target_bytes, EntryStatus::kNoLink + 0);
  CHECK_EQUAL(three.size, uint64_t{3});
  CHECK_EQUAL(content, text);
}

ENGINE_TEST(times_of_a_name_have_their_fractions) {
  Harness harness(engine);
  put(harness.path("file"), "");
  OpenFile& folder = open_folder(harness);
  constexpr int64_t kEarly[] = {-2, 500'000'000};
  constexpr int64_t kLate[] = {1'234'567'890, 123'456'700};
  for (const auto& [accessed, modified] : {std::pair{kEarly, kLate}, std::pair{kLate, kEarly}}) {
    NewTimes times{accessed[0], accessed[1], modified[0], modified[1]};
    Operation& set = make_in(harness, Opcode::kSetTimesIn, folder, "file");
    set.data = reinterpret_cast<std::byte*>(&times);
    set.length = sizeof times;
    CHECK(harness.run(set).ok());
    Operation& look = make_in(harness, Opcode::kStatIn, folder, "file");
    CHECK(harness.run(look).ok());
    const FileStatus& status = look.detail->status;
#ifndef _WIN32
    // Wine reads a file that it opens, which changes the time of access.
    CHECK_EQUAL(status.seconds[0], accessed[0]);
    CHECK_EQUAL(status.nanoseconds[0], accessed[1]);
#endif
    CHECK_EQUAL(status.seconds[1], modified[0]);
    CHECK_EQUAL(status.nanoseconds[1], modified[1]);
  }
}

#ifndef _WIN32

ENGINE_TEST(a_link_in_a_directory_is_never_followed) {
  Harness harness(engine);
  put(harness.path("precious"), "precious");
  stdfs::create_symlink("precious", harness.path("link"));
  OpenFile& folder = open_folder(harness);
  for (const int32_t flags : {kOpenRead, kOpenNew, kOpenWrite | kOpenAppend}) {
    Operation& op = make_in(harness, Opcode::kOpenIn, folder, "link");
    op.detail->open.flags = flags;
    op.detail->open.mode = 0600;
    CHECK_EQUAL(harness.run(op).os_error, uint32_t{ELOOP});
  }
  CHECK(!run_in(harness, Opcode::kReadIn, folder, "link").ok());
  CHECK(!run_in(harness, Opcode::kSetModeIn, folder, "link", 0777).ok());
  Operation& read = make_in(harness, Opcode::kReadLinkIn, folder, "link");
  CHECK_EQUAL(harness.run(read).value, int64_t{8});
  CHECK(run_in(harness, Opcode::kUnlinkIn, folder, "link").ok());
  CHECK_EQUAL(text_of(harness.path("precious")), std::string("precious"));
}

ENGINE_TEST(an_empty_name_stands_for_the_directory_itself) {
  Harness harness(engine);
  stdfs::create_directory(harness.path("sub"));
  OpenFile& folder = *harness.open(harness.path("sub"), kOpenRead);
  CHECK(run_in(harness, Opcode::kSetModeIn, folder, "", 0711).ok());
  Operation& look = make_in(harness, Opcode::kStatIn, folder, "");
  CHECK(harness.run(look).ok());
  CHECK_EQUAL(look.detail->status.mode & 07777, uint64_t{0711});
}

#endif

ENGINE_TEST(a_new_file_of_a_copy_does_not_take_the_name_of_another) {
  Harness harness(engine);
  put(harness.path("source"), "content");
  put(harness.path("taken"), "theirs");
  OpenFile& folder = open_folder(harness);
  Operation& op = make_in(harness, Opcode::kCopySmallFile, folder, "source");
  op.source = &folder;
  op.detail->second_path = name_of("taken");
  op.detail->third_path = name_of("copy");
  CHECK_EQUAL(harness.run(op).os_error, os_error(EEXIST, 183 /* ERROR_ALREADY_EXISTS */));
  CHECK_EQUAL(text_of(harness.path("taken")), std::string("theirs"));
  CHECK(!stdfs::exists(harness.path("copy")));
}

}  // namespace overlapped::testing
