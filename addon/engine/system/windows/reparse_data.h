#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "result.h"
#include "system/directory.h"

// The content of reparse points: REPARSE_DATA_BUFFER, which only the driver headers declare.
// https://learn.microsoft.com/windows-hardware/drivers/ddi/ntifs/ns-ntifs-_reparse_data_buffer
namespace overlapped {

// Reads the target of a symbolic link, of a junction, or of the link by which a packaged app is
// started. Fails with ERROR_SYMLINK_NOT_SUPPORTED for other reparse points.
Result parse_link(std::span<const std::byte> data, std::wstring& target);

// Makes the content of a new link. Slashes become backslashes, which the kernel requires.
std::string make_link_data(LinkKind kind, const std::wstring& target);

}  // namespace overlapped
