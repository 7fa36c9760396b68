#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "operation.h"

namespace overlapped {

// The operations of `overlapped/devices` beyond opening, reading and writing. ENOSYS or
// ERROR_CALL_NOT_IMPLEMENTED for what the system does not have; lib/devices does not ask for it.
// Where an opcode has a path, its OpenRequest holds what is named here.
Result run_on_device(Operation& operation);

// ---- Pipes

// Bits of OpenRequest::flags of kCreatePipeInstance, and of Operation::flags of kConfigurePipe. The
// numbers are part of the boundary with JavaScript (lib/engine/native.ts).
enum PipeFlag : uint32_t {
  kPipeReads = 1U << 0,   // the server reads
  kPipeWrites = 1U << 1,  // the server writes
  kPipeMessages = 1U << 2,
  kPipeFirst = 1U << 3,   // fail where the name is taken
  kPipeRemote = 1U << 4,  // clients of other machines may connect
};

// Windows: an instance of a named pipe; `mode` is how many there may be, `preallocate` the size of
// its buffers in bytes. POSIX: makes a FIFO, and opens nothing.
Result create_pipe_instance(Operation& operation);
// Windows: ends the connection of an instance, which can wait for another client then.
Result disconnect_pipe(Operation& operation);
// Windows: with kPipeMessages a client reads message by message. Linux: `length` is the size of the
// pipe's buffer in bytes.
Result configure_pipe(Operation& operation);
// A pipe of two handles: `opened` reads, `opened_peer` writes. `preallocate` is the size of its
// buffer in bytes, 0 for the system's own; Windows names it `path`, which must be unique.
Result create_pipe_pair(Operation& operation);

// ---- Mailslots (Windows)

// `preallocate` is the largest message in bytes (0: any); `mode` how many milliseconds a read
// waits.
Result create_mailslot(Operation& operation);
Result open_mailslot(Operation& operation);
// `length` is how many milliseconds a read waits.
Result set_mailslot(Operation& operation);
// Gives four int32: largest message (0: any), size of the next message (-1: there is none), number
// of messages, milliseconds that a read waits (-1: without end).
Result mailslot_status(Operation& operation);

// ---- Serial ports

// What lib/devices/serial-port.ts sends and gets, as int32 in this order.
enum SerialField : size_t {
  kBaudRate,
  kDataBits,
  kParity,        // 0 none, 1 odd, 2 even, 3 mark, 4 space
  kStopBits,      // in tenths: 10, 15, 20
  kFlowControl,   // 0 none, 1 RTS/CTS, 2 XON/XOFF
  kReadTimeout,   // milliseconds; kNoTime: a read waits for its first byte
  kReadInterval,  // milliseconds; kNoTime: a read gives what is there
  kSerialFields,
};
using SerialSettings = std::array<int32_t, kSerialFields>;
inline constexpr int32_t kNoTime = -1;
// Of a field that is to stay as it is.
inline constexpr int32_t kUnchanged = -2;

// Changes what `data`, a SerialSettings, has, and gives the settings that the device has then.
Result serial_settings(Operation& operation);

bool asks_for_serial_change(const Operation& operation);
// The settings asked for, over those that there are.
SerialSettings merge_serial_settings(const Operation& operation, SerialSettings current);
// Makes them the content of the operation's result.
Result give_serial_settings(Operation& operation, const SerialSettings& settings);

// ---- Drives

// Gives the size of a volume or drive in bytes.
Result device_size(Operation& operation);

}  // namespace overlapped
