// The guarantees of engine.h on FIFOs, whose opens wait for the other side.
#ifndef _WIN32

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>
#include <thread>
#include <vector>

#include "posix_pipe.h"
#include "test.h"

namespace overlapped::testing {

namespace {

ENGINE_TEST(a_nonblocking_fifo_that_is_empty_or_full_says_so) {
  Harness harness(engine);
  const PathString path = harness.path("fifo");
  REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
  OpenFile& reader = *harness.open(path, kOpenRead | O_NONBLOCK);
  OpenFile& writer = *harness.open(path, kOpenWrite | O_NONBLOCK);
  CHECK_EQUAL(harness.read(reader, harness.memory(4), -1).os_error, EAGAIN);
  Operation& vector = harness.make_vector(Opcode::kReadVector, reader, {2, 2}, -1);
  CHECK_EQUAL(harness.run(vector).os_error, EAGAIN);
  CHECK_EQUAL(harness.write_text(writer, "abcd", -1).value, 4);
  CHECK_EQUAL(harness.read_text(reader, 4, -1), "abcd");
  const Result written = harness.write(writer, harness.memory(4 << 20), -1);
  CHECK(written.value > 0 && written.value < (4 << 20));
  CHECK_EQUAL(harness.write(writer, harness.memory(4 << 20), -1).os_error, EAGAIN);
}

ENGINE_TEST(blocking_opens_of_a_fifo_are_cancelled_beyond_the_number_of_workers) {
  Harness harness(engine);
  const PathString path = harness.path("fifo");
  REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
  std::vector<Operation*> opens;
  for (int i = 0; i < 40; ++i) {
    opens.push_back(&harness.make_path(i % 2 ? Opcode::kReadPath : Opcode::kOpen, path));
  }
  harness.submit(opens);
  pause_ms(20);
  CHECK(!harness.collect());
  for (Operation* const op : opens) harness.cancel(*op);
  CHECK(harness.wait_for_all());
  for (const Operation* const op : opens) {
    CHECK(is_cancelled(*op));
    CHECK(op->detail->opened == nullptr);
  }
  // The FIFO and the workers still work.
  Operation& reader = harness.make_path(Opcode::kOpen, path);
  Operation& writer = harness.make_path(Opcode::kOpen, path, kOpenWrite);
  harness.submit({&reader, &writer});
  CHECK(harness.wait_for_all());
  REQUIRE(reader.result.ok() && writer.result.ok());
  OpenFile& from = harness.adopt(std::move(reader.detail->opened));
  OpenFile& to = harness.adopt(std::move(writer.detail->opened));
  CHECK_EQUAL(from.device_type(), DeviceType::kPipe);
  CHECK_EQUAL(harness.write_text(to, "through", -1).value, 7);
  CHECK_EQUAL(harness.read_text(from, 7, -1), "through");
}

ENGINE_TEST(pending_opens_of_a_fifo_do_not_hold_up_the_files) {
  Harness harness(engine);
  const PathString path = harness.path("fifo");
  REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
  std::vector<Operation*> opens;
  for (int i = 0; i < 30; ++i) opens.push_back(&harness.make_path(Opcode::kOpen, path));
  harness.submit(opens);
  for (int i = 0; i < 30; ++i) {
    OpenFile& file = *harness.open(harness.path("a"), kOpenNew);
    CHECK_EQUAL(harness.write_text(file, "abc", 0).value, 3);
    CHECK_EQUAL(harness.status(file).size, 3U);
  }
  CHECK_EQUAL(harness.in_flight(), opens.size());
}

ENGINE_TEST(the_open_of_a_fifo_meets_every_writer_also_one_that_goes_at_once) {
  Harness harness(engine);
  const PathString path = harness.path("fifo");
  REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
  for (int i = 0; i < 600; ++i) {
    Operation& open = harness.make_path(i % 2 ? Opcode::kReadPath : Opcode::kOpen, path);
    const std::string_view text = i % 5 == 0 ? "" : "word";
    harness.submit(open);
    std::thread writer([&path, text, i] {
      if (i % 3 == 0) std::this_thread::sleep_for(std::chrono::microseconds(10 * (i % 20)));
      const int fd = ::open(path.c_str(), O_WRONLY);
      CHECK(fd >= 0);
      CHECK_EQUAL(::write(fd, text.data(), text.size()), text.size());
      ::close(fd);
    });
    const bool met = harness.wait(open);
    // Releases the writer if the test has failed.
    if (!met) ::close(::open(path.c_str(), O_RDWR));
    writer.join();
    REQUIRE(met && open.result.ok());
    OpenFile& file = harness.adopt(std::move(open.detail->opened));
    CHECK_EQUAL(file.device_type(), DeviceType::kPipe);
    CHECK_EQUAL(::fcntl(file.handle(), F_GETFL) & O_NONBLOCK, 0);
    CHECK_EQUAL(harness.read_text(file, 8, -1), text);
    CHECK_EQUAL(harness.read_text(file, 8, -1), "");
    harness.run(harness.make(Opcode::kClose, &file));
  }
}

ENGINE_TEST(the_open_of_a_fifo_meets_a_writer_that_stays_silent) {
  Harness harness(engine);
  const PathString path = harness.path("fifo");
  REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
  Operation& open = harness.make_path(Opcode::kOpen, path);
  harness.submit(open);
  const int writer = ::open(path.c_str(), O_WRONLY);
  CHECK(harness.wait(open));
  CHECK(open.result.ok());
  ::close(writer);
}

ENGINE_TEST(write_path_into_a_fifo_waits_for_its_reader_or_is_cancelled) {
  Harness harness(engine);
  const PathString path = harness.path("fifo");
  REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
  // More than the FIFO holds, so that it waits both before and after the reader has arrived.
  const std::span<std::byte> from = harness.memory(1 << 20);
  fill_pattern(from, 0);
  const auto make = [&]() -> Operation& {
    Operation& op = harness.make_path(Opcode::kWritePath, path, kOpenWrite);
    op.data = from.data();
    op.length = from.size();
    return op;
  };
  Operation& cancelled = make();
  harness.submit(cancelled);
  pause_ms(10);
  CHECK(!harness.collect());
  harness.cancel(cancelled);
  CHECK(harness.wait(cancelled));
  CHECK(is_cancelled(cancelled));

  Operation& write = make();
  harness.submit(write);
  OpenFile& reader = *harness.open(path, kOpenRead);
  const std::span<std::byte> into = harness.memory(from.size());
  size_t count = 0;
  while (count < into.size()) {
    const Result read = harness.read(reader, into.subspan(count), -1);
    REQUIRE(read.ok() && read.value > 0);
    count += static_cast<size_t>(read.value);
  }
  CHECK(harness.wait(write));
  CHECK_EQUAL(write.result.value, from.size());
  CHECK(has_pattern(into, 0));
}

ENGINE_TEST(a_handle_has_the_flags_that_were_asked_for) {
  Harness harness(engine);
  for (const int32_t wanted : {0, O_APPEND, O_NONBLOCK, O_APPEND | O_NONBLOCK}) {
    OpenFile& file = *harness.open(harness.path("a"), kOpenBoth | kOpenCreate | wanted);
    const int flags = ::fcntl(file.handle(), F_GETFL);
    CHECK_EQUAL(flags & (O_ACCMODE | O_APPEND | O_NONBLOCK), O_RDWR | wanted);
    CHECK_EQUAL(::fcntl(file.handle(), F_GETFD), FD_CLOEXEC);
  }
}

}  // namespace

}  // namespace overlapped::testing

#endif
