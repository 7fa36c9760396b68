#include "system/named_streams.h"

namespace overlapped {

Result list_streams(Operation&) { return Result::failure(ENOTSUP); }
Result read_reparse_point(Operation&) { return Result::failure(ENOTSUP); }

}  // namespace overlapped
