#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

#include "operation.h"
#include "system/windows/windows_io.h"

namespace overlapped {

// The meaning of a packet at the port.
enum class PacketKind : uintptr_t {
  kTransfer = 1,  // an overlapped call of a transfer has ended
  kIssue,         // transfers wait to be issued
  kStop,
};

struct Packet {
  PacketKind kind;
  Operation* operation;  // of kTransfer; null otherwise
};

// An I/O completion port: it brings the packets of completed I/O, and those that post() adds.
// https://learn.microsoft.com/windows/win32/fileio/i-o-completion-ports
class CompletionPort {
 public:
  static constexpr size_t kPacketsMax = 64;  // that take() brings at once
  // The completion key of I/O.
  static constexpr auto kTransferKey = static_cast<uintptr_t>(PacketKind::kTransfer);
  using Packets = std::array<Packet, kPacketsMax>;

  // A port that lets `concurrency` threads run at once. If the system refuses, the port is not
  // valid() and GetLastError() has the reason.
  static CompletionPort create(size_t concurrency);

  explicit CompletionPort(UniqueHandle port) : port_(std::move(port)) {}
  bool valid() const { return port_.valid(); }

  // Lets the completions of a handle come to this port. A handle belongs to one port for as long as
  // it lives, so this succeeds once.
  Result attach(HANDLE handle);

  // Lets calls on an attached handle that end at once, without an error, post no packet, and saves
  // all its calls from signaling the handle (SetFileCompletionNotificationModes). Returns false if
  // every call still posts its packet.
  static bool skip_packets(HANDLE handle);

  // Adds a packet. Gives ERROR_SUCCESS, or the error of a system that has no resources for it.
  uint32_t post(PacketKind kind);

  // Waits for packets and puts them into `packets`. Gives none if `wait_ms` passes first.
  std::span<const Packet> take(Packets& packets, DWORD wait_ms);

 private:
  UniqueHandle port_;
};

}  // namespace overlapped
