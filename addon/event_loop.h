#pragma once

#include <node_api.h>

#include <cstdint>
#include <functional>
#include <memory>

namespace overlapped {

// The event loop of an environment, as far as the addon needs it. All functions but wake() are for
// the environment's thread.
class EventLoop {
 public:
  virtual ~EventLoop() = default;

  // Asks for a turn. Any thread may call it; calls before that turn count as one.
  virtual void wake() = 0;
  // Asks for a turn whenever a descriptor is readable, after `clear` has made it unreadable. The
  // descriptor stays open until close() has returned. Returns false if it cannot be watched.
  virtual bool watch(int descriptor, std::function<void()> clear) = 0;
  // Whether the environment keeps the loop, and so the process, running.
  virtual void keep_alive(bool wanted) = 0;
  // Keeps the loop turning instead of asleep while `wanted`. Returns false if the loop cannot do
  // that.
  virtual bool keep_turning(bool /*wanted*/) { return false; }
  // A number that differs in every turn of the loop.
  virtual uint64_t turn() = 0;
  // Ends the turns. `closed` is called once, at the end or later, and may destroy this object.
  virtual void close(std::function<void()> closed) = 0;
};

// Returns the loop of an environment, which calls `on_turn` in each turn that was asked for. In
// Node and Electron it is libuv's. Other hosts have none, or a part of one that ends the process
// when it is used. There, and where libuv's functions are not exported, the loop is one of
// Node-API's thread-safe functions. Null: the system or the host is short of something.
std::unique_ptr<EventLoop> make_event_loop(napi_env env, bool host_has_libuv,
                                           std::function<void()> on_turn);

}  // namespace overlapped
