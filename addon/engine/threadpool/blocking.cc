#include "blocking.h"

#include <new>

namespace overlapped {

bool run_blocking(Operation& operation) {
  try {
    return run_blocking_call(operation);
  } catch (const std::bad_alloc&) {
    operation.result = Result::failure(kNoMemoryError);
    if (operation.detail) operation.detail->opened.reset();
    return true;
  }
}

}  // namespace overlapped
