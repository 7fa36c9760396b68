// The parts of open() and of locks that only Windows has.
#ifdef _WIN32

#include <algorithm>
#include <atomic>
#include <cstring>
#include <memory>
#include <string>
#include <utility>

#include "harness.h"
#include "replaced_call.h"
#include "iocp/iocp_engine.h"
#include "test.h"
#include "system/windows/native_calls.h"
#include "system/windows/ntdll.h"
#include "system/windows/create_arguments.h"

namespace overlapped::testing {

namespace {

// Permanently removes a privilege from the process.
bool give_up(const wchar_t* name) {
  HANDLE opened = nullptr;
  if (!OpenProcessToken(GetCurrentProcess(), TOKEN_ADJUST_PRIVILEGES | TOKEN_QUERY, &opened)) {
    return false;
  }
  const UniqueHandle token(opened);
  TOKEN_PRIVILEGES wanted{};
  wanted.PrivilegeCount = 1;
  wanted.Privileges[0].Attributes = SE_PRIVILEGE_REMOVED;
  return LookupPrivilegeValueW(nullptr, name, &wanted.Privileges[0].Luid) &&
         AdjustTokenPrivileges(token.get(), FALSE, &wanted, 0, nullptr, nullptr) &&
         GetLastError() == ERROR_SUCCESS;
}

CreateArguments arguments_of(int32_t flags, uint32_t options,
                             HandleMode mode = HandleMode::kSynchronous, uint32_t attributes = 0) {
  OpenRequest request;
  request.path = L"file";
  request.flags = flags;
  request.mode = 0666;
  request.options = options;
  request.attributes = attributes;
  CreateArguments arguments;
  REQUIRE(create_arguments(request, mode, (options & kUnbuffered) != 0, arguments));
  return arguments;
}

}  // namespace

// Most options have no effect that a program could observe, so the requested flags are checked.
TEST(windows_each_option_of_open_is_its_flag_of_create_file_and_no_other) {
  constexpr DWORD kAlways = FILE_ATTRIBUTE_NORMAL | FILE_FLAG_BACKUP_SEMANTICS;
  CHECK_EQUAL(arguments_of(kOpenBoth, 0).attributes, kAlways);
  const std::pair<uint32_t, DWORD> flags[] = {
      {kUnbuffered, FILE_FLAG_NO_BUFFERING},
      {kAccessSequential, FILE_FLAG_SEQUENTIAL_SCAN},
      {kAccessRandom, FILE_FLAG_RANDOM_ACCESS},
      {kWriteThrough, FILE_FLAG_WRITE_THROUGH},
      {kDeleteOnClose, FILE_FLAG_DELETE_ON_CLOSE},
      {kBackupIntent, 0},
      {kPosixSemantics, FILE_FLAG_POSIX_SEMANTICS},
      {kOpenReparsePoint, FILE_FLAG_OPEN_REPARSE_POINT},
      {kNoRecall, FILE_FLAG_OPEN_NO_RECALL},
      {kConcurrent, FILE_FLAG_OVERLAPPED},
      {kInheritable, 0},
  };
  for (const auto& [option, flag] : flags) {
    CHECK_EQUAL(arguments_of(kOpenBoth, option).attributes, kAlways | flag);
  }
  CHECK_EQUAL(arguments_of(kOpenBoth, 0, HandleMode::kOverlapped).attributes,
              kAlways | FILE_FLAG_OVERLAPPED);
  CHECK((arguments_of(kOpenRead, kDeleteOnClose).access & DELETE) != 0);
}

TEST(windows_a_second_handle_writes_through_and_keeps_a_link_as_the_first_does) {
  constexpr int32_t kDataSync = 0x04000000;
  OpenRequest request;
  request.options = kUnbuffered | kAccessRandom | kDeleteOnClose;
  CHECK_EQUAL(reopen_flags(request), DWORD{0});
  request.options = kWriteThrough | kOpenReparsePoint;
  CHECK_EQUAL(reopen_flags(request), DWORD{FILE_FLAG_WRITE_THROUGH | FILE_FLAG_OPEN_REPARSE_POINT});
  request.options = 0;
  request.flags = kOpenBoth | kDataSync;
  CHECK_EQUAL(reopen_flags(request), DWORD{FILE_FLAG_WRITE_THROUGH});
}

TEST(windows_attributes_shares_and_dispositions_are_those_of_create_file) {
  for (const DWORD attribute :
       {FILE_ATTRIBUTE_ARCHIVE, FILE_ATTRIBUTE_ENCRYPTED, FILE_ATTRIBUTE_HIDDEN,
        FILE_ATTRIBUTE_NOT_CONTENT_INDEXED, FILE_ATTRIBUTE_OFFLINE, FILE_ATTRIBUTE_READONLY,
        FILE_ATTRIBUTE_SYSTEM, FILE_ATTRIBUTE_TEMPORARY}) {
    // FILE_ATTRIBUTE_NORMAL is valid only alone.
    CHECK_EQUAL(arguments_of(kOpenNew, 0, HandleMode::kSynchronous, attribute).attributes,
                attribute | FILE_FLAG_BACKUP_SEMANTICS);
  }
  constexpr DWORD kAll = FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE;
  CHECK_EQUAL(arguments_of(kOpenRead, 0).share, kAll);
  CHECK_EQUAL(arguments_of(kOpenRead, kDenyAny).share, DWORD{0});
  CHECK_EQUAL(arguments_of(kOpenRead, kDenyRead).share, kAll & ~DWORD{FILE_SHARE_READ});
  CHECK_EQUAL(arguments_of(kOpenRead, kDenyWrite).share, kAll & ~DWORD{FILE_SHARE_WRITE});
  CHECK_EQUAL(arguments_of(kOpenRead, kDenyDelete).share, kAll & ~DWORD{FILE_SHARE_DELETE});
  CHECK_EQUAL(arguments_of(kOpenRead, kAttributesOnly).access,
              DWORD{FILE_READ_ATTRIBUTES | FILE_WRITE_ATTRIBUTES});
  const std::pair<int32_t, DWORD> dispositions[] = {
      {kOpenBoth | kOpenCreate | kOpenExclusive, CREATE_NEW},
      {kOpenBoth | kOpenCreate | kOpenTruncate, CREATE_ALWAYS},
      {kOpenBoth, OPEN_EXISTING},
      {kOpenBoth | kOpenCreate, OPEN_ALWAYS},
      {kOpenBoth | kOpenTruncate, TRUNCATE_EXISTING},
  };
  for (const auto& [flags, disposition] : dispositions) {
    CHECK_EQUAL(arguments_of(flags, 0).disposition, disposition);
  }
}

// kernelbase rejects the specific rights that GENERIC_WRITE stands for; Wine does not.
TEST(windows_truncate_existing_asks_for_generic_write_itself) {
  CHECK((arguments_of(kOpenBoth | kOpenTruncate, 0).access & GENERIC_WRITE) != 0);
  CHECK((arguments_of(kOpenBoth | kOpenTruncate | kOpenAppend, 0).access & GENERIC_WRITE) != 0);
  CHECK((arguments_of(kOpenBoth, 0).access & GENERIC_WRITE) == 0);
}

TEST(windows_the_server_of_a_pipe_learns_nothing_of_its_client) {
  const auto flags_of = [](const wchar_t* path) {
    OpenRequest request;
    request.path = path;
    CreateArguments arguments;
    REQUIRE(create_arguments(request, HandleMode::kOverlapped, false, arguments));
    return arguments.attributes & SECURITY_SQOS_PRESENT;
  };
  constexpr DWORD kPresent = SECURITY_SQOS_PRESENT;
  for (const wchar_t* path :
       {L"\\\\.\\pipe\\name", L"\\\\server\\PIPE\\name", L"//./pipe/name", L"\\\\?\\pipe\\a\\b",
        L"\\\\?\\UNC\\server\\pipe\\name", L"\\\\.\\unc\\server\\pipe\\name",
        L"\\\\?\\GLOBALROOT\\Device\\NamedPipe\\name"}) {
    CHECK_EQUAL(flags_of(path), kPresent);
  }
  for (const wchar_t* path : {L"\\\\server\\pipes\\name", L"C:\\pipe\\name", L"\\\\.\\C:", L"pipe",
                              L"\\\\.\\pipe", L"\\\\?\\C:\\pipe\\name",
                              L"\\\\?\\UNC\\server\\share\\pipe\\name", L""}) {
    CHECK_EQUAL(flags_of(path), DWORD{0});
  }
}

TEST(windows_a_warning_posts_a_packet_and_an_error_does_not) {
  using SetStatus = ULONG(NTAPI*)(LONG);
  const auto set_status = reinterpret_cast<SetStatus>(reinterpret_cast<void*>(
      GetProcAddress(GetModuleHandleW(L"ntdll.dll"), "RtlNtStatusToDosError")));
  REQUIRE(set_status != nullptr);
  const auto posts = [&](uint32_t status) {
    return is_accepted(set_status(static_cast<LONG>(status)));
  };
  CHECK(posts(0x80000005));   // STATUS_BUFFER_OVERFLOW
  CHECK(posts(0x8000000E));   // STATUS_DEVICE_PAPER_EMPTY
  CHECK(posts(0x80000011));   // STATUS_DEVICE_BUSY
  CHECK(!posts(0xC0000011));  // STATUS_END_OF_FILE
  CHECK(!posts(0xC0000022));  // STATUS_ACCESS_DENIED
  CHECK(is_accepted(ERROR_SUCCESS));
  CHECK(is_accepted(ERROR_IO_PENDING));
}

ENGINE_TEST(windows_a_denied_transfer_is_a_bad_descriptor_only_where_the_handle_lacks_the_right) {
  Harness harness(engine);
  const PathString path = harness.path("denied");
  harness.open(path, kOpenNew);
  OpenFile& reader = *harness.open(path, kOpenRead);
  const Result written = harness.write_text(reader, "no", 0);
  CHECK_EQUAL(written.os_error, static_cast<uint32_t>(ERROR_ACCESS_DENIED));
  CHECK_EQUAL(written.meaning, ErrorMeaning::kBadDescriptor);
  CHECK((granted_access(reader.handle()) & FILE_READ_DATA) != 0);
  CHECK((granted_access(reader.handle()) & FILE_WRITE_DATA) == 0);
}

TEST(windows_data_sync_needs_a_handle_that_may_write) {
  Harness harness(std::string("iocp"));
  const PathString path = harness.path("flushed");
  OpenFile& writer = *harness.open(path, kOpenNew);
  CHECK(harness.write_text(writer, "data", 0).ok());
  CHECK(harness.run(harness.make(Opcode::kDataSync, &writer)).ok());
  OpenFile& reader = *harness.open(path, kOpenRead);
  CHECK_EQUAL(harness.run(harness.make(Opcode::kDataSync, &reader)).os_error,
              static_cast<uint32_t>(ERROR_ACCESS_DENIED));
}

TEST(windows_backup_intent_opens_with_the_privileges_and_says_so_without_them) {
  Harness harness(std::string("iocp"));
  const PathString path = harness.path("backup");
  harness.open(path, kOpenNew);
  harness.open(path, kOpenRead, kBackupIntent);
  harness.open(path, kOpenBoth, kBackupIntent);
  // The process itself is unchanged: the privileges were enabled only for the opening thread.
  if (!give_up(L"SeRestorePrivilege")) throw Skip("the privilege cannot be given up here");
  harness.open(path, kOpenRead, kBackupIntent);
  Operation& write = harness.make_path(Opcode::kOpen, path, kOpenBoth, kBackupIntent);
  CHECK_EQUAL(harness.run(write).os_error, static_cast<uint32_t>(ERROR_PRIVILEGE_NOT_HELD));
  harness.open(path, kOpenBoth);
}

namespace {

struct PriorityCall {
  ULONG length = 0;
  uint32_t hint = 0;
  bool is_aligned = false;
};

PriorityCall last_priority;
NTSTATUS status_of_priority = 0;
NativeCalls::SetInformation set_other_information = nullptr;

NTSTATUS NTAPI note_priority(HANDLE handle, IO_STATUS_BLOCK* block, void* data, ULONG length,
                             ULONG what) {
  if (what != kNativePriorityHintInformation) {
    return set_other_information(handle, block, data, length, what);
  }
  last_priority = {length, 0, reinterpret_cast<uintptr_t>(data) % 8 == 0};
  std::memcpy(&last_priority.hint, data, std::min<size_t>(length, sizeof last_priority.hint));
  return status_of_priority;
}

}  // namespace

// Wine has no such hints.
ENGINE_TEST(windows_a_priority_is_a_hint_of_the_handle_and_where_it_is_refused_no_file_is_left) {
  Harness harness(engine);
  set_other_information = native_calls().set_information;
  const Replaced<NativeCalls::SetInformation> set(native_calls().set_information, note_priority);
  for (const auto& [option, hint] : {std::pair{kIoIdle, 0U}, std::pair{kIoLow, 1U}}) {
    last_priority = {};
    status_of_priority = 0;
    harness.open(harness.path("file"), kOpenNew, option);
    CHECK_EQUAL(last_priority.length, ULONG{4});
    CHECK_EQUAL(last_priority.hint, hint);
    CHECK(last_priority.is_aligned);
  }
  status_of_priority = static_cast<NTSTATUS>(0xC00000BB);  // STATUS_NOT_SUPPORTED
  const PathString path = harness.path("refused");
  constexpr int32_t kMade = kOpenBoth | kOpenCreate | kOpenExclusive;
  Operation& op = harness.make_path(Opcode::kOpen, path, kMade, kIoLow);
  CHECK_EQUAL(harness.run(op).os_error, static_cast<uint32_t>(ERROR_NOT_SUPPORTED));
  CHECK_EQUAL(GetFileAttributesW(path.c_str()), INVALID_FILE_ATTRIBUTES);
}

// A file stands in for a drive: it fails where its size ends, as the system does for a drive.
ENGINE_TEST(windows_a_read_of_a_drive_stops_at_its_end) {
  Harness harness(engine);
  constexpr size_t kSector = 4096;
  OpenFile& whole = *harness.open(harness.path("drive"), kOpenNew);
  CHECK_EQUAL(harness.write_text(whole, std::string(3 * kSector, 'x'), 0).value,
              static_cast<int64_t>(3 * kSector));
  const bool overlapped = harness.is(EngineKind::kIocp);
  auto file = std::make_unique<OpenFile>(
      CreateFileW(harness.path("drive").c_str(), GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_WRITE,
                  nullptr, OPEN_EXISTING, overlapped ? FILE_FLAG_OVERLAPPED : 0, nullptr),
      DeviceType::kBlock);
  file->device_size = 2 * kSector;
  if (overlapped) REQUIRE(harness.engine().attach(*file).ok());
  OpenFile& drive = harness.adopt(std::move(file));
  const auto read = [&](size_t length, int64_t position) {
    const std::span<std::byte> memory = harness.memory(length);
    return harness.run(harness.make_transfer(Opcode::kRead, drive, memory, position));
  };
  const auto sector = static_cast<int64_t>(kSector);
  CHECK_EQUAL(read(kSector, 0).value, sector);
  CHECK_EQUAL(read(3 * kSector, 0).value, 2 * sector);
  CHECK_EQUAL(read(2 * kSector, sector).value, sector);
  for (const int64_t position : {2 * sector, 3 * sector, 100 * sector}) {
    const Result at_end = read(kSector, position);
    CHECK(at_end.ok());
    CHECK_EQUAL(at_end.value, 0);
  }
  // Two buffers; the second one begins at the end.
  Operation& vector = harness.make(Opcode::kReadVector, &drive);
  vector.file_offset = sector;
  const std::span<std::byte> memory = harness.memory(2 * kSector);
  vector.details().vectors = {{memory.data(), kSector}, {memory.data() + kSector, kSector}};
  CHECK_EQUAL(harness.run(vector).value, sector);
}

TEST(windows_a_handle_is_inherited_only_where_that_was_asked_for) {
  Harness harness(std::string("iocp"));
  const PathString path = harness.path("inherited");
  for (const uint32_t option : {uint32_t{0}, static_cast<uint32_t>(kInheritable)}) {
    OpenFile& file = *harness.open(path, kOpenBoth | kOpenCreate, option);
    DWORD flags = 0;
    CHECK(GetHandleInformation(file.handle(), &flags));
    CHECK_EQUAL((flags & HANDLE_FLAG_INHERIT) != 0, option != 0);
  }
}

namespace {

// Imitates a system that completes a lock later, through the port.
std::atomic<Operation*> pending_lock{nullptr};

uint32_t start_lock_later(Operation& op) {
  if (op.opcode != Opcode::kLock) return start_transfer(op, nullptr, nullptr);
  if (!(op.flags & kLockWait)) return ERROR_LOCK_VIOLATION;
  op.overlapped = OverlappedTransfer{};
  op.overlapped.operation = &op;
  op.overlapped.Internal = static_cast<ULONG_PTR>(STATUS_PENDING);
  pending_lock = &op;
  return ERROR_IO_PENDING;
}

}  // namespace

TEST(windows_a_lock_at_the_port_keeps_no_thread_and_ends_with_its_packet) {
  const HANDLE port = CreateIoCompletionPort(INVALID_HANDLE_VALUE, nullptr, 0, 2);
  Harness harness(std::in_place, [port](CompletionSink& sink) {
    return std::make_unique<IocpEngine>(sink, CompletionPort(UniqueHandle(port)), 2,
                                        IocpTuning{1024, start_lock_later, LockWait::kAtPort});
  });
  OpenFile& file = *harness.open(harness.path("port"), kOpenNew);
  Operation& at_once = harness.make(Opcode::kLock, &file);
  at_once.file_offset = 0;
  CHECK_EQUAL(harness.run(at_once).os_error, static_cast<uint32_t>(ERROR_LOCK_VIOLATION));
  Operation& waits = harness.make(Opcode::kLock, &file);
  waits.flags = kLockWait;
  waits.file_offset = 0;
  harness.submit(waits);
  while (!pending_lock) Sleep(1);
  CHECK_EQUAL(harness.write_text(file, "beside", 0).value, 6);
  CHECK(!harness.is_back(waits));
  waits.overlapped.Internal = 0;
  CHECK(PostQueuedCompletionStatus(port, 0, CompletionPort::kTransferKey, &waits.overlapped));
  CHECK(harness.wait(waits));
  CHECK(waits.result.ok());
}

}  // namespace overlapped::testing

#endif
