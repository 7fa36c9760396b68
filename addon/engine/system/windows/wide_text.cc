#include "wide_text.h"

#include <cstddef>
#include <cstdint>

namespace overlapped {

namespace {

constexpr uint32_t kHighFirst = 0xD800;
constexpr uint32_t kLowFirst = 0xDC00;
constexpr uint32_t kHalfMask = 0xFC00;
constexpr uint32_t kSupplementaryFirst = 0x10000;
constexpr uint32_t kTailMask = 0x3F;

bool is_high(uint32_t unit) { return (unit & kHalfMask) == kHighFirst; }
bool is_low(uint32_t unit) { return (unit & kHalfMask) == kLowFirst; }

void append_byte(std::string& text, uint32_t byte) { text.push_back(static_cast<char>(byte)); }

void append_tail(std::string& text, uint32_t code, unsigned shift) {
  append_byte(text, 0x80 | ((code >> shift) & kTailMask));
}

void append_code(std::string& text, uint32_t code) {
  if (code < 0x80) {
    append_byte(text, code);
    return;
  }
  if (code < 0x800) {
    append_byte(text, 0xC0 | (code >> 6));
  } else {
    if (code < kSupplementaryFirst) {
      append_byte(text, 0xE0 | (code >> 12));
    } else {
      append_byte(text, 0xF0 | (code >> 18));
      append_tail(text, code, 12);
    }
    append_tail(text, code, 6);
  }
  append_tail(text, code, 0);
}

// The number of bytes behind a first one.
size_t tail_length(uint32_t first) {
  if (first < 0xC0) return 0;
  if (first < 0xE0) return 1;
  return first < 0xF0 ? 2 : 3;
}

void append_units(std::wstring& text, uint32_t code) {
  if (code < kSupplementaryFirst) {
    text.push_back(static_cast<wchar_t>(code));
    return;
  }
  const uint32_t rest = code - kSupplementaryFirst;
  text.push_back(static_cast<wchar_t>(kHighFirst | (rest >> 10)));
  text.push_back(static_cast<wchar_t>(kLowFirst | (rest & ~kHalfMask)));
}

}  // namespace

std::string to_wtf8(std::wstring_view text) {
  std::string result;
  result.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    uint32_t code = text[i];
    if (is_high(code) && i + 1 < text.size() && is_low(text[i + 1])) {
      code = kSupplementaryFirst + ((code & ~kHalfMask) << 10) + (text[++i] & ~kHalfMask);
    }
    append_code(result, code);
  }
  return result;
}

std::wstring from_wtf8(std::string_view text) {
  std::wstring result;
  result.reserve(text.size());
  for (size_t i = 0; i < text.size();) {
    const uint32_t first = static_cast<unsigned char>(text[i++]);
    const size_t tail = tail_length(first);
    // A first byte marks the length of its sequence by one bit more than its tail has bytes.
    uint32_t code = tail == 0 ? first : first & (kTailMask >> tail);
    for (size_t end = i + tail; i < end && i < text.size(); ++i) {
      code = (code << 6) | (static_cast<unsigned char>(text[i]) & kTailMask);
    }
    append_units(result, code);
  }
  return result;
}

}  // namespace overlapped
