#include <napi.h>

#include <exception>
#include <string>

#include "arguments.h"
#include "boundary.h"
#include "environment.h"
#include "libuv.h"

#ifdef _WIN32
#include "engine/system/windows/windows_io.h"
#endif

// The functions that JavaScript sees; lib/engine/native.ts describes them.
namespace overlapped {

namespace {

Napi::Value start(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (env.GetInstanceData<Environment>()) {
    throw Napi::Error::New(env, "The engine of this environment runs already");
  }
  Environment* const environment = Environment::start(
      env, info[0].As<Napi::String>(), info[1].As<Napi::Function>(), info[2].As<Napi::Array>());
  // The environment's own clean-up hook frees it, after its operations have ended.
  napi_set_instance_data(env, environment, nullptr, nullptr);
  return environment->describe(env);
}

// Called once per batch, so it goes without the comfort of node-addon-api.
napi_value submit(napi_env env, napi_callback_info info) {
  size_t argument_count = 2;
  napi_value arguments[2];
  void* environment = nullptr;
  uint32_t count = 0;
  napi_get_cb_info(env, info, &argument_count, arguments, nullptr, nullptr);
  napi_get_instance_data(env, &environment);
  napi_get_value_uint32(env, arguments[0], &count);
  try {
    const uint32_t completions =
        static_cast<Environment*>(environment)->submit(count, arguments[1]);
    napi_value result;
    napi_create_uint32(env, completions, &result);
    return result;
  } catch (const std::exception& exception) {
    napi_throw_error(env, "ERR_MEMORY_ALLOCATION_FAILED", exception.what());
    return nullptr;
  }
}

Napi::Value stats(const Napi::CallbackInfo& info) {
  return info.Env().GetInstanceData<Environment>()->statistics(info.Env());
}

Napi::Value address(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), static_cast<double>(address_of(info.Env(), info[0])));
}

Napi::Value duplicate_descriptor(const Napi::CallbackInfo& info) {
  auto* const environment = info.Env().GetInstanceData<Environment>();
  const int32_t file = info[0].As<Napi::Number>().Int32Value();
  return Napi::Number::New(info.Env(), environment->duplicate_descriptor(file));
}

Napi::Value give_away_descriptor(const Napi::CallbackInfo& info) {
  auto* const environment = info.Env().GetInstanceData<Environment>();
  environment->give_away_descriptor(info[0].As<Napi::Number>().Int32Value());
  return info.Env().Undefined();
}

Napi::Value forget_file(const Napi::CallbackInfo& info) {
  auto* const environment = info.Env().GetInstanceData<Environment>();
  environment->forget_file(info[0].As<Napi::Number>().Int32Value());
  return info.Env().Undefined();
}

Napi::Value describe(const Napi::CallbackInfo& info) { return describe_boundary(info.Env()); }

Napi::Value move_cursor(const Napi::CallbackInfo& info) {
  auto* const environment = info.Env().GetInstanceData<Environment>();
  const int32_t file = info[0].As<Napi::Number>().Int32Value();
  const int64_t position = info[1].As<Napi::Number>().Int64Value();
  return Napi::Number::New(info.Env(),
                           static_cast<double>(environment->move_cursor(file, position)));
}

#ifdef _WIN32
Napi::Value grow_working_set(const Napi::CallbackInfo& info) {
  const auto bytes = static_cast<size_t>(info[0].As<Napi::Number>().Int64Value());
  const Result grown = overlapped::grow_working_set(bytes);
  return Napi::Number::New(info.Env(), grown.ok() ? static_cast<double>(grown.value)
                                                  : uv::translate_error(grown.os_error));
}
#endif

Napi::Object init(Napi::Env env, Napi::Object exports) {
  napi_value submit_function;
  napi_create_function(env, "submit", NAPI_AUTO_LENGTH, submit, nullptr, &submit_function);
  exports.Set("start", Napi::Function::New(env, start, "start"));
  exports.Set("submit", Napi::Value(env, submit_function));
  exports.Set("describeBoundary", Napi::Function::New(env, describe, "describeBoundary"));
  exports.Set("stats", Napi::Function::New(env, stats, "stats"));
  exports.Set("addressOf", Napi::Function::New(env, address, "addressOf"));
  exports.Set("duplicateDescriptor",
              Napi::Function::New(env, duplicate_descriptor, "duplicateDescriptor"));
  exports.Set("moveCursor", Napi::Function::New(env, move_cursor, "moveCursor"));
  exports.Set("giveAwayDescriptor",
              Napi::Function::New(env, give_away_descriptor, "giveAwayDescriptor"));
  exports.Set("forgetFile", Napi::Function::New(env, forget_file, "forgetFile"));
#ifdef _WIN32
  exports.Set("growWorkingSet", Napi::Function::New(env, grow_working_set, "growWorkingSet"));
#endif
  return exports;
}

}  // namespace

}  // namespace overlapped

Napi::Object Init(Napi::Env env, Napi::Object exports) { return overlapped::init(env, exports); }

NODE_API_MODULE(overlapped, Init)
