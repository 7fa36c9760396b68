#pragma once

#include <string>
#include <string_view>

// Text of Windows in bytes. Names of Windows are any sequence of 16-bit units; half of a surrogate
// pair takes three bytes, and everything else is UTF-8, so that every name survives.
// https://simonsapin.github.io/wtf-8/
namespace overlapped {

std::string to_wtf8(std::wstring_view text);

// @param text as to_wtf8() returns it
std::wstring from_wtf8(std::string_view text);

}  // namespace overlapped
