#include "values.h"

namespace overlapped {

napi_value Values::object() const {
  napi_value value = nullptr;
  napi_create_object(env_, &value);
  return value;
}

napi_value Values::number(double number) const {
  napi_value value = nullptr;
  napi_create_double(env_, number, &value);
  return value;
}

napi_value Values::boolean(bool boolean) const {
  napi_value value = nullptr;
  napi_get_boolean(env_, boolean, &value);
  return value;
}

napi_value Values::string(std::string_view text) const {
  napi_value value = nullptr;
  napi_create_string_utf8(env_, text.data(), text.size(), &value);
  return value;
}

napi_value Values::null() const {
  napi_value value = nullptr;
  napi_get_null(env_, &value);
  return value;
}

void Values::set(napi_value object, const char* name, napi_value value) const {
  if (object && value) napi_set_named_property(env_, object, name, value);
}

void Values::set_function(napi_value object, const char* name, napi_callback function) const {
  napi_value value = nullptr;
  napi_create_function(env_, name, NAPI_AUTO_LENGTH, function, nullptr, &value);
  set(object, name, value);
}

napi_value Values::fail(const char* code, std::string_view message) const {
  const napi_value text = string(message);
  const napi_value code_text = string(code);
  napi_value error = nullptr;
  if (text && code_text && napi_create_error(env_, code_text, text, &error) == napi_ok) {
    napi_throw(env_, error);
  }
  return nullptr;
}

}  // namespace overlapped
