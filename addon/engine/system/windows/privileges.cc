#include "privileges.h"

namespace overlapped {

namespace {

DWORD enable(HANDLE token, const wchar_t* name) {
  TOKEN_PRIVILEGES wanted{};
  wanted.PrivilegeCount = 1;
  wanted.Privileges[0].Attributes = SE_PRIVILEGE_ENABLED;
  if (!LookupPrivilegeValueW(nullptr, name, &wanted.Privileges[0].Luid)) return GetLastError();
  if (!AdjustTokenPrivileges(token, FALSE, &wanted, 0, nullptr, nullptr)) return GetLastError();
  // The call also succeeds if it enabled nothing (AdjustTokenPrivileges, Return value).
  return GetLastError() == ERROR_NOT_ALL_ASSIGNED ? ERROR_PRIVILEGE_NOT_HELD : ERROR_SUCCESS;
}

}  // namespace

ThreadPrivileges::ThreadPrivileges(std::span<const wchar_t* const> names) {
  if (names.empty()) return;
  // A token for this thread only, so that other threads do not get the privileges.
  if (!ImpersonateSelf(SecurityImpersonation)) {
    error_ = GetLastError();
    return;
  }
  impersonating_ = true;
  HANDLE opened = nullptr;
  if (!OpenThreadToken(GetCurrentThread(), TOKEN_ADJUST_PRIVILEGES | TOKEN_QUERY, TRUE, &opened)) {
    error_ = GetLastError();
    return;
  }
  const UniqueHandle token(opened);
  for (const wchar_t* const name : names) {
    if (error_ == ERROR_SUCCESS) error_ = enable(token.get(), name);
  }
}

ThreadPrivileges::~ThreadPrivileges() {
  if (impersonating_) RevertToSelf();
}

}  // namespace overlapped
