// Linux accepts arbitrary baud rates through a structure of its own (BOTHER), whose header
// conflicts with termios.h.
#ifdef __linux__
#include <asm/ioctls.h>
#include <asm/termbits.h>
#include <sys/ioctl.h>
#else
#include <termios.h>
#endif

#include <algorithm>
#include <cerrno>

#include "system/devices.h"

namespace overlapped {

namespace {

constexpr int32_t kTenthMs = 100;   // the unit of VTIME (termios(3))
constexpr int32_t kBytesMax = 255;  // VMIN and VTIME are bytes

#ifdef __linux__
using Terminal = termios2;

bool get(int fd, Terminal& terminal) { return ::ioctl(fd, TCGETS2, &terminal) == 0; }
// Applies settings after all written data has been sent.
bool set(int fd, const Terminal& terminal) { return ::ioctl(fd, TCSETSW2, &terminal) == 0; }

int32_t speed_of(const Terminal& terminal) { return static_cast<int32_t>(terminal.c_ospeed); }
void set_speed(Terminal& terminal, int32_t baud_rate) {
  terminal.c_cflag &= ~static_cast<tcflag_t>(CBAUD | (CBAUD << IBSHIFT));
  terminal.c_cflag |= BOTHER | (BOTHER << IBSHIFT);
  terminal.c_ispeed = terminal.c_ospeed = static_cast<speed_t>(baud_rate);
}
#else
using Terminal = termios;

bool get(int fd, Terminal& terminal) { return ::tcgetattr(fd, &terminal) == 0; }
bool set(int fd, const Terminal& terminal) { return ::tcsetattr(fd, TCSADRAIN, &terminal) == 0; }

int32_t speed_of(const Terminal& terminal) {
  return static_cast<int32_t>(::cfgetospeed(&terminal));
}
void set_speed(Terminal& terminal, int32_t baud_rate) {
  ::cfsetispeed(&terminal, static_cast<speed_t>(baud_rate));
  ::cfsetospeed(&terminal, static_cast<speed_t>(baud_rate));
}
#endif

// Only Linux has mark and space parity.
#ifdef CMSPAR
constexpr tcflag_t kStickParity = CMSPAR;
#else
constexpr tcflag_t kStickParity = 0;
#endif

int32_t data_bits_of(tcflag_t flags) {
  switch (flags & CSIZE) {
    case CS5:
      return 5;
    case CS6:
      return 6;
    case CS7:
      return 7;
    default:
      return 8;
  }
}

tcflag_t data_bits_flag(int32_t bits) {
  constexpr tcflag_t kFlags[] = {CS5, CS6, CS7, CS8};
  return kFlags[std::clamp(bits, 5, 8) - 5];
}

int32_t parity_of(tcflag_t flags) {
  if (!(flags & PARENB)) return 0;
  const bool odd = (flags & PARODD) != 0;
  if (flags & kStickParity) return odd ? 3 : 4;
  return odd ? 1 : 2;
}

tcflag_t parity_flag(int32_t parity) {
  switch (parity) {
    case 1:
      return PARENB | PARODD;
    case 2:
      return PARENB;
    case 3:
      return PARENB | PARODD | kStickParity;
    case 4:
      return PARENB | kStickParity;
    default:
      return 0;
  }
}

int32_t flow_control_of(const Terminal& terminal) {
  if (terminal.c_cflag & CRTSCTS) return 1;
  return terminal.c_iflag & IXON ? 2 : 0;
}

// VMIN 0: a read ends after VTIME. VMIN 1 without VTIME: it waits for its first byte. A larger
// VMIN: it continues until nothing has arrived for VTIME (termios(3), noncanonical mode).
void read_times(const Terminal& terminal, SerialSettings& settings) {
  const int32_t count = terminal.c_cc[VMIN];
  const int32_t time = terminal.c_cc[VTIME] * kTenthMs;
  settings[kReadTimeout] = count == 0 ? time : kNoTime;
  settings[kReadInterval] = count > 0 && time > 0 ? time : kNoTime;
}

void set_times(const SerialSettings& settings, Terminal& terminal) {
  const int32_t timeout = settings[kReadTimeout];
  const int32_t interval = settings[kReadInterval];
  const int32_t time = interval != kNoTime ? interval : std::max(timeout, 0);
  const int32_t tenths = std::min((time + kTenthMs - 1) / kTenthMs, kBytesMax);
  terminal.c_cc[VTIME] = static_cast<cc_t>(tenths);
  int32_t count = timeout == kNoTime ? 1 : 0;
  if (interval != kNoTime) count = kBytesMax;
  terminal.c_cc[VMIN] = static_cast<cc_t>(count);
}

SerialSettings settings_of(const Terminal& terminal) {
  SerialSettings settings{};
  settings[kBaudRate] = speed_of(terminal);
  settings[kDataBits] = data_bits_of(terminal.c_cflag);
  settings[kParity] = parity_of(terminal.c_cflag);
  settings[kStopBits] = terminal.c_cflag & CSTOPB ? 20 : 10;
  settings[kFlowControl] = flow_control_of(terminal);
  read_times(terminal, settings);
  return settings;
}

// Bytes pass unchanged (termios(3), raw mode), and the modem lines are ignored.
void make_raw(Terminal& terminal) {
  terminal.c_iflag &= ~static_cast<tcflag_t>(IGNBRK | BRKINT | PARMRK | ISTRIP | INLCR | IGNCR |
                                             ICRNL | IXON | IXOFF);
  terminal.c_oflag &= ~static_cast<tcflag_t>(OPOST);
  terminal.c_lflag &= ~static_cast<tcflag_t>(ECHO | ECHONL | ICANON | ISIG | IEXTEN);
  terminal.c_cflag |= CREAD | CLOCAL;
}

void fill_terminal(const SerialSettings& settings, Terminal& terminal) {
  make_raw(terminal);
  // An unchanged rate is not set, because some devices accept none.
  if (settings[kBaudRate] != speed_of(terminal)) set_speed(terminal, settings[kBaudRate]);
  constexpr tcflag_t kOurs = CSIZE | PARENB | PARODD | CSTOPB | CRTSCTS | kStickParity;
  terminal.c_cflag &= ~kOurs;
  terminal.c_cflag |= data_bits_flag(settings[kDataBits]) | parity_flag(settings[kParity]);
  if (settings[kStopBits] == 20) terminal.c_cflag |= CSTOPB;
  if (settings[kFlowControl] == 1) terminal.c_cflag |= CRTSCTS;
  if (settings[kFlowControl] == 2) terminal.c_iflag |= IXON | IXOFF;
  if (settings[kParity] != 0) terminal.c_iflag |= INPCK;
  set_times(settings, terminal);
}

}  // namespace

Result serial_settings(Operation& op) {
  const int fd = op.file->handle();
  Terminal terminal{};
  if (!get(fd, terminal)) return Result::failure(static_cast<uint32_t>(errno));
  if (asks_for_serial_change(op)) {
    fill_terminal(merge_serial_settings(op, settings_of(terminal)), terminal);
    // Waits until all written data has been sent, which flow control may delay indefinitely.
    while (!set(fd, terminal)) {
      if (errno != EINTR) return Result::failure(static_cast<uint32_t>(errno));
      if (op.cancel_requested.load(std::memory_order_acquire)) return Result::cancelled();
    }
    // Reading the settings back shows which ones the driver did not apply (tcsetattr(3)).
    if (!get(fd, terminal)) return Result::failure(static_cast<uint32_t>(errno));
  }
  const SerialSettings settings = settings_of(terminal);
  op.file->times_out.store(settings[kReadTimeout] != kNoTime || settings[kReadInterval] != kNoTime);
  return give_serial_settings(op, settings);
}

}  // namespace overlapped
