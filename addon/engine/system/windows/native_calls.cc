#include "native_calls.h"

namespace overlapped {

namespace {

constexpr ULONG kDoNotReparse = 0x1000;   // OBJ_DONT_REPARSE
constexpr ULONG kCaseInsensitive = 0x40;  // OBJ_CASE_INSENSITIVE
constexpr ULONG kInherit = 0x2;           // OBJ_INHERIT
constexpr NTSTATUS kInvalidParameter = static_cast<NTSTATUS>(0xC000000D);
// A UNICODE_STRING counts bytes in 16 bits.
constexpr size_t kNameMax = 0x7ffe;

template <typename Call>
Call find_call(HMODULE system, const char* name) {
  return reinterpret_cast<Call>(reinterpret_cast<void*>(GetProcAddress(system, name)));
}

NTSTATUS create_file(HANDLE directory, const std::wstring& name, const NativeOpen& wanted,
                     ULONG attributes, HANDLE& opened) {
  UNICODE_STRING text{};
  text.Buffer = const_cast<WCHAR*>(name.data());
  text.Length = text.MaximumLength = static_cast<USHORT>(name.size() * sizeof(WCHAR));
  OBJECT_ATTRIBUTES object{};
  object.Length = sizeof object;
  object.RootDirectory = directory;
  object.ObjectName = &text;
  object.Attributes = attributes | (wanted.inheritable ? kInherit : 0) |
                      (wanted.case_sensitive ? 0 : kCaseInsensitive);
  IO_STATUS_BLOCK status{};
  return native_calls().create_file(&opened, wanted.access, &object, &status, nullptr,
                                    wanted.attributes, wanted.share,
                                    static_cast<ULONG>(wanted.disposition), wanted.options,
                                    nullptr, 0);
}

}  // namespace

NativeCalls& native_calls() {
  static NativeCalls calls = [] {
    const HMODULE system = GetModuleHandleW(L"ntdll.dll");
    return NativeCalls{
        find_call<NativeCalls::CreateFile>(system, "NtCreateFile"),
        find_call<NativeCalls::QueryDirectory>(system, "NtQueryDirectoryFile"),
        find_call<NativeCalls::QueryInformation>(system, "NtQueryInformationFile"),
        find_call<NativeCalls::QueryInformation>(system, "NtQueryVolumeInformationFile"),
        find_call<NativeCalls::SetInformation>(system, "NtSetInformationFile"),
        find_call<NativeCalls::Flush>(system, "NtFlushBuffersFileEx"),
        find_call<NativeCalls::ErrorOf>(system, "RtlNtStatusToDosError"),
        find_call<NativeCalls::LastStatus>(system, "RtlGetLastNtStatus"),
    };
  }();
  return calls;
}

Result result_of_status(NTSTATUS status) {
  return status >= 0 ? Result::success(0) : Result::failure(native_calls().error_of(status));
}

Result open_in(HANDLE directory, const std::wstring& name, const NativeOpen& wanted,
               HANDLE& opened) {
  if (name.size() > kNameMax) return Result::failure(ERROR_FILENAME_EXCED_RANGE);
  NTSTATUS status = create_file(directory, name, wanted, kDoNotReparse, opened);
  // Windows before 10 does not know OBJ_DONT_REPARSE, which guards against a directory that has
  // become a link.
  if (status == kInvalidParameter) status = create_file(directory, name, wanted, 0, opened);
  return result_of_status(status);
}

Result read_kind(HANDLE handle, ObjectKind& kind) {
  // The layout of FILE_BASIC_INFORMATION, and of FILE_ATTRIBUTE_TAG_INFORMATION.
  FILE_BASIC_INFO basic{};
  FILE_ATTRIBUTE_TAG_INFO tag{};
  IO_STATUS_BLOCK block{};
  const auto query = native_calls().query_information;
  NTSTATUS status = query(handle, &block, &basic, sizeof basic, kNativeBasicInformation);
  kind = {basic.FileAttributes, 0};
  if (status < 0 || !kind.is_reparse_point()) return result_of_status(status);
  status = query(handle, &block, &tag, sizeof tag, kNativeAttributeTagInformation);
  kind.reparse_tag = tag.ReparseTag;
  return result_of_status(status);
}

}  // namespace overlapped
