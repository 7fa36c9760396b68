#pragma once

#include <unistd.h>

#include <memory>
#include <stdexcept>
#include <string>

#include "harness.h"
#include "test.h"

namespace overlapped::testing {

inline void need_uring() {
  QueueSink sink;
  const EngineChoice choice = select_engine("uring", sink);
  if (!choice.engine) throw Skip(choice.reason);
}

// The read end of a pipe as a file of the engine; bytes are written without the engine.
class Source {
 public:
  explicit Source(Harness& harness) {
    int ends[2];
    if (::pipe(ends) != 0) throw std::runtime_error("pipe() failed");
    reader_ = &harness.adopt(std::make_unique<OpenFile>(ends[0], DeviceType::kPipe));
    writer_ = &harness.adopt(std::make_unique<OpenFile>(ends[1], DeviceType::kPipe));
  }
  OpenFile& reader() { return *reader_; }
  void put(size_t count) {
    const std::string bytes(count, 'x');
    CHECK_EQUAL(::write(writer_->handle(), bytes.data(), count), count);
  }

 private:
  OpenFile* reader_ = nullptr;
  OpenFile* writer_ = nullptr;
};

inline Operation& make_pipe_read(Harness& harness, Source& source) {
  return harness.make_transfer(Opcode::kRead, source.reader(), harness.memory(1), -1);
}

}  // namespace overlapped::testing
