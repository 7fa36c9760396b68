#include "../windows_io.h"
#include "devices.h"

namespace overlapped {

namespace {

constexpr DWORD kForever = MAXDWORD - 1;
constexpr int32_t kStopBitsByCode[] = {10, 15, 20};  // ONESTOPBIT, ONE5STOPBITS, TWOSTOPBITS

// How reads end is told by three numbers (COMMTIMEOUTS, Remarks). With the first two at MAXDWORD a
// read gives what is there, or waits for its first byte for as long as the third says.
void read_times(const COMMTIMEOUTS& times, SerialSettings& settings) {
  const DWORD interval = times.ReadIntervalTimeout;
  const DWORD constant = times.ReadTotalTimeoutConstant;
  settings[kReadInterval] =
      interval == 0 || interval == MAXDWORD ? kNoTime : static_cast<int32_t>(interval);
  const bool ends = interval == MAXDWORD ? constant < kForever : constant > 0;
  settings[kReadTimeout] = ends ? static_cast<int32_t>(constant) : kNoTime;
}

COMMTIMEOUTS times_of(const SerialSettings& settings) {
  const int32_t timeout = settings[kReadTimeout];
  const int32_t interval = settings[kReadInterval];
  COMMTIMEOUTS times{};
  if (interval != kNoTime) {
    times.ReadIntervalTimeout = static_cast<DWORD>(interval);
    times.ReadTotalTimeoutConstant = timeout == kNoTime ? 0 : static_cast<DWORD>(timeout);
    return times;
  }
  times.ReadIntervalTimeout = MAXDWORD;
  // All zero: a read gives what is there, and never waits.
  if (timeout == 0) return times;
  times.ReadTotalTimeoutMultiplier = MAXDWORD;
  times.ReadTotalTimeoutConstant = timeout == kNoTime ? kForever : static_cast<DWORD>(timeout);
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
    return Result::failure(GetLastError());
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

// Bytes go through as they are: no end of file, no replaced characters, no stop at an error.
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
  const SerialSettings wanted = merge_serial_settings(op, settings);
  if (wanted != settings) {
    fill_dcb(wanted, dcb);
    COMMTIMEOUTS times = times_of(wanted);
    if (!SetCommState(handle, &dcb) || !SetCommTimeouts(handle, &times)) {
      return Result::failure(GetLastError());
    }
    result = read_settings(handle, dcb, settings);
    if (!result.ok()) return result;
  }
  return give_serial_settings(op, settings);
}

}  // namespace overlapped
