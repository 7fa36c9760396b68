// What of open() and of locks only Windows has.
#ifdef _WIN32

#include <atomic>
#include <memory>
#include <string>
#include <utility>

#include "harness.h"
#include "iocp/iocp_engine.h"
#include "test.h"

namespace overlapped::testing {

namespace {

// Takes a privilege from the process for good.
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

}  // namespace

TEST(windows_backup_intent_opens_with_the_privileges_and_says_so_without_them) {
  Harness harness(std::string("iocp"));
  const PathString path = harness.path("backup");
  harness.open(path, kOpenNew);
  harness.open(path, kOpenRead, kBackupIntent);
  harness.open(path, kOpenBoth, kBackupIntent);
  // The process itself is as it was: only the opening thread had them enabled.
  if (!give_up(L"SeRestorePrivilege")) throw Skip("the privilege cannot be given up here");
  harness.open(path, kOpenRead, kBackupIntent);
  Operation& write = harness.make_path(Opcode::kOpen, path, kOpenBoth, kBackupIntent);
  CHECK_EQUAL(harness.run(write).os_error, static_cast<uint32_t>(ERROR_PRIVILEGE_NOT_HELD));
  harness.open(path, kOpenBoth);
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

// A system that completes a lock later, through the port.
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
    return std::make_unique<IocpEngine>(sink, UniqueHandle(port), 2,
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
  CHECK(PostQueuedCompletionStatus(port, 0, IocpEngine::kTransferKey, &waits.overlapped));
  CHECK(harness.wait(waits));
  CHECK(waits.result.ok());
}

}  // namespace overlapped::testing

#endif
