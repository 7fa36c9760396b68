// kCopySmallFile and the operations on many pairs of names, on every engine.
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "harness.h"
#include "system/copy.h"
#include "system/copy_small_file.h"
#include "system/entry_metadata.h"
#include "system/name_pairs.h"
#include "test.h"

#ifndef _WIN32
#include <sys/stat.h>
#include <unistd.h>
#endif
#ifdef __linux__
#include <linux/capability.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#endif

namespace overlapped::testing {

namespace {

namespace stdfs = std::filesystem;

void put(const stdfs::path& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

std::string text_of(const stdfs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// Copies a name in one folder to `destination` in the harness's folder, by way of `temporary`.
Operation& make_copy(Harness& harness, OpenFile& from, std::string_view name, uint32_t flags) {
  Operation& op = harness.make(Opcode::kCopySmallFile, harness.open(harness.path("."), kOpenRead));
  op.source = &from;
  op.flags = flags;
  op.details().open.path = PathString(name.begin(), name.end());
  op.detail->second_path = stdfs::path("temporary").native();
  op.detail->third_path = stdfs::path("destination").native();
  return op;
}

// Copies `source` within the same folder.
Result copy(Harness& harness, uint32_t parts = 0) {
  OpenFile& folder = *harness.open(harness.path("."), kOpenRead);
  return harness.run(make_copy(harness, folder, "source", parts));
}

bool exists(const Harness& harness, std::string_view name) {
  return stdfs::exists(stdfs::symlink_status(harness.path(name)));
}

}  // namespace

ENGINE_TEST(a_small_file_is_copied_whole_and_replaces_an_existing_file) {
  Harness harness(engine);
  put(harness.path("destination"), "what was there before, which is longer");
  // Empty, one byte, a block, as large as the buffer, and larger.
  for (const size_t size : {0, 1, 4096, 256 * 1024, 256 * 1024 + 1, 700'001}) {
    const std::string text(size, 'x');
    put(harness.path("source"), text);
    const Result result = copy(harness);
    CHECK(result.ok());
    CHECK_EQUAL(result.value, static_cast<int64_t>(size));
    CHECK(text_of(harness.path("destination")) == text);
    CHECK(!exists(harness, "temporary"));
  }
}

ENGINE_TEST(the_copy_of_a_small_file_has_its_times) {
  Harness harness(engine);
  put(harness.path("source"), "text");
  const auto time = stdfs::last_write_time(harness.path("source")) - std::chrono::hours(1000);
  stdfs::last_write_time(harness.path("source"), time);
  CHECK(copy(harness, kMetadataTimes).ok());
  CHECK(stdfs::last_write_time(harness.path("destination")) == time);
}

ENGINE_TEST(a_copy_of_a_small_file_that_fails_leaves_nothing) {
  Harness harness(engine);
  CHECK(!copy(harness).ok());
  put(harness.path("source"), "text");
  stdfs::create_directories(stdfs::path(harness.path("destination")) / "in");
  CHECK(!copy(harness).ok());
  CHECK(exists(harness, "destination"));
  CHECK(!exists(harness, "temporary"));
}

ENGINE_TEST(a_small_file_does_not_take_a_temporary_name_of_others) {
  Harness harness(engine);
  put(harness.path("source"), "text");
  put(harness.path("temporary"), "theirs");
  CHECK(!copy(harness).ok());
  CHECK_EQUAL(text_of(harness.path("temporary")), std::string("theirs"));
  CHECK(!exists(harness, "destination"));
}

#ifdef _WIN32

ENGINE_TEST(the_copy_of_a_small_file_has_its_attributes_and_replaces_a_read_only_file) {
  Harness harness(engine);
  const PathString source = harness.path("source");
  put(source, "text");
  CHECK(SetFileAttributesW(source.c_str(), FILE_ATTRIBUTE_READONLY | FILE_ATTRIBUTE_HIDDEN));
  for (int i = 0; i < 2; ++i) {
    CHECK(copy(harness, kMetadataTimes | kMetadataAttributes).ok());
    const DWORD attributes = GetFileAttributesW(harness.path("destination").c_str());
    CHECK(attributes & FILE_ATTRIBUTE_READONLY);
    CHECK(attributes & FILE_ATTRIBUTE_HIDDEN);
  }
  for (const char* const name : {"source", "destination"}) {
    SetFileAttributesW(harness.path(name).c_str(), FILE_ATTRIBUTE_NORMAL);
  }
}

#else

ENGINE_TEST(the_copy_of_a_small_file_has_its_mode) {
  Harness harness(engine);
  put(harness.path("source"), "text");
  // Read-only files can be written to until they are complete.
  for (const mode_t mode : {0444U, 06755U}) {
    CHECK_EQUAL(::chmod(harness.path("source").c_str(), mode), 0);
    CHECK(copy(harness, kMetadataOwner | kMetadataMode).ok());
    struct stat status {};
    CHECK_EQUAL(::stat(harness.path("destination").c_str(), &status), 0);
    CHECK_EQUAL(status.st_mode & 07777U, mode);
  }
}

#ifdef __linux__

// During its lifetime this thread, and threads that it starts, may not change file owners.
class WithoutChown {
 public:
  WithoutChown() {
    CHECK_EQUAL(::syscall(SYS_capget, &header_, before_), 0L);
    __user_cap_data_struct fewer[2] = {before_[0], before_[1]};
    fewer[0].effective &= ~(1U << CAP_CHOWN);
    CHECK_EQUAL(::syscall(SYS_capset, &header_, fewer), 0L);
  }
  ~WithoutChown() { (void)::syscall(SYS_capset, &header_, before_); }
  WithoutChown(const WithoutChown&) = delete;
  WithoutChown& operator=(const WithoutChown&) = delete;

 private:
  __user_cap_header_struct header_{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct before_[2] = {};
};

ENGINE_TEST(a_copy_of_a_small_file_reports_refused_optional_parts_and_fails_for_required_ones) {
  if (::geteuid() != 0) throw Skip("only the superuser can do without a right");
  constexpr uint32_t kOthers = kMetadataMode | kMetadataTimes;
  constexpr uint32_t kParts = kMetadataOwner | kOthers;
  Harness of_source(engine);
  const PathString source = of_source.path("source");
  put(source, "text");
  CHECK_EQUAL(::chown(source.c_str(), 1234, 4321), 0);
  CHECK_EQUAL(::chmod(source.c_str(), 06755U), 0);
  const WithoutChown without_chown;
  Harness harness(engine);
  OpenFile& from = *harness.open(of_source.path("."), kOpenRead);
  Operation& tried = make_copy(harness, from, "source", kParts | kParts << kMetadataTriedShift);
  CHECK_EQUAL(harness.run(tried).value, int64_t{4});
  CHECK_EQUAL(tried.detail->refused_parts, uint32_t{kMetadataOwner});
  struct stat status {};
  CHECK_EQUAL(::stat(harness.path("destination").c_str(), &status), 0);
  CHECK_EQUAL(status.st_mode & 07777U, 0755U);
  put(harness.path("destination"), "old");
  Operation& must = make_copy(harness, from, "source", kParts | kOthers << kMetadataTriedShift);
  CHECK_EQUAL(harness.run(must).os_error, uint32_t{EPERM});
  CHECK_EQUAL(text_of(harness.path("destination")), std::string("old"));
  CHECK(!exists(harness, "temporary"));
}

#endif

ENGINE_TEST(a_link_or_a_fifo_is_no_small_file) {
  Harness harness(engine);
  put(harness.path("file"), "text");
  CHECK_EQUAL(::symlink("file", harness.path("source").c_str()), 0);
  CHECK_EQUAL(copy(harness).os_error, uint32_t{ELOOP});
  CHECK_EQUAL(::unlink(harness.path("source").c_str()), 0);
  CHECK_EQUAL(::mkfifo(harness.path("source").c_str(), 0600), 0);
  CHECK_EQUAL(copy(harness).os_error, uint32_t{EINVAL});
  CHECK(!exists(harness, "temporary"));
  CHECK(!exists(harness, "destination"));
}

namespace {

using Names = std::vector<std::pair<std::string, std::string>>;

// The memory of NamePairs, with results that are not set.
std::vector<std::byte> memory_of(const Names& names) {
  std::string text(names.size() * sizeof(NamePairResult), '\0');
  for (size_t i = 0; i < names.size(); ++i) {
    const NamePairResult unset{-100, 0, 0};
    std::memcpy(text.data() + i * sizeof unset, &unset, sizeof unset);
  }
  for (const auto& [first, second] : names) text += first + '\0' + second + '\0';
  const auto* const bytes = reinterpret_cast<const std::byte*>(text.data());
  return {bytes, bytes + text.size()};
}

double result_at(const std::vector<std::byte>& memory, size_t index) {
  NamePairResult result;
  std::memcpy(&result, memory.data() + index * sizeof result, sizeof result);
  return result.value;
}

Result run_on_pairs(Harness& harness, Opcode opcode, std::vector<std::byte>& memory, size_t count,
                    uint32_t flags = 0) {
  OpenFile& folder = *harness.open(harness.path("."), kOpenRead);
  Operation& op = harness.make(opcode, &folder);
  if (op.has_source()) op.source = &folder;
  op.data = memory.data();
  op.length = memory.size();
  op.file_offset = static_cast<int64_t>(count);
  op.flags = kLeaveUnnamed | flags;
  return harness.run(op);
}

}  // namespace

ENGINE_TEST(many_small_files_are_copied_and_renamed_and_failures_are_left_out) {
  Harness harness(engine);
  put(harness.path("a"), "text");
  put(harness.path("c"), "longer text");
  put(harness.path("taken"), "theirs");
  auto memory = memory_of({{"a", "t1"}, {"missing", "t2"}, {"c", "t3"}, {"a", "taken"}});
  CHECK(run_on_pairs(harness, Opcode::kCopySmallFiles, memory, 4).ok());
  CHECK_EQUAL(result_at(memory, 0), 4.0);
  CHECK_EQUAL(result_at(memory, 1), -100.0);
  CHECK_EQUAL(result_at(memory, 2), 11.0);
  CHECK_EQUAL(result_at(memory, 3), -100.0);
  CHECK_EQUAL(text_of(harness.path("t3")), std::string("longer text"));
  CHECK_EQUAL(text_of(harness.path("taken")), std::string("theirs"));
  CHECK(!exists(harness, "t2"));
  auto names = memory_of({{"t1", "copy"}, {"t2", "missing"}, {"t3", "taken"}});
  CHECK(run_on_pairs(harness, Opcode::kRenamePairs, names, 3).ok());
  CHECK_EQUAL(result_at(names, 0), 0.0);
  CHECK_EQUAL(result_at(names, 1), -100.0);
  CHECK_EQUAL(result_at(names, 2), 0.0);
  CHECK_EQUAL(text_of(harness.path("copy")), std::string("text"));
  CHECK_EQUAL(text_of(harness.path("taken")), std::string("longer text"));
}

// Where the file system has no way around the cache, the files are copied nevertheless.
ENGINE_TEST(many_small_files_are_copied_and_renamed_that_leave_the_cache) {
  Harness harness(engine);
  put(harness.path("a"), "text");
  put(harness.path("large"), std::string(300'000, 'x'));
  auto memory = memory_of({{"a", "t1"}, {"large", "t2"}});
  CHECK(run_on_pairs(harness, Opcode::kCopySmallFiles, memory, 2, kLeavesCache).ok());
  CHECK_EQUAL(result_at(memory, 0), 4.0);
  CHECK_EQUAL(result_at(memory, 1), 300'000.0);
  auto names = memory_of({{"t1", "b"}, {"t2", "copy"}});
  CHECK(run_on_pairs(harness, Opcode::kRenamePairs, names, 2, kLeavesCache).ok());
  CHECK_EQUAL(text_of(harness.path("b")), std::string("text"));
  CHECK_EQUAL(text_of(harness.path("copy")), std::string(300'000, 'x'));
}

ENGINE_TEST(names_that_are_cut_short_are_not_read_past_their_memory) {
  Harness harness(engine);
  put(harness.path("a"), "text");
  const auto whole = memory_of({{"a", "t1"}, {"a", "t2"}});
  for (size_t size = 0; size < whole.size(); ++size) {
    // A block of its own, so that sanitizers see what is read behind it.
    std::vector<std::byte> memory(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(size));
    CHECK(run_on_pairs(harness, Opcode::kCopySmallFiles, memory, 2).ok());
    (void)::unlink(harness.path("t1").c_str());
#ifdef __linux__
    CHECK(run_on_pairs(harness, Opcode::kCompareXattrs, memory, 2).ok());
#endif
  }
  CHECK(!exists(harness, "t2"));
}

#ifdef __linux__

ENGINE_TEST(extended_attributes_of_many_files_are_compared_and_missing_files_are_left_out) {
  Harness harness(engine);
  for (const char* const name : {"a", "b", "c", "d"}) put(harness.path(name), name);
  const auto set = [&](const char* file, const char* name, const char* value) {
    return ::setxattr(harness.path(file).c_str(), name, value, std::strlen(value), 0) == 0;
  };
  if (!set("a", "user.one", "1")) throw Skip("the file system has no extended attributes");
  CHECK(set("a", "user.two", "2"));
  CHECK(set("b", "user.two", "2"));
  CHECK(set("b", "user.one", "1"));
  CHECK(set("c", "user.one", "1"));
  CHECK(set("c", "user.two", ""));
  CHECK_EQUAL(::symlink("a", harness.path("link").c_str()), 0);
  auto memory = memory_of(
      {{"a", "b"}, {"a", "c"}, {"a", "d"}, {"d", "d"}, {"a", "missing"}, {"a", "link"}});
  CHECK(run_on_pairs(harness, Opcode::kCompareXattrs, memory, 6).ok());
  const auto differ = static_cast<double>(kXattrsDiffer);
  const double expected[] = {0, differ, differ, 0, -100, differ};
  for (size_t i = 0; i < 6; ++i) CHECK_EQUAL(result_at(memory, i), expected[i]);
}

#endif

ENGINE_TEST(a_large_file_with_holes_is_no_small_file) {
  Harness harness(engine);
  put(harness.path("source"), "text");
  CHECK_EQUAL(::truncate(harness.path("source").c_str(), 1 << 20), 0);
  CHECK_EQUAL(copy(harness).value, kSourceHasHoles);
  CHECK(!exists(harness, "temporary"));
}

ENGINE_TEST(metadata_is_set_only_on_the_entry_that_is_known) {
  Harness harness(engine);
  put(harness.path("file"), "text");
  put(harness.path("other"), "text");
  struct stat status {};
  CHECK_EQUAL(::stat(harness.path("file").c_str(), &status), 0);
  EntryMetadata wanted;
  wanted.known = {status.st_dev, status.st_ino, S_IFREG, 0};
  wanted.times = {1000, 5, -2000, 7};
  wanted.user = status.st_uid;
  wanted.group = status.st_gid;
  wanted.mode = 0640;
  OpenFile& folder = *harness.open(harness.path("."), kOpenRead);
  const auto set = [&](const char* name) {
    Operation& op = harness.make(Opcode::kSetMetadataIn, &folder);
    op.details().open.path = name;
    op.data = reinterpret_cast<std::byte*>(&wanted);
    op.length = sizeof wanted;
    op.flags = kMetadataMode | kMetadataTimes;
    return harness.run(op);
  };
  CHECK_EQUAL(set("other").os_error, uint32_t{ESTALE});
  CHECK(set("file").ok());
  CHECK_EQUAL(::stat(harness.path("file").c_str(), &status), 0);
  CHECK_EQUAL(status.st_mode & 07777U, 0640U);
  CHECK_EQUAL(status.st_mtime, time_t{-2000});
  CHECK_EQUAL(::stat(harness.path("other").c_str(), &status), 0);
  CHECK(status.st_mtime > 0);
  Operation& removal = harness.make(Opcode::kUnlinkIn, &folder);
  removal.details().open.path = "other";
  removal.file_offset = static_cast<int64_t>(wanted.known.inode);
  removal.length = static_cast<size_t>(wanted.known.device);
  CHECK_EQUAL(harness.run(removal).os_error, uint32_t{ESTALE});
  CHECK(exists(harness, "other"));
}

#endif

}  // namespace overlapped::testing
