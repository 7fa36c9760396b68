// Sockets, and closes that wait for a peer.
#ifndef _WIN32

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "posix_pipe.h"
#include "test.h"

namespace overlapped::testing {

namespace {

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

}  // namespace

}  // namespace overlapped::testing

#endif
