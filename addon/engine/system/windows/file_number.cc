#include "file_number.h"

#include <array>
#include <cstring>
#include <string>

namespace overlapped {

namespace {

constexpr size_t kPathMax = 0x8000;

// The path below the volume's root. The normalized one may need rights to the folders above.
std::wstring path_of(HANDLE handle) {
  std::wstring path(kPathMax, L'\0');
  for (const DWORD form : {DWORD{FILE_NAME_NORMALIZED}, DWORD{FILE_NAME_OPENED}}) {
    const DWORD length = GetFinalPathNameByHandleW(
        handle, path.data(), static_cast<DWORD>(kPathMax), form | VOLUME_NAME_NONE);
    if (length == 0 || length >= kPathMax) continue;
    path.resize(length);
    return path;
  }
  return std::wstring();
}

// Names that differ in case alone mean the same file.
std::wstring upper_case(const std::wstring& text) {
  const int size = static_cast<int>(text.size());
  std::wstring upper(text.size(), L'\0');
  const int written = LCMapStringEx(LOCALE_NAME_INVARIANT, LCMAP_UPPERCASE, text.data(), size,
                                    upper.data(), size, nullptr, nullptr, 0);
  return written == size ? upper : text;
}

}  // namespace

uint64_t fold_file_id(const FILE_ID_128& id) {
  std::array<uint64_t, 2> halves;
  static_assert(sizeof halves == sizeof id);
  std::memcpy(halves.data(), &id, sizeof id);
  constexpr uint64_t kOddFactor = 0x9E3779B97F4A7C15;
  return halves[0] ^ (halves[1] * kOddFactor);
}

uint64_t hash_of_path(HANDLE handle) {
  const std::wstring path = upper_case(path_of(handle));
  if (path.empty()) return 0;
  // FNV-1a
  uint64_t hash = 0xCBF29CE484222325;
  for (const wchar_t unit : path) {
    hash ^= static_cast<uint64_t>(unit);
    hash *= 0x100000001B3;
  }
  return hash;
}

uint64_t file_number(HANDLE handle, const BY_HANDLE_FILE_INFORMATION& identity) {
  const uint64_t number =
      (static_cast<uint64_t>(identity.nFileIndexHigh) << 32) | identity.nFileIndexLow;
  if (number != 0 && number != ~uint64_t{0}) return number;
  FILE_ID_INFO id{};
  const bool has_id = GetFileInformationByHandleEx(handle, FileIdInfo, &id, sizeof id) != 0;
  const uint64_t folded = has_id ? fold_file_id(id.FileId) : number;
  return folded != 0 ? folded : hash_of_path(handle);
}

}  // namespace overlapped
