// The guarantees of engine.h on POSIX: pipes, signals, devices, errno values.
#ifndef _WIN32

#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstring>
#include <optional>
#include <string>
#include <thread>

#include "harness.h"
#include "test.h"
#include "system/blocking.h"

namespace overlapped::testing {

namespace {

bool is_cancelled(const Operation& op) { return op.result.os_error == kCancelledError; }

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

void pause_ms(int ms) { std::this_thread::sleep_for(std::chrono::milliseconds(ms)); }

// --- errors

ENGINE_TEST(a_directory_is_opened_but_not_read) {
  Harness harness(engine);
  OpenFile& folder = *harness.open(harness.path("."), kOpenRead);
  CHECK_EQUAL(folder.device_type(), DeviceType::kDirectory);
  for (const size_t size : {size_t{16}, size_t{1} << 20}) {
    CHECK_EQUAL(harness.read(folder, harness.memory(size), 0).os_error, EISDIR);
    CHECK_EQUAL(harness.read(folder, harness.memory(size), -1).os_error, EISDIR);
  }
  Operation& vector = harness.make_vector(Opcode::kReadVector, folder, {8, 8}, 0);
  CHECK_EQUAL(harness.run(vector).os_error, EISDIR);
  Operation& write = harness.make_path(Opcode::kOpen, harness.path("."), kOpenWrite);
  CHECK_EQUAL(harness.run(write).os_error, EISDIR);
  Operation& below =
      harness.make_path(Opcode::kWritePath, harness.path("a/b"), kOpenWrite | kOpenCreate);
  CHECK_EQUAL(harness.run(below).os_error, ENOENT);
}

ENGINE_TEST(a_full_device_says_so) {
  if (::access("/dev/full", W_OK) != 0) throw Skip("there is no /dev/full");
  Harness harness(engine);
  OpenFile& full = *harness.open("/dev/full", kOpenWrite);
  CHECK_EQUAL(full.device_type(), DeviceType::kChar);
  CHECK_EQUAL(harness.write_text(full, "x", 0).os_error, ENOSPC);
  CHECK_EQUAL(harness.write_text(full, "x", -1).os_error, ENOSPC);
  CHECK_EQUAL(harness.write(full, harness.memory(1 << 20), 0).os_error, ENOSPC);
  Operation& vector = harness.make_vector(Opcode::kWriteVector, full, {8, 8}, 0);
  CHECK_EQUAL(harness.run(vector).os_error, ENOSPC);
  Operation& whole = harness.make_path(Opcode::kWritePath, "/dev/full", kOpenWrite);
  whole.data = harness.memory(10).data();
  whole.length = 10;
  CHECK_EQUAL(harness.run(whole).os_error, ENOSPC);
}

ENGINE_TEST(a_pipe_takes_no_position_and_a_cancel_of_that_error_does_nothing) {
  Harness harness(engine);
  Pipe pipe(harness);
  pipe.put("abc");
  const std::span<std::byte> memory = harness.memory(3);
  const std::array<Operation*, 4> all = {
      &harness.make_transfer(Opcode::kRead, pipe.reader(), memory, 0),
      &harness.make_transfer(Opcode::kWrite, pipe.writer(), memory, 7),
      &harness.make_vector(Opcode::kReadVector, pipe.reader(), {2, 2}, 0),
      &harness.make_vector(Opcode::kWriteVector, pipe.writer(), {2, 2}, 0)};
  for (Operation* const op : all) {
    harness.submit(*op);
    harness.cancel(*op);
    CHECK(harness.wait(*op));
    CHECK(op->result.os_error == ESPIPE || is_cancelled(*op));
  }
  CHECK_EQUAL(harness.read(pipe.reader(), memory, 0).os_error, ESPIPE);
  CHECK_EQUAL(pipe.take_rest(), "abc");
}

ENGINE_TEST(a_write_to_a_pipe_that_nobody_reads_is_an_error_and_no_signal) {
  Harness harness(engine);
  Pipe pipe(harness);
  CHECK_EQUAL(harness.run(harness.make(Opcode::kClose, &pipe.reader())).os_error, 0U);
  CHECK_EQUAL(harness.write_text(pipe.writer(), "x", -1).os_error, EPIPE);
  Operation& vector = harness.make_vector(Opcode::kWriteVector, pipe.writer(), {8, 8}, -1);
  CHECK_EQUAL(harness.run(vector).os_error, EPIPE);
}

// --- pipes and cancel

ENGINE_TEST(a_pending_read_ends_with_bytes_or_with_the_end_of_the_pipe) {
  Harness harness(engine);
  Pipe pipe(harness);
  const std::span<std::byte> memory = harness.memory(100);
  Operation& first = harness.make_transfer(Opcode::kRead, pipe.reader(), memory, -1);
  harness.submit(first);
  pause_ms(5);
  CHECK(!harness.collect());
  pipe.put("hello");
  CHECK(harness.wait(first));
  CHECK_EQUAL(first.result.value, 5);
  CHECK(std::memcmp(memory.data(), "hello", 5) == 0);
  Operation& last = harness.make_transfer(Opcode::kRead, pipe.reader(), memory, -1);
  harness.submit(last);
  pause_ms(5);
  CHECK_EQUAL(harness.run(harness.make(Opcode::kClose, &pipe.writer())).os_error, 0U);
  CHECK(harness.wait(last));
  CHECK(last.result.ok());
  CHECK_EQUAL(last.result.value, 0);
}

ENGINE_TEST(bytes_go_through_a_pipe_in_order_though_it_is_often_full) {
  Harness harness(engine);
  Pipe pipe(harness);
  constexpr size_t kTotal = 3 << 20;
  const std::span<std::byte> from = harness.memory(kTotal);
  fill_pattern(from, 0);
  const std::span<std::byte> into = harness.memory(100000);
  size_t written = 0;
  size_t read = 0;
  Operation* writing = nullptr;
  while (read < kTotal) {
    Operation& reading = harness.make_transfer(Opcode::kRead, pipe.reader(), into, -1);
    harness.submit(reading);
    if (!writing && written < kTotal) {
      writing = &harness.make_transfer(Opcode::kWrite, pipe.writer(), from.subspan(written), -1);
      harness.submit(*writing);
    }
    REQUIRE(harness.wait(reading));
    REQUIRE(reading.result.value > 0);
    CHECK(has_pattern(into.first(static_cast<size_t>(reading.result.value)), read));
    read += static_cast<size_t>(reading.result.value);
    if (writing && harness.is_back(*writing)) {
      REQUIRE(writing->result.value > 0);
      written += static_cast<size_t>(writing->result.value);
      writing = nullptr;
    }
  }
  CHECK_EQUAL(read, kTotal);
}

ENGINE_TEST(six_thousand_pending_reads_are_each_cancelled_once_and_the_pipe_serves_on) {
  Harness harness(engine);
  Pipe pipe(harness);
  constexpr size_t kReads = 6000;
  const std::span<std::byte> memory = harness.memory(kReads);
  std::vector<Operation*> reads;
  for (size_t i = 0; i < kReads; ++i) {
    reads.push_back(&harness.make_transfer(Opcode::kRead, pipe.reader(), memory.subspan(i, 1), -1));
  }
  harness.submit(reads);
  pause_ms(10);
  CHECK(!harness.collect());
  // The last ones first: they still wait for room in the ring or for a worker.
  Random random(7);
  for (auto next = reads.rbegin(); next != reads.rend(); ++next) {
    Operation* const op = *next;
    harness.cancel(*op);
    if (random.below(8) == 0) harness.cancel(*op);
    if (random.below(8) == 0) harness.collect();
  }
  CHECK(harness.wait_for_all());
  for (const Operation* const op : reads) {
    CHECK(is_cancelled(*op));
    CHECK_EQUAL(harness.times_back(*op), 1U);
  }
  CHECK_EQUAL(harness.write_text(pipe.writer(), "after", -1).value, 5);
  CHECK_EQUAL(harness.read_text(pipe.reader(), 5, -1), "after");
}

ENGINE_TEST(a_cancelled_read_has_taken_no_byte) {
  Harness harness(engine);
  Pipe pipe(harness);
  constexpr size_t kReads = 16;
  constexpr size_t kBytes = 8;
  // Once in some thousand rounds, the ring retries a read just as its cancel arrives.
  const int rounds = harness.is(EngineKind::kUring) ? 5000 : 200;
  for (int round = 0; round < rounds; ++round) {
    const std::span<std::byte> memory = harness.memory(kReads);
    std::vector<Operation*> reads;
    for (size_t i = 0; i < kReads; ++i) {
      reads.push_back(
          &harness.make_transfer(Opcode::kRead, pipe.reader(), memory.subspan(i, 1), -1));
    }
    harness.submit(reads);
    std::thread writer([&pipe] {
      for (size_t i = 0; i < kBytes; ++i) pipe.put("x");
    });
    if (round % 3 == 0) std::this_thread::yield();
    for (Operation* const op : reads) harness.cancel(*op);
    CHECK(harness.wait_for_all());
    writer.join();
    size_t bytes = pipe.take_rest().size();
    for (const Operation* const op : reads) {
      CHECK(op->result.ok() || is_cancelled(*op));
      bytes += static_cast<size_t>(op->result.value);
    }
    CHECK_EQUAL(bytes, kBytes);
  }
}

ENGINE_TEST(a_write_into_a_full_pipe_is_cancelled_or_short_by_what_it_wrote) {
  Harness harness(engine);
  for (const bool full_before : {false, true}) {
    Pipe pipe(harness);
    if (full_before) pipe.put(std::string(65536, 'f'));
    const std::span<std::byte> memory = harness.memory(1 << 20);
    Operation& write = harness.make_transfer(Opcode::kWrite, pipe.writer(), memory, -1);
    harness.submit(write);
    pause_ms(20);
    harness.cancel(write);
    CHECK(harness.wait(write));
    CHECK(write.result.ok() || is_cancelled(write));
    const size_t there = pipe.take_rest().size() - (full_before ? 65536 : 0);
    if (full_before) CHECK(is_cancelled(write));
    CHECK_EQUAL(write.result.value, there);
  }
}

ENGINE_TEST(pending_writes_of_vectors_are_cancelled_too) {
  Harness harness(engine);
  Pipe pipe(harness);
  pipe.put(std::string(65536, 'f'));
  std::vector<Operation*> all;
  for (int i = 0; i < 20; ++i) {
    all.push_back(&harness.make_vector(Opcode::kWriteVector, pipe.writer(), {10, 20, 30}, -1));
  }
  harness.submit(all);
  pause_ms(5);
  for (Operation* const op : all) harness.cancel(*op);
  CHECK(harness.wait_for_all());
  for (const Operation* const op : all) CHECK(is_cancelled(*op));
  CHECK_EQUAL(pipe.take_rest().size(), 65536U);
}

ENGINE_TEST(a_cancel_at_any_moment_of_a_pending_read_is_never_lost) {
  Harness harness(engine);
  Pipe pipe(harness);
  Random random(8);
  constexpr size_t kReads = 48;
  for (int round = 0; round < 100; ++round) {
    std::vector<Operation*> reads;
    for (size_t i = 0; i < kReads; ++i) {
      reads.push_back(&harness.make_transfer(Opcode::kRead, pipe.reader(), harness.memory(1), -1));
    }
    harness.submit(reads);
    // From before a worker has it until it is in its system call: workers take time to start.
    const auto end =
        std::chrono::steady_clock::now() + std::chrono::microseconds(random.below(400));
    while (std::chrono::steady_clock::now() < end) continue;
    for (Operation* const op : reads) harness.cancel(*op);
    REQUIRE(harness.wait_for_all());
    for (const Operation* const op : reads) CHECK(is_cancelled(*op));
  }
}

ENGINE_TEST(drain_after_a_cancel_of_each_pending_read_returns_with_all_of_them) {
  for (int round = 0; round < 20; ++round) {
    Harness harness(engine);
    Pipe pipe(harness);
    std::vector<Operation*> reads;
    for (int i = 0; i < 200; ++i) {
      reads.push_back(&harness.make_transfer(Opcode::kRead, pipe.reader(), harness.memory(1), -1));
    }
    harness.submit(reads);
    if (round % 2) pause_ms(1);
    harness.cancel_all();
    harness.end();
    for (const Operation* const op : reads) CHECK(is_cancelled(*op));
  }
}

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

// A connection whose close waits for its peer, as that of a serial port waits for the line: the
// peer has not received all written data, and SO_LINGER is set (socket(7)).
class LingeringSocket {
 public:
  LingeringSocket() {
    const int listener = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    REQUIRE(::bind(listener, reinterpret_cast<sockaddr*>(&address), size) == 0);
    REQUIRE(::listen(listener, 1) == 0);
    REQUIRE(::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size) == 0);
    socket_ = ::socket(AF_INET, SOCK_STREAM, 0);
    REQUIRE(::connect(socket_, reinterpret_cast<sockaddr*>(&address), size) == 0);
    peer_ = ::accept(listener, nullptr, nullptr);
    REQUIRE(peer_ >= 0);
    ::close(listener);
    const std::vector<char> content(1 << 16);
    while (::send(socket_, content.data(), content.size(), MSG_DONTWAIT) > 0) {
    }
    const linger wait{1, 60};
    REQUIRE(::setsockopt(socket_, SOL_SOCKET, SO_LINGER, &wait, sizeof wait) == 0);
  }
  ~LingeringSocket() { let_go(); }
  LingeringSocket(const LingeringSocket&) = delete;
  LingeringSocket& operator=(const LingeringSocket&) = delete;

  int descriptor() const { return socket_; }
  // Without its peer the close has nothing to wait for.
  void let_go() {
    if (peer_ >= 0) ::close(peer_);
    peer_ = -1;
  }

 private:
  int socket_ = -1;
  int peer_ = -1;
};

ENGINE_TEST(closes_that_wait_hold_up_no_disk_and_none_waits_for_reads) {
  Harness harness(engine);
  // More than there are workers for disks.
  std::vector<LingeringSocket> sockets(40);
  std::vector<Operation*> closes;
  for (const LingeringSocket& socket : sockets) {
    auto file = std::make_unique<OpenFile>(socket.descriptor(), DeviceType::kPipe);
    closes.push_back(&harness.make(Opcode::kClose, &harness.adopt(std::move(file))));
  }
  harness.submit(closes);
  CHECK_EQUAL(harness.run(harness.make_path(Opcode::kStatPath, harness.path("."))).os_error, 0U);
  for (const Operation* const close : closes) CHECK(!harness.is_back(*close));
  for (LingeringSocket& socket : sockets) socket.let_go();
  for (const Operation* const close : closes) CHECK(harness.wait(*close));
}

// Closing one side is what ends the reads of the other.
ENGINE_TEST(a_close_is_served_while_the_maximum_number_of_reads_waits) {
  Harness harness(engine);
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  OpenFile& reader = harness.adopt(std::make_unique<OpenFile>(ends[0], DeviceType::kPipe));
  OpenFile& writer = harness.adopt(std::make_unique<OpenFile>(ends[1], DeviceType::kPipe));
  std::vector<Operation*> reads;
  const std::span<std::byte> memory = harness.memory(200);
  for (size_t i = 0; i < memory.size(); ++i) {
    reads.push_back(&harness.make_transfer(Opcode::kRead, reader, memory.subspan(i, 1), -1));
  }
  harness.submit(reads);
  CHECK_EQUAL(harness.run(harness.make(Opcode::kClose, &writer)).os_error, 0U);
  for (const Operation* const read : reads) {
    CHECK(harness.wait(*read));
    CHECK_EQUAL(read->result.value, 0);
  }
}

ENGINE_TEST(a_socket_is_read_and_cancelled_like_a_pipe) {
  Harness harness(engine);
  int ends[2];
  REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
  OpenFile& near = harness.adopt(std::make_unique<OpenFile>(ends[0], DeviceType::kPipe));
  OpenFile& far = harness.adopt(std::make_unique<OpenFile>(ends[1], DeviceType::kPipe));
  Operation& pending = harness.make_transfer(Opcode::kRead, near, harness.memory(4), -1);
  harness.submit(pending);
  pause_ms(5);
  harness.cancel(pending);
  CHECK(harness.wait(pending));
  CHECK(is_cancelled(pending));
  CHECK_EQUAL(harness.write_text(far, "abcd", -1).value, 4);
  CHECK_EQUAL(harness.read_text(near, 4, -1), "abcd");
}

ENGINE_TEST(pending_pipe_reads_do_not_hold_up_the_files) {
  Harness harness(engine);
  Pipe pipe(harness);
  std::vector<Operation*> reads;
  for (int i = 0; i < 300; ++i) {
    reads.push_back(&harness.make_transfer(Opcode::kRead, pipe.reader(), harness.memory(1), -1));
  }
  harness.submit(reads);
  OpenFile& file = *harness.open(harness.path("a"), kOpenNew);
  for (int i = 0; i < 100; ++i) {
    CHECK_EQUAL(harness.write_text(file, "abc", 3 * i).value, 3);
    CHECK_EQUAL(harness.read_text(file, 3, 3 * i), "abc");
  }
  CHECK_EQUAL(harness.in_flight(), reads.size());
  pipe.put(std::string(reads.size(), 'x'));
  CHECK(harness.wait_for_all());
}

// --- devices and signals

ENGINE_TEST(read_path_returns_anything_but_a_regular_file_open) {
  Harness harness(engine);
  Operation& zero = harness.make_path(Opcode::kReadPath, "/dev/zero");
  CHECK_EQUAL(harness.run(zero).os_error, 0U);
  REQUIRE(zero.detail->opened != nullptr);
  CHECK_EQUAL(zero.detail->opened->device_type(), DeviceType::kChar);
  OpenFile& device = harness.adopt(std::move(zero.detail->opened));
  CHECK_EQUAL(harness.read_text(device, 3, -1), std::string(3, '\0'));
  Operation& folder = harness.make_path(Opcode::kReadPath, harness.path("."));
  CHECK_EQUAL(harness.run(folder).os_error, 0U);
  REQUIRE(folder.detail->opened != nullptr);
  CHECK_EQUAL(folder.detail->opened->device_type(), DeviceType::kDirectory);
}

ENGINE_TEST(a_link_is_told_from_what_it_points_to) {
  Harness harness(engine);
  harness.open(harness.path("a"), kOpenNew);
  REQUIRE(::symlink(harness.path("a").c_str(), harness.path("link").c_str()) == 0);
  Operation& followed = harness.make_path(Opcode::kStatPath, harness.path("link"));
  CHECK_EQUAL(harness.run(followed).os_error, 0U);
  CHECK(S_ISREG(followed.detail->status.mode));
  Operation& itself = harness.make_path(Opcode::kLstatPath, harness.path("link"));
  CHECK_EQUAL(harness.run(itself).os_error, 0U);
  CHECK(S_ISLNK(itself.detail->status.mode));
}

// The signal with which the engines interrupt their workers: the one with a handler.
int interrupt_signal() {
#ifdef SIGRTMAX
  for (int signal = SIGRTMAX; signal > SIGRTMIN; --signal) {
    struct sigaction current {};
    if (::sigaction(signal, nullptr, &current) == 0 && current.sa_handler != SIG_DFL) return signal;
  }
#endif
  return SIGURG;
}

// Sends that signal to the process and to the thread that creates it, as fast as possible.
class Pesterer {
 public:
  Pesterer() : victim_(pthread_self()) {
    const int signal = interrupt_signal();
    thread_ = std::thread([this, signal] {
      while (!stopping_.load(std::memory_order_relaxed)) {
        ::pthread_kill(victim_, signal);
        ::kill(::getpid(), signal);
        ++sent_;
        std::this_thread::sleep_for(std::chrono::microseconds(30));
      }
    });
  }
  ~Pesterer() {
    stopping_ = true;
    thread_.join();
  }
  Pesterer(const Pesterer&) = delete;
  Pesterer& operator=(const Pesterer&) = delete;
  size_t sent() const { return sent_; }

 private:
  pthread_t victim_;
  std::atomic<bool> stopping_{false};
  std::atomic<size_t> sent_{0};
  std::thread thread_;
};

ENGINE_TEST(a_cancel_arrives_where_somebody_has_taken_the_handlers_place) {
  Harness harness(engine);
  const PathString fifo = harness.path("fifo");
  REQUIRE(::mkfifo(fifo.c_str(), 0600) == 0);
  Operation& first = harness.make_path(Opcode::kOpen, fifo);
  harness.submit(first);
  harness.cancel(first);
  CHECK(harness.wait(first));
  struct sigaction before {};
  struct sigaction action {};
  action.sa_handler = [](int) {};
  action.sa_flags = SA_RESTART;  // as libuv does
  ::sigaction(interrupt_signal(), &action, &before);
  Operation& second = harness.make_path(Opcode::kOpen, fifo);
  harness.submit(second);
  pause_ms(20);
  harness.cancel(second);
  CHECK(harness.wait(second));
  CHECK(is_cancelled(second));
}

ENGINE_TEST(reads_that_wait_do_not_hold_up_the_writes_that_end_them) {
  Harness harness(engine);
  Pipe pipe(harness);
  std::vector<Operation*> reads;
  std::vector<Operation*> writes;
  // More than the workers that wait for one direction.
  constexpr int kCount = 200;
  for (int i = 0; i < kCount; ++i) {
    const std::span<std::byte> into = harness.memory(1);
    reads.push_back(&harness.make_transfer(Opcode::kRead, pipe.reader(), into, -1));
    writes.push_back(&harness.make_transfer(Opcode::kWrite, pipe.writer(), harness.memory(1), -1));
  }
  harness.submit(reads);
  harness.submit(writes);
  CHECK(harness.wait_for_all());
  for (const Operation* const op : reads) CHECK_EQUAL(op->result.value, 1);
}

ENGINE_TEST(a_signal_ends_no_operation_that_nobody_cancelled) {
  Harness harness(engine);
  Pipe pipe(harness);
  OpenFile& file = *harness.open(harness.path("a"), kOpenNew);
  const std::span<std::byte> large = harness.memory(1 << 20);
  fill_pattern(large, 0);
  // Starts only once there is a worker, which installs the handler.
  const Pesterer pesterer;
  for (int i = 0; i < 200; ++i) {
    Operation& pending = harness.make_transfer(Opcode::kRead, pipe.reader(), harness.memory(1), -1);
    harness.submit(pending);
    CHECK_EQUAL(harness.write(file, large, 0).value, large.size());
    CHECK_EQUAL(harness.read(file, large, 0).value, large.size());
    Operation& whole = harness.make_path(Opcode::kStatPath, harness.path("a"));
    CHECK_EQUAL(harness.run(whole).os_error, 0U);
    if (i % 50 == 0) CHECK_EQUAL(harness.run(harness.make(Opcode::kSync, &file)).os_error, 0U);
    CHECK(!harness.is_back(pending));
    pipe.put("x");
    CHECK(harness.wait(pending));
    CHECK_EQUAL(pending.result.value, 1);
  }
  CHECK(pesterer.sent() > 100);
  CHECK(has_pattern(large, 0));
}

ENGINE_TEST(drain_waits_through_signals) {
  Harness harness(engine);
  harness.open(harness.path("a"), kOpenNew);
  Pipe pipe(harness);
  Operation& pending = harness.make_transfer(Opcode::kRead, pipe.reader(), harness.memory(1), -1);
  harness.submit(pending);
  const Pesterer pesterer;
  std::thread writer([&pipe] {
    pause_ms(30);
    pipe.put("x");
  });
  harness.drain();
  writer.join();
  CHECK_EQUAL(pending.result.value, 1);
}

size_t open_descriptors() {
  size_t count = 0;
  for (int fd = 0; fd < 4096; ++fd) count += ::fcntl(fd, F_GETFD) >= 0;
  return count;
}

ENGINE_TEST(an_engine_leaves_no_descriptor_behind) {
  const size_t before = open_descriptors();
  for (int i = 0; i < 30; ++i) {
    Harness harness(engine);
    Pipe pipe(harness);
    OpenFile& file = *harness.open(harness.path("a"), kOpenNew);
    harness.write_text(file, "abc", 0);
    harness.submit(harness.make_transfer(Opcode::kRead, pipe.reader(), harness.memory(1), -1));
    harness.submit(harness.make_path(Opcode::kOpen, harness.path("a")));
    harness.submit(harness.make_path(Opcode::kReadPath, harness.path("a")));
    harness.submit(harness.make_path(Opcode::kWritePath, harness.path("b"), kOpenNew));
  }
  CHECK_EQUAL(open_descriptors(), before);
}

// --- options of open

ENGINE_TEST(the_options_of_open_do_what_they_say) {
  Harness harness(engine);
  OpenFile& gone = *harness.open(harness.path("gone"), kOpenNew, kDeleteOnClose);
  CHECK_EQUAL(harness.write_text(gone, "abc", 0).value, 3);
  CHECK_EQUAL(harness.read_text(gone, 3, 0), "abc");
  CHECK(::access(harness.path("gone").c_str(), F_OK) != 0);
  OpenFile& through = *harness.open(harness.path("t"), kOpenNew, kWriteThrough | kAccessSequential);
  CHECK(::fcntl(through.handle(), F_GETFL) & O_DSYNC);
  CHECK(::fcntl(through.handle(), F_GETFD) & FD_CLOEXEC);
  Operation& room = harness.make_path(Opcode::kOpen, harness.path("room"), kOpenNew);
  room.detail->open.preallocate = 1 << 20;
  CHECK_EQUAL(harness.run(room).os_error, 0U);
  OpenFile& reserved = harness.adopt(std::move(room.detail->opened));
  CHECK_EQUAL(harness.status(reserved).size, 0U);
  // A preferred direct open that falls back must not meet the file that it created exclusively.
  OpenFile& preferred =
      *harness.open(harness.path("p"), kOpenNew | kOpenExclusive, kUnbufferedPrefer);
  CHECK_EQUAL(preferred.unbuffered, preferred.alignment.position > 0);
}

ENGINE_TEST(an_open_that_is_refused_leaves_the_files_of_others_alone) {
  Harness harness(engine);
  OpenFile& file = *harness.open(harness.path("a"), kOpenNew);
  harness.write_text(file, "abc", 0);
  // Some of these combinations are invalid, and EINVAL is also the error for rejected direct I/O.
  for (const int32_t flags : {O_CREAT | O_EXCL, O_CREAT | O_EXCL | O_DIRECTORY, O_EXCL,
                              O_CREAT | O_DIRECTORY, O_DIRECTORY}) {
    for (const uint32_t options : {0U, uint32_t{kUnbuffered}, uint32_t{kUnbufferedPrefer}}) {
      Operation& op = harness.make_path(Opcode::kOpen, harness.path("a"), flags | O_RDWR, options);
      harness.run(op);
      CHECK_EQUAL(::access(harness.path("a").c_str(), F_OK), 0);
    }
  }
  CHECK_EQUAL(harness.read_text(file, 3, 0), "abc");
}

ENGINE_TEST(unbuffered_transfers_obey_the_alignment_of_the_handle) {
  Harness harness(engine);
  Operation& open = harness.make_path(Opcode::kOpen, harness.path("direct"), kOpenNew, kUnbuffered);
  if (harness.run(open).os_error == EINVAL) {
    CHECK(::access(harness.path("direct").c_str(), F_OK) != 0);
    throw Skip("no direct I/O where temporary files are");
  }
  REQUIRE(open.detail->opened != nullptr);
  OpenFile& file = harness.adopt(std::move(open.detail->opened));
  CHECK(file.unbuffered);
  const Alignment need = file.alignment;
  REQUIRE(need.position > 0 && need.length > 0 && need.memory > 0);
  const size_t block = std::max<size_t>(4096, need.length);
  constexpr size_t kBlocks = 256;
  const std::span<std::byte> all = harness.memory(block * kBlocks, need.memory);
  fill_pattern(all, 0);
  CHECK_EQUAL(harness.write(file, all, 0).value, all.size());
  std::vector<Operation*> reads;
  for (size_t i = 0; i < kBlocks; ++i) {
    const std::span<std::byte> into = harness.memory(block, need.memory);
    reads.push_back(
        &harness.make_transfer(Opcode::kRead, file, into, static_cast<int64_t>(i * block)));
  }
  harness.submit(reads);
  CHECK(harness.wait_for_all());
  for (const Operation* const op : reads) {
    CHECK_EQUAL(op->result.value, block);
    CHECK(has_pattern({op->data, op->length}, static_cast<uint64_t>(op->file_offset)));
  }

  // A truncated tail is read up to the end of the file; at the end there is nothing.
  Operation& cut = harness.make(Opcode::kTruncate, &file);
  cut.length = block + 100;
  CHECK_EQUAL(harness.run(cut).os_error, 0U);
  const auto second = static_cast<int64_t>(block);
  CHECK_EQUAL(harness.read(file, all.first(2 * block), second).value, 100);
  CHECK_EQUAL(harness.read(file, all.first(block), 2 * second).value, 0);
}

ENGINE_TEST(a_cancel_during_a_direct_read_leaves_right_bytes_or_none) {
  Harness harness(engine);
  Operation& open = harness.make_path(Opcode::kOpen, harness.path("direct"), kOpenNew, kUnbuffered);
  if (harness.run(open).os_error == EINVAL) throw Skip("no direct I/O where temporary files are");
  OpenFile& file = harness.adopt(std::move(open.detail->opened));
  constexpr size_t kSize = 256 * 1024;
  const std::span<std::byte> all = harness.memory(kSize, 4096);
  fill_pattern(all, 0);
  CHECK_EQUAL(harness.write(file, all, 0).value, kSize);
  Random random(9);
  for (int i = 0; i < 300; ++i) {
    const std::span<std::byte> into = all.first(i % 2 ? kSize : 4096);
    Operation& op = harness.make_transfer(Opcode::kRead, file, into, 0);
    harness.submit(op);
    if (random.below(2)) std::this_thread::sleep_for(std::chrono::microseconds(random.below(99)));
    harness.cancel(op);
    REQUIRE(harness.wait(op));
    CHECK(is_cancelled(op) || op.result.value == static_cast<int64_t>(into.size()));
  }
  CHECK(has_pattern(all, 0));
}

}  // namespace

}  // namespace overlapped::testing

#endif
