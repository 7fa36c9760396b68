#include "libuv.h"

#ifdef _WIN32
#include "engine/result.h"
#else
#include <dlfcn.h>
#endif

namespace overlapped::uv {

namespace {

struct Functions {
  size_t (*handle_size)(int);
  int (*async_init)(Loop*, Handle*, AsyncCallback);
  int (*async_send)(Handle*);
  int (*idle_init)(Loop*, Handle*);
  int (*idle_start)(Handle*, IdleCallback);
  int (*idle_stop)(Handle*);
  int (*poll_init)(Loop*, Handle*, int);
  int (*poll_start)(Handle*, int, PollCallback);
  uint64_t (*now)(const Loop*);
  void (*ref)(Handle*);
  void (*unref)(Handle*);
  void (*close)(Handle*, CloseCallback);
  void (*set_data)(Handle*, void*);
  void* (*get_data)(const Handle*);
  int (*translate_sys_error)(int);
  int (*open_osfhandle)(void*);
  bool has_loop;
};

// Finds a function of the main module under any file name: Electron renames the executable.
template <typename Function>
bool look_up(Function& function, const char* name) {
#ifdef _WIN32
  // Through void(*)(), because FARPROC has other parameters than the function.
  function = reinterpret_cast<Function>(
      reinterpret_cast<void (*)()>(::GetProcAddress(::GetModuleHandleW(nullptr), name)));
#else
  function = reinterpret_cast<Function>(::dlsym(RTLD_DEFAULT, name));
#endif
  return function != nullptr;
}

Functions look_up_all() {
  Functions found{};
  found.has_loop =
      look_up(found.handle_size, "uv_handle_size") && look_up(found.async_init, "uv_async_init") &&
      look_up(found.async_send, "uv_async_send") && look_up(found.idle_init, "uv_idle_init") &&
      look_up(found.idle_start, "uv_idle_start") && look_up(found.idle_stop, "uv_idle_stop") &&
      look_up(found.poll_init, "uv_poll_init") &&
      look_up(found.poll_start, "uv_poll_start") && look_up(found.now, "uv_now") &&
      look_up(found.ref, "uv_ref") && look_up(found.unref, "uv_unref") &&
      look_up(found.close, "uv_close") && look_up(found.set_data, "uv_handle_set_data") &&
      look_up(found.get_data, "uv_handle_get_data");
#ifdef _WIN32
  look_up(found.translate_sys_error, "uv_translate_sys_error");
  look_up(found.open_osfhandle, "uv_open_osfhandle");
#endif
  return found;
}

// The same for every environment of the process, so not state.
const Functions& functions() {
  static const Functions found = look_up_all();
  return found;
}

}  // namespace

bool has_loop() { return functions().has_loop; }
size_t handle_size(int type) { return functions().handle_size(type); }
int async_init(Loop* loop, Handle* handle, AsyncCallback callback) {
  return functions().async_init(loop, handle, callback);
}
int async_send(Handle* handle) { return functions().async_send(handle); }
int idle_init(Loop* loop, Handle* handle) { return functions().idle_init(loop, handle); }
int idle_start(Handle* handle, IdleCallback callback) {
  return functions().idle_start(handle, callback);
}
int idle_stop(Handle* handle) { return functions().idle_stop(handle); }
int poll_init(Loop* loop, Handle* handle, int fd) {
  return functions().poll_init(loop, handle, fd);
}
int poll_start(Handle* handle, int events, PollCallback callback) {
  return functions().poll_start(handle, events, callback);
}
uint64_t now(const Loop* loop) { return functions().now(loop); }
void ref(Handle* handle) { functions().ref(handle); }
void unref(Handle* handle) { functions().unref(handle); }
void close(Handle* handle, CloseCallback callback) { functions().close(handle, callback); }
void set_data(Handle* handle, void* data) { functions().set_data(handle, data); }
void* get_data(const Handle* handle) { return functions().get_data(handle); }

#ifdef _WIN32

int open_os_handle(void* os_handle) {
  return functions().open_osfhandle ? functions().open_osfhandle(os_handle) : -1;
}
int translate_error(uint32_t os_error) {
  constexpr int kUnknownError = -4094;  // UV_UNKNOWN
  if (!functions().translate_sys_error) return kUnknownError;
  return functions().translate_sys_error(static_cast<int>(os_error));
}

#else

int open_os_handle(void*) { return -1; }
int translate_error(uint32_t os_error) { return -static_cast<int>(os_error); }

#endif

}  // namespace overlapped::uv
