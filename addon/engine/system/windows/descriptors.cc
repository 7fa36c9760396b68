#include "descriptors.h"

#include "windows_io.h"

namespace overlapped {

std::unique_ptr<OpenFile> borrow_descriptor(int, Result& result) {
  result = Result::failure(kBadHandleError);
  return nullptr;
}

int descriptor_of(const OpenFile&) { return -1; }

Result open_descriptor(OpenFile& file, DescriptorMaker make) {
  NativeHandle opened = invalid_handle();
  const Result second = file.open_second(opened);
  if (!second.ok()) return second;
  UniqueHandle handle(opened);
  const int descriptor = make(handle.get());
  if (descriptor < 0) return Result::failure(ERROR_TOO_MANY_OPEN_FILES);
  handle.release();  // the descriptor owns it now
  return Result::success(descriptor);
}

}  // namespace overlapped
