#pragma once

#include <node_api.h>

#include <string_view>

namespace overlapped {

// Makes JavaScript values. Node-API refuses calls while a worker is being terminated; then these
// return a null value, which the others ignore. Nothing here throws a C++ exception, since none may
// leave a function that Node calls.
class Values {
 public:
  explicit Values(napi_env env) : env_(env) {}

  napi_value object() const;
  napi_value number(double value) const;
  napi_value boolean(bool value) const;
  napi_value string(std::string_view text) const;
  napi_value null() const;
  void set(napi_value object, const char* name, napi_value value) const;
  void set(napi_value object, const char* name, double value) const {
    set(object, name, number(value));
  }
  void set_function(napi_value object, const char* name, napi_callback function) const;

  // Throws a JavaScript error. Returns null, for its caller to return.
  napi_value fail(const char* code, std::string_view message) const;

 private:
  napi_env env_;
};

// Keeps JavaScript values that are made in its scope from outliving it.
class HandleScope {
 public:
  explicit HandleScope(napi_env env) : env_(env) { napi_open_handle_scope(env, &scope_); }
  ~HandleScope() {
    if (scope_) napi_close_handle_scope(env_, scope_);
  }
  HandleScope(const HandleScope&) = delete;
  HandleScope& operator=(const HandleScope&) = delete;

 private:
  napi_env env_;
  napi_handle_scope scope_ = nullptr;
};

// Keeps a JavaScript object alive.
class Reference {
 public:
  Reference() = default;
  ~Reference() { reset(); }
  Reference(const Reference&) = delete;
  Reference& operator=(const Reference&) = delete;

  bool set(napi_env env, napi_value value) {
    reset();
    env_ = env;
    return napi_create_reference(env, value, 1, &reference_) == napi_ok;
  }
  void reset() {
    if (reference_) napi_delete_reference(env_, reference_);
    reference_ = nullptr;
  }
  napi_value value() const {
    napi_value value = nullptr;
    if (reference_) napi_get_reference_value(env_, reference_, &value);
    return value;
  }

 private:
  napi_env env_ = nullptr;
  napi_ref reference_ = nullptr;
};

}  // namespace overlapped
