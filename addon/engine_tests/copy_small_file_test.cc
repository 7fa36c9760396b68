// kCopySmallFile, on every engine.
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "harness.h"
#include "test.h"

#ifndef _WIN32
#include <sys/stat.h>
#include <unistd.h>
#endif
#ifdef __linux__
#include <linux/capability.h>
#include <sys/syscall.h>
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

#endif

}  // namespace overlapped::testing
