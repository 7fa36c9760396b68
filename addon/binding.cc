#include <node_api.h>

#include <array>
#include <cstdint>
#include <exception>
#include <string>

#include "arguments.h"
#include "boundary.h"
#include "engine/system/io_priority.h"
#include "environment.h"
#include "error_number.h"
#include "values.h"

#ifdef _WIN32
#include "engine/system/windows/windows_io.h"
#endif

// The functions that JavaScript calls; lib/engine/native.ts describes them. Node ends the process
// for any C++ exception that leaves them, so each runs in guarded().
namespace overlapped {

namespace {

template <size_t Count>
struct Call {
  std::array<napi_value, Count> arguments{};
  Environment* environment = nullptr;

  Call(napi_env env, napi_callback_info info) {
    size_t count = Count;
    napi_get_cb_info(env, info, &count, arguments.data(), nullptr, nullptr);
    void* data = nullptr;
    napi_get_instance_data(env, &data);
    environment = static_cast<Environment*>(data);
  }
};

template <typename Body>
napi_value guarded(napi_env env, Body body) {
  try {
    return body();
  } catch (const std::exception& exception) {
    return Values(env).fail("ERR_MEMORY_ALLOCATION_FAILED", exception.what());
  }
}

napi_value not_started(napi_env env) {
  return Values(env).fail("ERR_INVALID_STATE", "The engine of this environment does not run");
}

bool read_string(napi_env env, napi_value value, std::string& text) {
  size_t length = 0;
  if (napi_get_value_string_utf8(env, value, nullptr, 0, &length) != napi_ok) return false;
  text.resize(length);
  return napi_get_value_string_utf8(env, value, text.data(), length + 1, &length) == napi_ok;
}

// Returns the number of an open file; -1, which no file has, for other values.
int32_t read_file(napi_env env, napi_value value) {
  int32_t file = -1;
  return napi_get_value_int32(env, value, &file) == napi_ok ? file : -1;
}

napi_value start(napi_env env, napi_callback_info info) {
  return guarded(env, [&]() -> napi_value {
    const Call<5> call(env, info);
    const Values values(env);
    if (call.environment) {
      return values.fail("ERR_INVALID_STATE", "The engine of this environment runs already");
    }
    const auto& [wanted, on_completions, results, ends_with_process, host_has_libuv] =
        call.arguments;
    StartOptions options;
    options.on_completions = on_completions;
    options.results = results;
    napi_valuetype type = napi_undefined;
    bool is_array = false;
    const bool is_valid =
        read_string(env, wanted, options.wanted) &&
        napi_typeof(env, on_completions, &type) == napi_ok && type == napi_function &&
        napi_is_array(env, results, &is_array) == napi_ok && is_array;
    napi_get_value_bool(env, ends_with_process, &options.ends_with_process);
    napi_get_value_bool(env, host_has_libuv, &options.host_has_libuv);
    if (!is_valid) return values.fail("ERR_INVALID_ARG_TYPE", "start() got a wrong argument");
    Environment* const environment = Environment::start(env, options);
    if (!environment) return nullptr;
    // The environment's own clean-up hook frees it, after its operations have ended.
    napi_set_instance_data(env, environment, nullptr, nullptr);
    return environment->describe();
  });
}

napi_value submit(napi_env env, napi_callback_info info) {
  return guarded(env, [&]() -> napi_value {
    const Call<2> call(env, info);
    uint32_t count = 0;
    if (!call.environment) return not_started(env);
    if (napi_get_value_uint32(env, call.arguments[0], &count) != napi_ok) {
      return Values(env).fail("ERR_INVALID_ARG_TYPE", "submit() got a wrong argument");
    }
    return call.environment->submit(count, call.arguments[1]);
  });
}

napi_value submit_deferred(napi_env env, napi_callback_info info) {
  return guarded(env, [&]() -> napi_value {
    const Call<0> call(env, info);
    if (!call.environment) return not_started(env);
    call.environment->submit_all_deferred();
    return nullptr;
  });
}

napi_value run_now(napi_env env, napi_callback_info info) {
  return guarded(env, [&]() -> napi_value {
    const Call<1> call(env, info);
    if (!call.environment) return not_started(env);
    return Values(env).boolean(call.environment->run_now(call.arguments[0]));
  });
}

napi_value identify(napi_env env, napi_callback_info info) {
  return guarded(env, [&]() -> napi_value {
    const Call<1> call(env, info);
    return call.environment ? call.environment->identify() : not_started(env);
  });
}

napi_value stats(napi_env env, napi_callback_info info) {
  return guarded(env, [&]() -> napi_value {
    const Call<1> call(env, info);
    return call.environment ? call.environment->statistics() : not_started(env);
  });
}

napi_value address(napi_env env, napi_callback_info info) {
  return guarded(env, [&] {
    const Call<1> call(env, info);
    return Values(env).number(static_cast<double>(address_of(env, call.arguments[0])));
  });
}

napi_value duplicate_descriptor(napi_env env, napi_callback_info info) {
  return guarded(env, [&]() -> napi_value {
    const Call<1> call(env, info);
    if (!call.environment) return not_started(env);
    const int32_t file = read_file(env, call.arguments[0]);
    return Values(env).number(call.environment->open_descriptor(file));
  });
}

napi_value move_cursor(napi_env env, napi_callback_info info) {
  return guarded(env, [&]() -> napi_value {
    const Call<2> call(env, info);
    if (!call.environment) return not_started(env);
    int64_t position = -1;
    napi_get_value_int64(env, call.arguments[1], &position);
    const int32_t file = read_file(env, call.arguments[0]);
    const int64_t moved = call.environment->move_cursor(file, position);
    return Values(env).number(static_cast<double>(moved));
  });
}

napi_value give_away_descriptor(napi_env env, napi_callback_info info) {
  return guarded(env, [&]() -> napi_value {
    const Call<1> call(env, info);
    if (!call.environment) return not_started(env);
    call.environment->give_away_descriptor(read_file(env, call.arguments[0]));
    return nullptr;
  });
}

napi_value forget_file(napi_env env, napi_callback_info info) {
  return guarded(env, [&]() -> napi_value {
    const Call<1> call(env, info);
    if (!call.environment) return not_started(env);
    const int32_t file = read_file(env, call.arguments[0]);
    return Values(env).boolean(call.environment->forget_file(file));
  });
}

napi_value set_io_priority(napi_env env, napi_callback_info info) {
  return guarded(env, [&]() -> napi_value {
    const Call<1> call(env, info);
    uint32_t options = 0;
    napi_get_value_uint32(env, call.arguments[0], &options);
    const Result result = set_io_priority_of_thread(options);
    return Values(env).number(result.ok() ? 0 : error_number(result));
  });
}

napi_value describe(napi_env env, napi_callback_info) {
  return guarded(env, [&] { return describe_boundary(env); });
}

#ifdef _WIN32
napi_value grow_working_set(napi_env env, napi_callback_info info) {
  return guarded(env, [&] {
    const Call<1> call(env, info);
    int64_t bytes = 0;
    napi_get_value_int64(env, call.arguments[0], &bytes);
    const Result grown = overlapped::grow_working_set(static_cast<size_t>(bytes));
    return Values(env).number(grown.ok() ? static_cast<double>(grown.value)
                                         : error_number(grown));
  });
}
#endif

napi_value init(napi_env env, napi_value exports) {
  const Values values(env);
  values.set(exports, "version", values.string(OVERLAPPED_VERSION));
  values.set_function(exports, "start", start);
  values.set_function(exports, "submit", submit);
  values.set_function(exports, "submitDeferred", submit_deferred);
  values.set_function(exports, "runNow", run_now);
  values.set_function(exports, "describeBoundary", describe);
  values.set_function(exports, "identify", identify);
  values.set_function(exports, "stats", stats);
  values.set_function(exports, "addressOf", address);
  values.set_function(exports, "duplicateDescriptor", duplicate_descriptor);
  values.set_function(exports, "moveCursor", move_cursor);
  values.set_function(exports, "giveAwayDescriptor", give_away_descriptor);
  values.set_function(exports, "forgetFile", forget_file);
  values.set_function(exports, "setIoPriority", set_io_priority);
#ifdef _WIN32
  values.set_function(exports, "growWorkingSet", grow_working_set);
#endif
  return exports;
}

}  // namespace

}  // namespace overlapped

NAPI_MODULE_INIT() { return overlapped::init(env, exports); }
