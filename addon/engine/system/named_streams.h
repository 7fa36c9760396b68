#pragma once

#include "operation.h"

// What Windows keeps beside the data of a file. Elsewhere both say that there is no such thing.
namespace overlapped {

// kListStreams: its content is, for each stream, its size in decimal digits, a zero byte, its name
// as Windows has it (":name:$DATA") in UTF-8, and a zero byte.
Result list_streams(Operation& operation);

// kReadReparsePoint: its content is the reparse data as Windows gives it, header included
// (REPARSE_DATA_BUFFER).
Result read_reparse_point(Operation& operation);

}  // namespace overlapped
