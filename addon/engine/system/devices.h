#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "operation.h"

namespace overlapped {

// The operations of `overlapped/devices` other than opening, reading and writing. Fails with ENOSYS
// or ERROR_CALL_NOT_IMPLEMENTED where the system lacks an operation; lib/devices does not request
// those. If an opcode has a path, its OpenRequest holds the values named below.
Result run_on_device(Operation& operation);

// ---- Pipes

// Bits of OpenRequest::flags for kCreatePipeInstance and of Operation::flags for kConfigurePipe.
// The values are part of the boundary with JavaScript (lib/engine/native.ts).
enum PipeFlag : uint32_t {
  kPipeReads = 1U << 0,   // the server reads
  kPipeWrites = 1U << 1,  // the server writes
  kPipeMessages = 1U << 2,
  kPipeFirst = 1U << 3,   // fail if the name is taken
  kPipeRemote = 1U << 4,  // clients on other machines may connect
};

// Windows: creates an instance of a named pipe; `mode` is the maximum number of instances,
// `preallocate` the size of its buffers in bytes. POSIX: creates a FIFO without opening it.
Result create_pipe_instance(Operation& operation);
// Windows: ends the connection of an instance, which can then wait for another client.
Result disconnect_pipe(Operation& operation);
// Windows: kPipeMessages makes a client read message by message. Linux: `length` is the size of the
// pipe's buffer in bytes.
Result configure_pipe(Operation& operation);
// Creates a pipe with two handles: `opened` reads, `opened_peer` writes. `preallocate` is the size
// of its buffer in bytes, 0 for the system's default; `path` is its unique name on Windows.
Result create_pipe_pair(Operation& operation);

// ---- Mailslots (Windows)

// `preallocate` is the largest message in bytes (0: any); `mode` is the time in milliseconds that a
// read waits.
Result create_mailslot(Operation& operation);
Result open_mailslot(Operation& operation);
// `length` is the time in milliseconds that a read waits.
Result set_mailslot(Operation& operation);
// Returns four int32: largest message (0: any), size of the next message (-1: none), number of
// messages, milliseconds that a read waits (-1: no limit).
Result mailslot_status(Operation& operation);

// ---- Serial ports

// The settings that lib/devices/serial-port.ts exchanges, as int32 in this order.
enum SerialField : size_t {
  kBaudRate,
  kDataBits,
  kParity,        // 0 none, 1 odd, 2 even, 3 mark, 4 space
  kStopBits,      // in tenths: 10, 15, 20
  kFlowControl,   // 0 none, 1 RTS/CTS, 2 XON/XOFF
  kReadTimeout,   // milliseconds; kNoTime: a read waits for its first byte
  kReadInterval,  // milliseconds; kNoTime: a read returns what is available
  kSerialFields,
};
using SerialSettings = std::array<int32_t, kSerialFields>;
inline constexpr int32_t kNoTime = -1;
// The value of a field that keeps its current setting.
inline constexpr int32_t kUnchanged = -2;

// Applies the SerialSettings in `data`, and returns the resulting settings of the device.
Result serial_settings(Operation& operation);

bool asks_for_serial_change(const Operation& operation);
// Merges the requested settings into the current ones.
SerialSettings merge_serial_settings(const Operation& operation, SerialSettings current);
// Makes the settings the content of the operation's result.
Result give_serial_settings(Operation& operation, const SerialSettings& settings);

// ---- Drives

// Returns the size of a volume or drive in bytes.
Result device_size(Operation& operation);

}  // namespace overlapped
