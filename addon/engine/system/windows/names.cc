#include "names.h"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <vector>

namespace overlapped {

namespace {

// FileRenameInformation, FileLinkInformation and FileRenameInformationEx with its flags.
constexpr ULONG kRenameInformation = 10;
constexpr ULONG kLinkInformation = 11;
constexpr ULONG kRenameInformationEx = 65;
constexpr ULONG kReplaceIfExists = 0x1;
constexpr ULONG kReplacePosix = 0x2;
constexpr ULONG kIgnoreReadOnly = 0x40;

// FILE_RENAME_INFORMATION and FILE_LINK_INFORMATION, which share a layout.
struct NewName {
  ULONG flags;  // or whether to replace
  HANDLE directory;
  ULONG name_bytes;
  WCHAR name[1];
};

Result give_name(HANDLE file, HANDLE directory, const std::wstring& name, ULONG what,
                 ULONG flags) {
  const size_t bytes = name.size() * sizeof(WCHAR);
  std::vector<LARGE_INTEGER> memory((sizeof(NewName) + bytes) / sizeof(LARGE_INTEGER) + 1);
  const NewName header{flags, directory, static_cast<ULONG>(bytes), {}};
  auto* const data = reinterpret_cast<std::byte*>(memory.data());
  std::memcpy(data, &header, offsetof(NewName, name));
  std::memcpy(data + offsetof(NewName, name), name.data(), bytes);
  // Windows rejects sizes below that of the whole structure, even if the name is short.
  const size_t size = std::max(sizeof(NewName), offsetof(NewName, name) + bytes);
  IO_STATUS_BLOCK status{};
  return result_of_status(native_calls().set_information(file, &status, data,
                                                         static_cast<ULONG>(size), what));
}

bool set_attributes_of(HANDLE file, DWORD attributes) {
  FILE_BASIC_INFO wanted{};
  wanted.FileAttributes = attributes != 0 ? attributes : DWORD{FILE_ATTRIBUTE_NORMAL};
  return SetFileInformationByHandle(file, FileBasicInfo, &wanted, sizeof wanted) != 0;
}

// The read-only attribute of a file in a directory, which keeps its names from being replaced.
class ReadOnlyFile {
 public:
  // Clears the attribute. Returns whether it was set.
  bool clear(HANDLE directory, const std::wstring& name) {
    directory_ = directory;
    UniqueHandle file;
    FILE_BASIC_INFO basic{};
    constexpr DWORD kReadOnly = FILE_ATTRIBUTE_READONLY;
    if (!open_name(directory, name, FILE_READ_ATTRIBUTES | FILE_WRITE_ATTRIBUTES, file).ok() ||
        !GetFileInformationByHandleEx(file.get(), FileBasicInfo, &basic, sizeof basic) ||
        !(basic.FileAttributes & kReadOnly)) {
      return false;
    }
    attributes_ = basic.FileAttributes;
    learn_names(file.get());
    return set_attributes_of(file.get(), attributes_ & ~kReadOnly);
  }

  // Sets the attribute again, unless the file has had no other name than the one that was replaced.
  // The file was closed meanwhile, because a name of an open file cannot be replaced.
  void restore(const std::wstring* name) const {
    UniqueHandle file;
    if (name == nullptr && !has_other_names_) return;
    const Result opened = name != nullptr
                              ? open_name(directory_, *name, FILE_WRITE_ATTRIBUTES, file)
                              : open_name(directory_, id_, FILE_WRITE_ATTRIBUTES, file,
                                          kNativeByFileId);
    if (opened.ok()) (void)set_attributes_of(file.get(), attributes_);
  }

 private:
  void learn_names(HANDLE file) {
    FILE_STANDARD_INFO standard{};
    LARGE_INTEGER id{};
    IO_STATUS_BLOCK block{};
    if (!GetFileInformationByHandleEx(file, FileStandardInfo, &standard, sizeof standard)) return;
    if (standard.NumberOfLinks < 2) return;
    const NTSTATUS status = native_calls().query_information(file, &block, &id, sizeof id,
                                                             kNativeIdInformation);
    has_other_names_ = status >= 0;
    // NtCreateFile takes the number as the bytes of a name.
    id_.resize(sizeof id / sizeof(WCHAR));
    std::memcpy(id_.data(), &id, sizeof id);
  }

  HANDLE directory_ = nullptr;
  DWORD attributes_ = 0;
  bool has_other_names_ = false;
  std::wstring id_;
};

// ReFS has numbers of 128 bits; file systems without FileIdInfo have shorter ones.
bool is_same_file(HANDLE a, HANDLE b) {
  FILE_ID_INFO id{};
  FILE_ID_INFO other_id{};
  if (GetFileInformationByHandleEx(a, FileIdInfo, &id, sizeof id) &&
      GetFileInformationByHandleEx(b, FileIdInfo, &other_id, sizeof other_id)) {
    return id.VolumeSerialNumber == other_id.VolumeSerialNumber &&
           std::memcmp(&id.FileId, &other_id.FileId, sizeof id.FileId) == 0;
  }
  BY_HANDLE_FILE_INFORMATION one{};
  BY_HANDLE_FILE_INFORMATION other{};
  return GetFileInformationByHandle(a, &one) && GetFileInformationByHandle(b, &other) &&
         one.dwVolumeSerialNumber == other.dwVolumeSerialNumber &&
         one.nFileIndexHigh == other.nFileIndexHigh && one.nFileIndexLow == other.nFileIndexLow;
}

}  // namespace

Result open_name(HANDLE directory, const std::wstring& name, ACCESS_MASK access,
                 UniqueHandle& handle, ULONG more_options) {
  NativeOpen wanted;
  wanted.access = access | SYNCHRONIZE;
  wanted.options |= more_options;
  HANDLE opened = nullptr;
  const Result result = open_in(directory, name, wanted, opened);
  if (result.ok()) handle.reset(opened);
  return result;
}

Result enter_content(HANDLE directory, const std::wstring& name, NativeOpen wanted,
                     UniqueHandle& handle) {
  ObjectKind kind;
  const Result looked = read_kind(handle.get(), kind);
  if (!looked.ok() || !kind.is_reparse_point()) return looked;
  if (kind.is_link()) return Result::failure(ERROR_CANT_RESOLVE_FILENAME);
  wanted.options &= ~static_cast<ULONG>(kNativeReparsePointItself);
  wanted.disposition = NativeDisposition::kOpen;
  HANDLE opened = nullptr;
  const Result result = open_in(directory, name, wanted, opened);
  if (!result.ok()) return result;
  UniqueHandle content(opened);
  if (!is_same_file(content.get(), handle.get())) {
    return Result::failure(ERROR_CANT_RESOLVE_FILENAME);
  }
  handle.reset(content.release());
  return Result::success(0);
}

Result rename_file(HANDLE file, HANDLE directory, const std::wstring& name, bool replaces) {
  const ULONG flags = replaces ? kReplaceIfExists | kReplacePosix | kIgnoreReadOnly : 0;
  const Result renamed = give_name(file, directory, name, kRenameInformationEx, flags);
  if (!is_unsupported(renamed.os_error)) return renamed;
  const ULONG replace = replaces ? kReplaceIfExists : 0;
  const Result again = give_name(file, directory, name, kRenameInformation, replace);
  if (!replaces || again.os_error != ERROR_ACCESS_DENIED) return again;
  ReadOnlyFile replaced;
  if (!replaced.clear(directory, name)) return again;
  const Result last = give_name(file, directory, name, kRenameInformation, replace);
  replaced.restore(last.ok() ? nullptr : &name);
  return last;
}

Result link_file(HANDLE file, HANDLE directory, const std::wstring& name) {
  return give_name(file, directory, name, kLinkInformation, 0);
}

}  // namespace overlapped
