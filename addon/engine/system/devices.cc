#include "devices.h"

#include <algorithm>
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

namespace {

SerialSettings asked_settings(const Operation& op) {
  SerialSettings asked;
  std::memcpy(asked.data(), op.data, sizeof asked);
  return asked;
}

}  // namespace

bool asks_for_serial_change(const Operation& op) {
  const SerialSettings asked = asked_settings(op);
  return std::any_of(asked.begin(), asked.end(), [](int32_t value) { return value != kUnchanged; });
}

SerialSettings merge_serial_settings(const Operation& op, SerialSettings current) {
  const SerialSettings asked = asked_settings(op);
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
