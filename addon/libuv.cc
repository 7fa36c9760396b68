#include "libuv.h"

#ifdef _WIN32
#include "engine/result.h"
#endif

namespace overlapped::uv {

#ifdef _WIN32

namespace {

// Looked up in the main module, not imported by name: Electron and others rename the executable.
struct Functions {
  size_t (*handle_size)(int);
  int (*async_init)(Loop*, Handle*, AsyncCallback);
  int (*async_send)(Handle*);
  uint64_t (*now)(const Loop*);
  uint64_t (*hrtime)();
  void (*ref)(Handle*);
  void (*unref)(Handle*);
  void (*close)(Handle*, CloseCallback);
  void (*set_data)(Handle*, void*);
  void* (*get_data)(const Handle*);
  int (*translate_sys_error)(int);
  int (*open_osfhandle)(void*);
};

// Addresses of functions, the same for every environment of the process; not state.
Functions functions;

template <typename Function>
bool look_up(Function& function, const char* name) {
  // Through void(*)() because FARPROC differs in shape from what it stands for.
  function = reinterpret_cast<Function>(
      reinterpret_cast<void (*)()>(::GetProcAddress(::GetModuleHandleW(nullptr), name)));
  return function != nullptr;
}

bool look_up_all() {
  return look_up(functions.handle_size, "uv_handle_size") &&
         look_up(functions.async_init, "uv_async_init") &&
         look_up(functions.async_send, "uv_async_send") && look_up(functions.ref, "uv_ref") &&
         look_up(functions.now, "uv_now") && look_up(functions.hrtime, "uv_hrtime") &&

         look_up(functions.unref, "uv_unref") && look_up(functions.close, "uv_close") &&
         look_up(functions.set_data, "uv_handle_set_data") &&
         look_up(functions.get_data, "uv_handle_get_data") &&
         look_up(functions.translate_sys_error, "uv_translate_sys_error") &&
         look_up(functions.open_osfhandle, "uv_open_osfhandle");
}

}  // namespace

bool load() {
  static const bool loaded = look_up_all();
  return loaded;
}

size_t handle_size(int type) { return functions.handle_size(type); }
int async_init(Loop* loop, Handle* handle, AsyncCallback callback) {
  return functions.async_init(loop, handle, callback);
}
int async_send(Handle* handle) { return functions.async_send(handle); }
// No engine on Windows has a descriptor to poll.
int poll_init(Loop*, Handle*, int) { return -1; }
int poll_start(Handle*, int, PollCallback) { return -1; }
uint64_t now(const Loop* loop) { return functions.now(loop); }
uint64_t high_resolution_time() { return functions.hrtime(); }
void ref(Handle* handle) { functions.ref(handle); }
void unref(Handle* handle) { functions.unref(handle); }
void close(Handle* handle, CloseCallback callback) { functions.close(handle, callback); }
void set_data(Handle* handle, void* data) { functions.set_data(handle, data); }
void* get_data(const Handle* handle) { return functions.get_data(handle); }
int open_os_handle(void* os_handle) { return functions.open_osfhandle(os_handle); }
int translate_error(uint32_t os_error) {
  return functions.translate_sys_error(static_cast<int>(os_error));
}

#else

extern "C" {
size_t uv_handle_size(int type);
int uv_async_init(Loop* loop, Handle* handle, AsyncCallback callback);
int uv_async_send(Handle* handle);
int uv_poll_init(Loop* loop, Handle* handle, int fd);
int uv_poll_start(Handle* handle, int events, PollCallback callback);
uint64_t uv_now(const Loop* loop);
uint64_t uv_hrtime(void);
void uv_ref(Handle* handle);
void uv_unref(Handle* handle);
void uv_close(Handle* handle, CloseCallback callback);
void uv_handle_set_data(Handle* handle, void* data);
void* uv_handle_get_data(const Handle* handle);
}

bool load() { return true; }
size_t handle_size(int type) { return uv_handle_size(type); }
int async_init(Loop* loop, Handle* handle, AsyncCallback callback) {
  return uv_async_init(loop, handle, callback);
}
int async_send(Handle* handle) { return uv_async_send(handle); }
int poll_init(Loop* loop, Handle* handle, int fd) { return uv_poll_init(loop, handle, fd); }
int poll_start(Handle* handle, int events, PollCallback callback) {
  return uv_poll_start(handle, events, callback);
}
uint64_t now(const Loop* loop) { return uv_now(loop); }
uint64_t high_resolution_time() { return uv_hrtime(); }
void ref(Handle* handle) { uv_ref(handle); }
void unref(Handle* handle) { uv_unref(handle); }
void close(Handle* handle, CloseCallback callback) { uv_close(handle, callback); }
void set_data(Handle* handle, void* data) { uv_handle_set_data(handle, data); }
void* get_data(const Handle* handle) { return uv_handle_get_data(handle); }
int open_os_handle(void*) { return -1; }
int translate_error(uint32_t os_error) { return -static_cast<int>(os_error); }

#endif

}  // namespace overlapped::uv
