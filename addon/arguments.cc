#include "arguments.h"

namespace overlapped {

namespace {

// Returns 0 for a type that this code does not know: later versions of Node-API have more.
size_t element_size(napi_typedarray_type type) {
  switch (type) {
    case napi_int8_array:
    case napi_uint8_array:
    case napi_uint8_clamped_array:
      return 1;
    case napi_int16_array:
    case napi_uint16_array:
      return 2;
    case napi_int32_array:
    case napi_uint32_array:
    case napi_float32_array:
      return 4;
    case napi_float64_array:
    case napi_bigint64_array:
    case napi_biguint64_array:
      return 8;
    default:
      return 0;
  }
}

struct Memory {
  std::byte* data = nullptr;
  size_t size = 0;
};

bool read_typed_array(napi_env env, napi_value value, Memory& memory) {
  // Node-API leaves the type unset if it does not know that of the array; bytes are the smallest.
  napi_typedarray_type type = napi_uint8_array;
  size_t length = 0;
  void* data = nullptr;
  if (napi_get_typedarray_info(env, value, &type, &length, &data, nullptr, nullptr) != napi_ok) {
    return false;
  }
  const size_t bytes_per_element = element_size(type);
  memory = {static_cast<std::byte*>(data), length * bytes_per_element};
  return bytes_per_element > 0;
}

}  // namespace

bool read_memory(napi_env env, napi_value value, double offset, double length, std::byte*& data) {
  Memory memory;
  if (!read_typed_array(env, value, memory)) return false;
  const auto size = static_cast<double>(memory.size);
  // Written so that NaN fails.
  if (!(offset >= 0 && length >= 0 && offset <= size && length <= size - offset)) return false;
  data = memory.data + static_cast<size_t>(offset);
  return true;
}

bool read_vectors(napi_env env, napi_value value, double length, std::vector<IoVector>& vectors) {
  uint32_t count = 0;
  size_t total = 0;
  if (napi_get_array_length(env, value, &count) != napi_ok) return false;
  vectors.reserve(count);
  for (uint32_t i = 0; i < count; ++i) {
    napi_value element;
    Memory memory;
    if (napi_get_element(env, value, i, &element) != napi_ok) return false;
    if (!read_typed_array(env, element, memory)) return false;
    vectors.push_back({memory.data, memory.size});
    total += memory.size;
  }
  return static_cast<double>(total) == length;
}

bool read_path(napi_env env, napi_value value, PathString& path) {
  size_t length = 0;
#ifdef _WIN32
  if (napi_get_value_string_utf16(env, value, nullptr, 0, &length) != napi_ok) return false;
  std::u16string text(length, u'\0');
  napi_get_value_string_utf16(env, value, text.data(), length + 1, &length);
  path.assign(text.begin(), text.end());
  return true;
#else
  // Measuring a path takes a call of its own, so most are read without. The function does not split
  // a character, so only a text that leaves room for another one (4 bytes) is known to be whole.
  constexpr size_t kUsualMax = 256;
  path.resize(kUsualMax);
  if (napi_get_value_string_utf8(env, value, path.data(), kUsualMax, &length) == napi_ok) {
    const bool is_whole = length + 4 < kUsualMax;
    if (is_whole) {
      path.resize(length);
      return true;
    }
    napi_get_value_string_utf8(env, value, nullptr, 0, &length);
    path.resize(length);
    return napi_get_value_string_utf8(env, value, path.data(), length + 1, &length) == napi_ok;
  }
  Memory memory;
  if (!read_typed_array(env, value, memory)) return false;
  path.assign(reinterpret_cast<const char*>(memory.data), memory.size);
  return true;
#endif
}

napi_value path_value(napi_env env, const PathString& path) {
  napi_value value = nullptr;
#ifdef _WIN32
  static_assert(sizeof(wchar_t) == sizeof(char16_t));
  napi_create_string_utf16(env, reinterpret_cast<const char16_t*>(path.data()), path.size(),
                           &value);
#else
  napi_create_string_utf8(env, path.data(), path.size(), &value);
#endif
  return value;
}

uintptr_t address_of(napi_env env, napi_value value) {
  Memory memory;
  if (read_typed_array(env, value, memory)) return reinterpret_cast<uintptr_t>(memory.data);
  void* data = nullptr;
  size_t length = 0;
  if (napi_get_arraybuffer_info(env, value, &data, &length) != napi_ok) return 0;
  return reinterpret_cast<uintptr_t>(data);
}

}  // namespace overlapped
