#include "pipe_path.h"

#include <cwchar>
#include <initializer_list>
#include <string_view>

namespace overlapped {

namespace {

bool is_separator(wchar_t c) { return c == L'\\' || c == L'/'; }

bool is_any_of(std::wstring_view text, std::initializer_list<std::wstring_view> words) {
  for (const std::wstring_view word : words) {
    if (text.size() == word.size() && _wcsnicmp(text.data(), word.data(), word.size()) == 0) {
      return true;
    }
  }
  return false;
}

// Takes the first component off a path.
std::wstring_view take_component(std::wstring_view& path) {
  size_t end = 0;
  while (end < path.size() && !is_separator(path[end])) ++end;
  const std::wstring_view component = path.substr(0, end);
  path.remove_prefix(end < path.size() ? end + 1 : end);
  return component;
}

// Whether a path names a pipe of this machine or of another server: `\\.\pipe\name`,
// `\\server\pipe\name`, also behind `\\?\UNC` and in the namespace of the kernel.
bool is_pipe_path(std::wstring_view path) {
  if (path.size() < 2 || !is_separator(path[0]) || !is_separator(path[1])) return false;
  path.remove_prefix(2);
  if (!is_any_of(take_component(path), {L".", L"?"})) {
    return is_any_of(take_component(path), {L"pipe"}) && !path.empty();
  }
  std::wstring_view device = take_component(path);
  while (is_any_of(device, {L"GLOBALROOT", L"Global", L"Device", L"DosDevices", L"??"})) {
    device = take_component(path);
  }
  if (is_any_of(device, {L"UNC", L"Mup"})) {
    take_component(path);  // the server
    device = take_component(path);
  }
  return is_any_of(device, {L"pipe", L"NamedPipe"}) && !path.empty();
}

}  // namespace

DWORD impersonation_flags(const PathString& path) {
  return is_pipe_path(path) ? SECURITY_SQOS_PRESENT | SECURITY_ANONYMOUS : 0;
}

}  // namespace overlapped
