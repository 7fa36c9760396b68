#pragma once

#include <span>

#include "windows_io.h"

namespace overlapped {

// While an instance exists, its thread, and no other, uses privileges that the user of the process
// holds but that are not enabled.
class ThreadPrivileges {
 public:
  // @param names as in winnt.h, such as SeBackupPrivilege; without any, nothing happens
  explicit ThreadPrivileges(std::span<const wchar_t* const> names);
  ~ThreadPrivileges();
  ThreadPrivileges(const ThreadPrivileges&) = delete;
  ThreadPrivileges& operator=(const ThreadPrivileges&) = delete;

  // 0, or ERROR_PRIVILEGE_NOT_HELD if the user of the process lacks one of the privileges.
  DWORD error() const { return error_; }

 private:
  DWORD error_ = ERROR_SUCCESS;
  bool impersonating_ = false;
};

}  // namespace overlapped
