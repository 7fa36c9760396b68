#pragma once

#include <atomic>
#include <functional>
#include <memory>

#include "descriptor_watch.h"
#include "event_loop.h"

namespace overlapped {

// The loop of a host without libuv, by one of Node-API's thread-safe functions.
class CallbackLoop final : public EventLoop {
 public:
  CallbackLoop(napi_env env, std::function<void()> on_turn)
      : env_(env), on_turn_(std::move(on_turn)) {}

  // Returns false if the host makes no such function.
  bool open();

  void wake() override;
  bool watch(int descriptor, std::function<void()> clear) override;
  void keep_alive(bool wanted) override;
  uint64_t turn() override;
  void close(std::function<void()> closed) override;

 private:
  void run_turn();

  napi_env const env_;
  const std::function<void()> on_turn_;
  std::function<void()> closed_;
  napi_threadsafe_function function_ = nullptr;
  std::atomic<bool> woken_{false};
  uint64_t turns_ = 0;
  DescriptorWatch watch_;
};

}  // namespace overlapped
