#pragma once

#include <memory>

#include "open_file.h"
#include "result.h"
#include "system/seek.h"  // move_cursor()

namespace overlapped {

// Descriptors of the process, which its other code uses, too.

// Returns an OpenFile for a descriptor that other code has opened and will close. Null with the
// error in `result`; always null on Windows.
std::unique_ptr<OpenFile> borrow_descriptor(int descriptor, Result& result);

// The number of an open file; -1 on Windows, where open_descriptor() makes one.
int descriptor_of(const OpenFile& file);

// Makes a descriptor of a handle, which it takes over; negative on failure.
using DescriptorMaker = int (*)(void* os_handle);

// A descriptor for code that takes numbers. POSIX: that of the file itself. Windows: a second,
// synchronous one, which the caller closes.
Result open_descriptor(OpenFile& file, DescriptorMaker make);

}  // namespace overlapped
