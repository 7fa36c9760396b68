#include "devices.h"

#include <cstring>
#include <memory>

namespace overlapped {

#ifdef _WIN32
constexpr uint32_t kNoSuchOperation = ERROR_CALL_NOT_IMPLEMENTED;
#else
constexpr uint32_t kNoSuchOperation = ENOSYS;
#endif

Result run_on_device(Operation& op) {
  switch (op.opcode) {
    case Opcode::kCreatePipeInstance:
      return create_pipe_instance(op);
    case Opcode::kDisconnectPipe:
      return disconnect_pipe(op);
    case Opcode::kConfigurePipe:
      return configure_pipe(op);
    case Opcode::kCreatePipePair:
      return create_pipe_pair(op);
    case Opcode::kCreateMailslot:
      return create_mailslot(op);
    case Opcode::kOpenMailslot:
      return open_mailslot(op);
    case Opcode::kSetMailslot:
      return set_mailslot(op);
    case Opcode::kMailslotStatus:
      return mailslot_status(op);
    case Opcode::kSerialSettings:
      return serial_settings(op);
    case Opcode::kDeviceSize:
      return device_size(op);
    default:
      return Result::failure(kNoSuchOperation);
  }
}

SerialSettings merge_serial_settings(const Operation& op, SerialSettings current) {
  SerialSettings asked;
  std::memcpy(asked.data(), op.data, sizeof asked);
  for (size_t field = 0; field < kSerialFields; ++field) {
    if (asked[field] != kUnchanged) current[field] = asked[field];
  }
  return current;
}

Result give_serial_settings(Operation& op, const SerialSettings& settings) {
  op.details().content = std::make_unique<std::byte[]>(sizeof settings);
  std::memcpy(op.detail->content.get(), settings.data(), sizeof settings);
  return Result::success(sizeof settings);
}

}  // namespace overlapped
