// The operations on trees: kListTree and kRemoveTree.
#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>

#include "harness.h"
#include "test.h"
#include "system/tree.h"

#ifdef _WIN32
#include "system/windows/held_entry.h"
#else
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#endif

namespace overlapped::testing {

namespace {

namespace stdfs = std::filesystem;

void put_file(const stdfs::path& path) { std::ofstream(path) << "content"; }

// The entries by path, with '/' between names on every system.
std::map<std::string, EntryType> entries_of(const Operation& op) {
  std::map<std::string, EntryType> entries;
  const std::span<const std::byte> content = content_of(op);
  uint32_t count = 0;
  std::memcpy(&count, content.data(), sizeof count);
  const auto* const types = reinterpret_cast<const uint8_t*>(content.data()) + sizeof count;
  const char* name = reinterpret_cast<const char*>(types) + count;
  const char* const end = reinterpret_cast<const char*>(content.data() + content.size());
  for (uint32_t i = 0; i < count; ++i) {
    const char* const stop = std::find(name, end, '\0');
    std::string path(name, stop);
    std::replace(path.begin(), path.end(), '\\', '/');
    entries[path] = static_cast<EntryType>(types[i]);
    name = stop == end ? end : stop + 1;
  }
  return entries;
}

Operation& make_list(Harness& harness, const PathString& path, uint32_t flags) {
  return harness.make_path(Opcode::kListTree, path, static_cast<int32_t>(flags));
}

ENGINE_TEST(a_tree_is_listed_flat_and_with_all_below) {
  Harness harness(engine);
  const stdfs::path root = harness.path("tree");
  stdfs::create_directories(root / "a" / "b");
  put_file(root / "f");
  put_file(root / "a" / "g");
  put_file(root / "a" / "b" / "h");
  Operation& flat = make_list(harness, root.native(), 0);
  CHECK_EQUAL(harness.run(flat).os_error, 0U);
  CHECK(entries_of(flat) ==
        (std::map<std::string, EntryType>{{"a", EntryType::kDirectory}, {"f", EntryType::kFile}}));
  Operation& deep = make_list(harness, root.native(), kTreeRecursive);
  CHECK_EQUAL(harness.run(deep).os_error, 0U);
  CHECK(entries_of(deep) == (std::map<std::string, EntryType>{{"a", EntryType::kDirectory},
                                                              {"a/b", EntryType::kDirectory},
                                                              {"a/b/h", EntryType::kFile},
                                                              {"a/g", EntryType::kFile},
                                                              {"f", EntryType::kFile}}));
  Operation& empty = make_list(harness, (root / "a" / "b" / "none").native(), kTreeRecursive);
  stdfs::create_directory(root / "a" / "b" / "none");
  CHECK_EQUAL(harness.run(empty).os_error, 0U);
  CHECK(entries_of(empty).empty());
}

ENGINE_TEST(listing_anything_but_a_folder_fails_and_names_it) {
  Harness harness(engine);
  put_file(harness.path("f"));
  for (const char* const name : {"f", "missing"}) {
    Operation& op = make_list(harness, harness.path(name), kTreeRecursive);
    CHECK(harness.run(op).os_error != 0);
    CHECK(op.detail->failed_path == harness.path(name));
    CHECK_EQUAL(op.detail->failed_step, static_cast<int32_t>(TreeStep::kScan));
  }
}

ENGINE_TEST(a_tree_is_removed_with_all_below_and_a_file_too) {
  Harness harness(engine);
  const stdfs::path root = harness.path("tree");
  for (int i = 0; i < 20; ++i) {
    const stdfs::path folder = root / std::to_string(i) / "inner" / "most";
    stdfs::create_directories(folder);
    for (int j = 0; j < 10; ++j) put_file(folder / std::to_string(j));
  }
  CHECK_EQUAL(harness.run(harness.make_path(Opcode::kRemoveTree, root.native())).os_error, 0U);
  CHECK(!stdfs::exists(root));
  put_file(harness.path("f"));
  CHECK_EQUAL(harness.run(harness.make_path(Opcode::kRemoveTree, harness.path("f"))).os_error, 0U);
  CHECK(!stdfs::exists(harness.path("f")));
  Operation& missing = harness.make_path(Opcode::kRemoveTree, harness.path("f"));
  CHECK(harness.run(missing).os_error != 0);
  CHECK_EQUAL(missing.detail->failed_step, static_cast<int32_t>(TreeStep::kStat));
}

ENGINE_TEST(a_cancelled_removal_ends_once_and_leaves_the_rest) {
  Harness harness(engine);
  const stdfs::path root = harness.path("tree");
  for (int round = 0; round < 10; ++round) {
    for (int i = 0; i < 200; ++i) {
      stdfs::create_directories(root / std::to_string(i));
      put_file(root / std::to_string(i) / "f");
    }
    Operation& op = harness.make_path(Opcode::kRemoveTree, root.native());
    harness.submit(op);
    harness.cancel(op);
    CHECK(harness.wait(op));
    CHECK(op.result.ok() || op.result.os_error == kCancelledError);
    CHECK_EQUAL(stdfs::exists(root), !op.result.ok());
  }
}

#ifndef _WIN32

std::string text_of(const stdfs::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

ENGINE_TEST(links_are_told_and_followed_only_where_asked) {
  Harness harness(engine);
  const stdfs::path root = harness.path("tree");
  const stdfs::path other = harness.path("other");
  stdfs::create_directories(root);
  stdfs::create_directories(other);
  put_file(other / "f");
  stdfs::create_symlink(other, root / "link");
  Operation& kept = make_list(harness, root.native(), kTreeRecursive);
  harness.run(kept);
  CHECK(entries_of(kept) == (std::map<std::string, EntryType>{{"link", EntryType::kLink}}));
  Operation& followed = make_list(harness, root.native(), kTreeRecursive | kTreeFollowLinks);
  harness.run(followed);
  CHECK_EQUAL(entries_of(followed).count("link/f"), 1U);
  // A name that is not UTF-8 is returned unchanged.
  put_file(root / "\xff\xfe");
  Operation& bytes = make_list(harness, root.native(), 0);
  harness.run(bytes);
  CHECK_EQUAL(entries_of(bytes).count("\xff\xfe"), 1U);
}

ENGINE_TEST(a_removal_keeps_the_targets_of_links) {
  Harness harness(engine);
  const stdfs::path other = harness.path("other");
  stdfs::create_directories(other);
  put_file(other / "precious");
  const stdfs::path link = harness.path("link");
  const auto remove = [&](const std::string& path) {
    return harness.run(harness.make_path(Opcode::kRemoveTree, path)).os_error;
  };
  stdfs::create_symlink(other, link);
  // With a trailing slash, the path is a folder for lstat(2) and a link for rmdir(2).
  for (const char* const end : {"/", "//"}) CHECK_EQUAL(remove(link.native() + end), 0U);
  CHECK_EQUAL(remove(link.native() + "/."), uint32_t{EINVAL});
  CHECK_EQUAL(remove(other.native() + "/."), uint32_t{EINVAL});
  CHECK(stdfs::is_symlink(link));
  CHECK_EQUAL(text_of(other / "precious"), "content");
  const stdfs::path root = harness.path("tree");
  stdfs::create_directories(root / "a");
  stdfs::create_symlink(other, root / "a" / "link");
  CHECK_EQUAL(remove(root.native()), 0U);
  CHECK_EQUAL(remove(link.native()), 0U);
  CHECK(!stdfs::exists(root) && !stdfs::is_symlink(link));
  CHECK_EQUAL(text_of(other / "precious"), "content");
}

ENGINE_TEST(an_entry_that_cannot_be_removed_is_named) {
  if (::geteuid() == 0) {
    throw Skip("the superuser may remove all");
  }
  Harness harness(engine);
  const stdfs::path folder = stdfs::path(harness.path("tree")) / "locked";
  stdfs::create_directories(folder);
  put_file(folder / "f");
  stdfs::permissions(folder, stdfs::perms::owner_read | stdfs::perms::owner_exec);
  Operation& op = harness.make_path(Opcode::kRemoveTree, harness.path("tree"));
  CHECK_EQUAL(harness.run(op).os_error, uint32_t{EACCES});
  CHECK(op.detail->failed_path == (folder / "f").native());
  CHECK_EQUAL(op.detail->failed_step, static_cast<int32_t>(TreeStep::kUnlink));
  stdfs::permissions(folder, stdfs::perms::owner_all);
}

// Limits the process to few descriptors during its lifetime.
class DescriptorLimit {
 public:
  explicit DescriptorLimit(rlim_t limit) {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    const rlimit lower{limit, before_.rlim_max};
    ::setrlimit(RLIMIT_NOFILE, &lower);
  }
  ~DescriptorLimit() { ::setrlimit(RLIMIT_NOFILE, &before_); }
  DescriptorLimit(const DescriptorLimit&) = delete;
  DescriptorLimit& operator=(const DescriptorLimit&) = delete;

 private:
  rlimit before_{};
};

ENGINE_TEST(a_tree_deeper_than_paths_and_descriptors_go_is_removed) {
  Harness harness(engine);
  const std::string root = harness.path("deep");
  constexpr int kLevels = 5000;
  REQUIRE(::mkdir(root.c_str(), 0700) == 0);
  int fd = ::open(root.c_str(), O_RDONLY | O_DIRECTORY);
  for (int i = 0; i < kLevels; ++i) {
    REQUIRE(::mkdirat(fd, "level", 0700) == 0);
    const int next = ::openat(fd, "level", O_RDONLY | O_DIRECTORY);
    ::close(fd);
    fd = next;
    REQUIRE(fd >= 0);
  }
  ::close(fd);
  const DescriptorLimit limit(64);
  CHECK_EQUAL(harness.run(harness.make_path(Opcode::kRemoveTree, root)).os_error, 0U);
  CHECK(::access(root.c_str(), F_OK) != 0);
}

#else

// Wine removes a file by name when its handle is closed, and only if it still has that name.
bool removes_what_was_renamed() {
  const HMODULE system = GetModuleHandleW(L"ntdll.dll");
  return system && !GetProcAddress(system, "wine_get_version");
}

TEST(windows_a_removal_affects_the_opened_object_even_if_its_name_leads_elsewhere) {
  Harness harness(std::string("threadpool"));
  const stdfs::path folder = harness.path("folder");
  const stdfs::path moved = harness.path("moved");
  const stdfs::path other = harness.path("other");
  for (const stdfs::path& path : {folder, other}) {
    stdfs::create_directories(path / "inner");
    put_file(path / "f");
    put_file(path / "inner" / "g");
  }
  HeldEntry held;
  REQUIRE(held.open(folder.native(), true).ok());
  CHECK(held.is_folder());
  std::vector<FolderEntry> entries;
  CHECK(held.list(entries).ok());
  CHECK_EQUAL(entries.size(), size_t{2});
  CHECK_EQUAL(held.remove().os_error, static_cast<uint32_t>(ERROR_DIR_NOT_EMPTY));
  // Another folder takes its name.
  stdfs::rename(folder, moved);
  stdfs::rename(other, folder);
  {
    HeldEntry file;
    REQUIRE(file.open_in(held, L"f", false).ok());
    CHECK(!file.is_folder());
    CHECK(file.remove().ok());
  }
  CHECK(stdfs::exists(folder / "f"));
  CHECK(!removes_what_was_renamed() || !stdfs::exists(moved / "f"));
  {
    HeldEntry inner;
    REQUIRE(inner.open_in(held, L"inner", true).ok());
    HeldEntry file;
    REQUIRE(file.open_in(inner, L"g", false).ok());
    stdfs::rename(moved / "inner", moved / "elsewhere");
    stdfs::rename(folder / "inner", moved / "inner");
    CHECK(file.remove().ok());
  }
  CHECK(stdfs::exists(moved / "inner" / "g"));
  CHECK(!removes_what_was_renamed() || !stdfs::exists(moved / "elsewhere" / "g"));
}

ENGINE_TEST(windows_a_tree_with_read_only_files_and_long_paths_is_removed) {
  Harness harness(engine);
  const std::wstring prefix = L"\\\\?\\";
  std::wstring path = prefix + stdfs::path(harness.path("deep")).make_preferred().native();
  const std::wstring root = path;
  REQUIRE(CreateDirectoryW(path.c_str(), nullptr));
  for (int level = 0; level < 12; ++level) {
    path += L"\\" + std::wstring(100, L'a');
    REQUIRE(CreateDirectoryW(path.c_str(), nullptr));
    const std::wstring file = path + L"\\f";
    const UniqueHandle made(CreateFileW(file.c_str(), GENERIC_WRITE, 0, nullptr, CREATE_NEW,
                                        FILE_ATTRIBUTE_READONLY, nullptr));
    REQUIRE(made.valid());
  }
  CHECK_EQUAL(harness.run(harness.make_path(Opcode::kRemoveTree, root)).os_error, 0U);
  CHECK_EQUAL(GetFileAttributesW(root.c_str()), INVALID_FILE_ATTRIBUTES);
}

ENGINE_TEST(windows_an_entry_that_cannot_be_removed_is_named) {
  Harness harness(engine);
  const stdfs::path folder = stdfs::path(harness.path("tree")) / "inner";
  stdfs::create_directories(folder);
  put_file(folder / "f");
  const stdfs::path file = (folder / "f").make_preferred();
  const UniqueHandle holder(
      CreateFileW(file.c_str(), GENERIC_READ, FILE_SHARE_READ, nullptr, OPEN_EXISTING, 0, nullptr));
  REQUIRE(holder.valid());
  Operation& op = harness.make_path(Opcode::kRemoveTree, harness.path("tree"));
  CHECK_EQUAL(harness.run(op).os_error, static_cast<uint32_t>(ERROR_SHARING_VIOLATION));
  CHECK(op.detail->failed_path == harness.path("tree") + L"\\inner\\f");
  CHECK_EQUAL(op.detail->failed_step, static_cast<int32_t>(TreeStep::kUnlink));
}

#endif

}  // namespace

}  // namespace overlapped::testing
