#pragma once

#include "operation.h"

// Data that Windows keeps in addition to a file's content. Other systems report it as unsupported.
namespace overlapped {

// kListStreams: the content holds, for each stream, its size in decimal digits, a zero byte, its
// full name (":name:$DATA") in WTF-8, and a zero byte. kOpenIn opens a stream by that name in its
// file.
Result list_streams(Operation& operation);

// kReadReparsePoint: the content is the complete REPARSE_DATA_BUFFER, header included.
Result read_reparse_point(Operation& operation);

}  // namespace overlapped
