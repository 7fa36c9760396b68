#include "descriptors.h"

#include "system/blocking.h"

namespace overlapped {

std::unique_ptr<OpenFile> borrow_descriptor(int descriptor, Result& result) {
  return borrow_file(descriptor, result);
}

int descriptor_of(const OpenFile& file) { return file.handle(); }

Result open_descriptor(OpenFile& file, DescriptorMaker) { return Result::success(file.handle()); }

}  // namespace overlapped
