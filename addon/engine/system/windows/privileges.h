#pragma once

#include "windows_io.h"

namespace overlapped {

// While it lives, the calling thread, and it alone, uses the privileges of a backup:
// SeBackupPrivilege, and for writing SeRestorePrivilege.
class BackupPrivileges {
 public:
  enum class Use : uint8_t { kRead, kWrite };

  explicit BackupPrivileges(Use use);
  ~BackupPrivileges();
  BackupPrivileges(const BackupPrivileges&) = delete;
  BackupPrivileges& operator=(const BackupPrivileges&) = delete;

  // 0, or ERROR_PRIVILEGE_NOT_HELD where the user of the process has not got them.
  DWORD error() const { return error_; }

 private:
  DWORD error_ = ERROR_SUCCESS;
  bool impersonating_ = false;
};

}  // namespace overlapped
