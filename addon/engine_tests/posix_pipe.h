#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>

#include "harness.h"
#include "test.h"

namespace overlapped::testing {

// A pipe whose ends were not opened by the engine.
class Pipe {
 public:
  explicit Pipe(Harness& harness) {
    int ends[2];
    if (::pipe(ends) != 0) throw std::runtime_error("pipe() failed");
    reader_ = adopt(harness, ends[0]);
    writer_ = adopt(harness, ends[1]);
  }

  OpenFile& reader() { return *reader_; }
  OpenFile& writer() { return *writer_; }

  // Writes without the engine.
  void put(std::string_view text) {
    CHECK_EQUAL(::write(writer_->handle(), text.data(), text.size()), text.size());
  }
  // Reads the current content of the pipe without waiting.
  std::string take_rest() {
    const int flags = ::fcntl(reader_->handle(), F_GETFL);
    ::fcntl(reader_->handle(), F_SETFL, flags | O_NONBLOCK);
    std::string rest;
    char bytes[65536];
    for (ssize_t count = 1; count > 0;) {
      count = ::read(reader_->handle(), bytes, sizeof bytes);
      if (count > 0) rest.append(bytes, static_cast<size_t>(count));
    }
    ::fcntl(reader_->handle(), F_SETFL, flags);
    return rest;
  }

 private:
  static OpenFile* adopt(Harness& harness, int fd) {
    OpenFile& file = harness.adopt(std::make_unique<OpenFile>(fd, DeviceType::kPipe));
    CHECK(harness.engine().attach(file).ok());
    return &file;
  }

  OpenFile* reader_ = nullptr;
  OpenFile* writer_ = nullptr;
};

inline void pause_ms(int ms) { std::this_thread::sleep_for(std::chrono::milliseconds(ms)); }

}  // namespace overlapped::testing
