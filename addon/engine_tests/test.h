#pragma once

#include <atomic>
#include <ostream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>

// A minimal test library. A test is a function whose name states a law:
//
//   TEST(close_twice_succeeds) { CHECK(...); CHECK_EQUAL(actual, expected); REQUIRE(...); }
//   ENGINE_TEST(reads_give_what_was_written) { Harness harness(engine); ... }
//
// The body of an ENGINE_TEST runs once per engine of the system; `engine` is its name. Checks may
// be made on any thread; REQUIRE, which ends the test, only on the thread of the test.

namespace overlapped::testing {

using TestBody = void (*)();
using EngineTestBody = void (*)(const std::string& engine);

bool add_test(const char* name, TestBody body);
bool add_engine_test(const char* name, EngineTestBody body);

// Counts a failure of the current test and prints it.
void report_failure(const char* file, int line, const std::string& what);

// Ends a test as skipped, with a reason.
class Skip : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// Ends a test whose failure has already been reported.
class Abandon {};

template <typename T>
concept Streamable = requires(std::ostream& stream, const T& value) {
  stream << value;
};

template <typename T>
void print(std::ostream& stream, const T& value) {
  if constexpr (std::is_same_v<T, bool>) {
    stream << (value ? "true" : "false");
  } else if constexpr (std::is_enum_v<T>) {
    stream << +static_cast<std::underlying_type_t<T>>(value);
  } else if constexpr (std::is_integral_v<T>) {
    stream << +value;
  } else if constexpr (Streamable<T>) {
    stream << value;
  } else {
    stream << "(a value that has no text)";
  }
}

// std::cmp_equal accepts neither bool nor characters.
template <typename T>
inline constexpr bool kPlainInteger =
    std::is_integral_v<T> && !std::is_same_v<T, bool> && !std::is_same_v<T, char> &&
    !std::is_same_v<T, wchar_t> && !std::is_same_v<T, char8_t> && !std::is_same_v<T, char16_t> &&
    !std::is_same_v<T, char32_t>;

template <typename A, typename E>
bool are_equal(const A& actual, const E& expected) {
  if constexpr (kPlainInteger<A> && kPlainInteger<E>) {
    return std::cmp_equal(actual, expected);
  } else {
    return actual == expected;
  }
}

template <typename A, typename E>
bool check_equal(const A& actual, const E& expected, const char* file, int line, const char* text) {
  if (are_equal(actual, expected)) return true;
  std::ostringstream what;
  what << text << ": is ";
  print(what, actual);
  what << ", should be ";
  print(what, expected);
  report_failure(file, line, what.str());
  return false;
}

inline bool check(bool holds, const char* file, int line, const char* text) {
  if (!holds) report_failure(file, line, std::string("does not hold: ") + text);
  return holds;
}

inline void require(bool holds, const char* file, int line, const char* text) {
  if (!check(holds, file, line, text)) throw Abandon();
}

}  // namespace overlapped::testing

#define TEST(name)                                          \
  static void test_##name();                                \
  [[maybe_unused]] static const bool registered_##name =    \
      ::overlapped::testing::add_test(#name, &test_##name); \
  static void test_##name()

#define ENGINE_TEST(name)                                          \
  static void test_##name(const std::string& engine);              \
  [[maybe_unused]] static const bool registered_##name =           \
      ::overlapped::testing::add_engine_test(#name, &test_##name); \
  static void test_##name([[maybe_unused]] const std::string& engine)

#define CHECK(...) \
  ::overlapped::testing::check(static_cast<bool>(__VA_ARGS__), __FILE__, __LINE__, #__VA_ARGS__)

#define CHECK_EQUAL(actual, expected)                                          \
  ::overlapped::testing::check_equal((actual), (expected), __FILE__, __LINE__, \
                                     #actual " == " #expected)

#define REQUIRE(...) \
  ::overlapped::testing::require(static_cast<bool>(__VA_ARGS__), __FILE__, __LINE__, #__VA_ARGS__)
