#include "windows_io.h"
#include "system/devices.h"

namespace overlapped {

namespace {

// A read without a timeout ends once no byte has arrived for this long, and so returns what is
// available. Not every system supports the setting that means exactly that (COMMTIMEOUTS, Remarks:
// MAXDWORD twice).
constexpr DWORD kShortestPauseMs = 1;
constexpr int32_t kStopBitsByCode[] = {10, 15, 20};  // ONESTOPBIT, ONE5STOPBITS, TWOSTOPBITS

// A read waits for its first byte until the total time has passed (0: no limit), and then continues
// until its buffer is full, the interval passes without a byte, or the total time has passed.
void read_times(const COMMTIMEOUTS& times, SerialSettings& settings) {
  const DWORD interval = times.ReadIntervalTimeout;
  const DWORD total = times.ReadTotalTimeoutConstant;
  const bool returns_at_once = interval == MAXDWORD && total == 0;
  const bool has_interval = interval > kShortestPauseMs && interval != MAXDWORD;
  settings[kReadInterval] = has_interval ? static_cast<int32_t>(interval) : kNoTime;
  settings[kReadTimeout] = total > 0 || returns_at_once ? static_cast<int32_t>(total) : kNoTime;
}

COMMTIMEOUTS times_of(const SerialSettings& settings) {
  const int32_t timeout = settings[kReadTimeout];
  const int32_t interval = settings[kReadInterval];
  COMMTIMEOUTS times{};
  times.ReadIntervalTimeout = interval == kNoTime ? kShortestPauseMs : static_cast<DWORD>(interval);
  if (timeout == 0) times.ReadIntervalTimeout = MAXDWORD;
  if (timeout != kNoTime) times.ReadTotalTimeoutConstant = static_cast<DWORD>(timeout);
  return times;
}

int32_t flow_control_of(const DCB& dcb) {
  if (dcb.fOutxCtsFlow) return 1;
  return dcb.fOutX ? 2 : 0;
}

Result read_settings(HANDLE handle, DCB& dcb, SerialSettings& settings) {
  COMMTIMEOUTS times{};
  dcb = DCB{};
  dcb.DCBlength = sizeof dcb;
  if (!GetCommState(handle, &dcb) || !GetCommTimeouts(handle, &times)) {
    return last_error();
  }
  settings[kBaudRate] = static_cast<int32_t>(dcb.BaudRate);
  settings[kDataBits] = dcb.ByteSize;
  settings[kParity] = dcb.Parity;
  settings[kStopBits] = kStopBitsByCode[dcb.StopBits <= TWOSTOPBITS ? dcb.StopBits : 0];
  settings[kFlowControl] = flow_control_of(dcb);
  read_times(times, settings);
  return Result::success(0);
}

BYTE stop_bits_code(int32_t tenths) {
  if (tenths == 15) return ONE5STOPBITS;
  return tenths == 20 ? TWOSTOPBITS : ONESTOPBIT;
}

// Bytes pass unchanged: no end-of-file character, no replaced characters, no stop at an error.
void fill_dcb(const SerialSettings& settings, DCB& dcb) {
  dcb.BaudRate = static_cast<DWORD>(settings[kBaudRate]);
  dcb.ByteSize = static_cast<BYTE>(settings[kDataBits]);
  dcb.Parity = static_cast<BYTE>(settings[kParity]);
  dcb.fParity = dcb.Parity != NOPARITY;
  dcb.StopBits = stop_bits_code(settings[kStopBits]);
  const bool hardware = settings[kFlowControl] == 1;
  const bool software = settings[kFlowControl] == 2;
  dcb.fBinary = TRUE;
  dcb.fOutxCtsFlow = hardware;
  dcb.fRtsControl = hardware ? RTS_CONTROL_HANDSHAKE : RTS_CONTROL_ENABLE;
  dcb.fOutxDsrFlow = FALSE;
  dcb.fDsrSensitivity = FALSE;
  dcb.fDtrControl = DTR_CONTROL_ENABLE;
  dcb.fOutX = dcb.fInX = software;
  dcb.XonChar = 0x11;
  dcb.XoffChar = 0x13;
  dcb.fErrorChar = dcb.fNull = dcb.fAbortOnError = FALSE;
}

}  // namespace

Result serial_settings(Operation& op) {
  const HANDLE handle = op.file->handle();
  DCB dcb{};
  SerialSettings settings{};
  Result result = read_settings(handle, dcb, settings);
  if (!result.ok()) return result;
  // Also if nothing differs, because settings that have no field here are set too.
  if (asks_for_serial_change(op)) {
    const SerialSettings wanted = merge_serial_settings(op, settings);
    fill_dcb(wanted, dcb);
    COMMTIMEOUTS times = times_of(wanted);
    if (!SetCommState(handle, &dcb) || !SetCommTimeouts(handle, &times)) {
      return last_error();
    }
    result = read_settings(handle, dcb, settings);
    if (!result.ok()) return result;
  }
  return give_serial_settings(op, settings);
}

}  // namespace overlapped
