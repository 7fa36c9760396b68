#pragma once

#include "windows_io.h"

namespace overlapped {

// While an instance exists, its thread, and no other, uses the privileges for backups:
// SeBackupPrivilege and, for writing, SeRestorePrivilege.
class BackupPrivileges {
 public:
  enum class Use : uint8_t { kRead, kWrite };

  explicit BackupPrivileges(Use use);
  ~BackupPrivileges();
  BackupPrivileges(const BackupPrivileges&) = delete;
  BackupPrivileges& operator=(const BackupPrivileges&) = delete;

  // 0, or ERROR_PRIVILEGE_NOT_HELD if the user of the process lacks the privileges.
  DWORD error() const { return error_; }

 private:
  DWORD error_ = ERROR_SUCCESS;
  bool impersonating_ = false;
};

}  // namespace overlapped
