#include "reparse_data.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace overlapped {

namespace {

// Offsets in bytes.
constexpr size_t kNameOffset = 8;
constexpr size_t kNameLength = 10;
constexpr size_t kLinkText = 20;
constexpr size_t kMountPointText = 16;
constexpr size_t kAppLinkText = 12;
// The path of the program, after the package and its entry point.
constexpr size_t kAppLinkTarget = 2;
constexpr auto kAppLinkTag = static_cast<DWORD>(0x8000001B);  // IO_REPARSE_TAG_APPEXECLINK

constexpr std::wstring_view kKernelPrefix = L"\\??\\";

template <typename Value>
Value value_at(std::span<const std::byte> data, size_t offset) {
  Value value{};
  if (offset + sizeof value <= data.size()) {
    std::memcpy(&value, data.data() + offset, sizeof value);
  }
  return value;
}

std::wstring text_of(std::span<const std::byte> bytes) {
  std::wstring text(bytes.size() / sizeof(wchar_t), L'\0');
  std::memcpy(text.data(), bytes.data(), text.size() * sizeof(wchar_t));
  return text;
}

bool is_letter(wchar_t c) { return (c >= L'A' && c <= L'Z') || (c >= L'a' && c <= L'z'); }

// Whether a path begins with a drive, alone or before a backslash.
bool names_drive(std::wstring_view path) {
  return path.size() >= 2 && is_letter(path[0]) && path[1] == L':' &&
         (path.size() == 2 || path[2] == L'\\');
}

bool names_share(std::wstring_view path) {
  return path.size() >= 4 && CompareStringOrdinal(path.data(), 4, L"UNC\\", 4, TRUE) == CSTR_EQUAL;
}

Result no_link() { return Result::failure(ERROR_SYMLINK_NOT_SUPPORTED); }

Result parse_app_link(std::span<const std::byte> data, std::wstring& target) {
  if (data.size() < kAppLinkText) return no_link();
  const std::wstring texts = text_of(data.subspan(kAppLinkText));
  std::wstring_view rest = texts;
  for (size_t i = 0;; ++i) {
    const size_t end = rest.find(L'\0');
    if (end == std::wstring_view::npos || end == 0) return no_link();
    if (i == kAppLinkTarget) {
      target = rest.substr(0, end);
      return names_drive(target) ? Result::success(0) : no_link();
    }
    rest.remove_prefix(end + 1);
  }
}

template <typename Value>
void append_value(std::string& data, size_t value) {
  const auto narrowed = static_cast<Value>(value);
  data.append(reinterpret_cast<const char*>(&narrowed), sizeof narrowed);
}

void append_text(std::string& data, const std::wstring& text, size_t more_bytes) {
  data.append(reinterpret_cast<const char*>(text.c_str()),
              text.size() * sizeof(wchar_t) + more_bytes);
}

// A target as users write it, and whether the kernel starts it at a root of its own.
struct Target {
  std::wstring print;
  std::wstring substitute;
  bool is_whole = true;
};

Target target_of(std::wstring path) {
  std::replace(path.begin(), path.end(), L'/', L'\\');
  const bool is_device = path.starts_with(L"\\\\?\\") || path.starts_with(L"\\\\.\\");
  if (is_device) {
    path.erase(0, kKernelPrefix.size());
    const bool is_share = names_share(path);
    return {is_share ? L"\\" + path.substr(3) : path, std::wstring(kKernelPrefix) + path};
  }
  if (path.starts_with(L"\\\\")) {
    return {path, std::wstring(kKernelPrefix) + L"UNC" + path.substr(1)};
  }
  if (names_drive(path)) return {path, std::wstring(kKernelPrefix) + path};
  return {path, path, false};
}

}  // namespace

Result parse_link(std::span<const std::byte> data, std::wstring& target) {
  const auto tag = value_at<DWORD>(data, 0);
  if (tag == kAppLinkTag) return parse_app_link(data, target);
  const bool link = tag == IO_REPARSE_TAG_SYMLINK;
  if (!link && tag != IO_REPARSE_TAG_MOUNT_POINT) return no_link();
  const size_t begin =
      (link ? kLinkText : kMountPointText) + value_at<WORD>(data, kNameOffset);
  const size_t length = value_at<WORD>(data, kNameLength);
  if (begin + length > data.size()) return Result::failure(ERROR_INVALID_REPARSE_DATA);
  target = text_of(data.subspan(begin, length));
  const std::wstring_view path = std::wstring_view(target).substr(
      target.starts_with(kKernelPrefix) ? kKernelPrefix.size() : 0);
  const bool is_whole = path.size() < target.size();
  if (is_whole && names_drive(path)) {
    target.erase(0, kKernelPrefix.size());
  } else if (!link) {
    // A mount point that names a volume is shown as a directory, since such names are of no use.
    return no_link();
  } else if (is_whole && names_share(path)) {
    target.replace(0, kKernelPrefix.size() + 3, L"\\");
  }
  return Result::success(0);
}

std::string make_link_data(LinkKind kind, const std::wstring& target) {
  const bool is_junction = kind == LinkKind::kJunction;
  const Target made = target_of(target);
  const size_t end = is_junction ? sizeof(wchar_t) : 0;  // a junction's names end with a zero
  const size_t substitute_bytes = made.substitute.size() * sizeof(wchar_t);
  std::string names;
  append_value<USHORT>(names, 0);
  append_value<USHORT>(names, substitute_bytes);
  append_value<USHORT>(names, substitute_bytes + end);
  append_value<USHORT>(names, made.print.size() * sizeof(wchar_t));
  if (!is_junction) append_value<ULONG>(names, made.is_whole ? 0 : 1);  // SYMLINK_FLAG_RELATIVE
  append_text(names, made.substitute, end);
  append_text(names, made.print, end);
  std::string data;
  append_value<ULONG>(data, is_junction ? IO_REPARSE_TAG_MOUNT_POINT : IO_REPARSE_TAG_SYMLINK);
  append_value<USHORT>(data, names.size());
  append_value<USHORT>(data, 0);
  return data + names;
}

}  // namespace overlapped
