#pragma once

#include <cstddef>
#include <cstdint>

// The few functions of libuv that the binding needs. node exports them on every platform and they
// are stable in libuv 1.x, but node-api-headers has no uv.h, so they are declared here. They are
// looked up when the addon runs, so that it also loads where they are missing. Handles are opaque:
// their size comes from uv_handle_size(), and their content is never touched.
namespace overlapped::uv {

struct Loop;
struct Handle;
using AsyncCallback = void (*)(Handle*);
using IdleCallback = void (*)(Handle*);
using PollCallback = void (*)(Handle*, int status, int events);
using CloseCallback = void (*)(Handle*);

// uv_handle_type and uv_poll_event (uv.h of libuv 1.x).
inline constexpr int kAsyncHandle = 1;
inline constexpr int kIdleHandle = 6;
inline constexpr int kPollHandle = 8;
inline constexpr int kReadable = 1;

// Whether the running program exports everything that an event loop needs: all functions below but
// the last two.
bool has_loop();

size_t handle_size(int type);
int async_init(Loop* loop, Handle* handle, AsyncCallback callback);
int async_send(Handle* handle);
int idle_init(Loop* loop, Handle* handle);
int idle_start(Handle* handle, IdleCallback callback);
int idle_stop(Handle* handle);
int poll_init(Loop* loop, Handle* handle, int fd);
int poll_start(Handle* handle, int events, PollCallback callback);
// Milliseconds; the loop takes the time anew in each of its turns.
uint64_t now(const Loop* loop);
void ref(Handle* handle);
void unref(Handle* handle);
void close(Handle* handle, CloseCallback callback);
void set_data(Handle* handle, void* data);
void* get_data(const Handle* handle);

// Windows: a descriptor of the C runtime of node for a handle, which it takes over. -1 elsewhere,
// and where the program does not export it.
int open_os_handle(void* os_handle);

// An error of the operating system as libuv's number, which is negative (UV_ENOENT, …).
int translate_error(uint32_t os_error);

}  // namespace overlapped::uv
