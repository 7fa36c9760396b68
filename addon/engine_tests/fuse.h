#pragma once

#ifdef __linux__

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace overlapped::testing {

// An in-memory file system (FUSE) whose server leaves requests of one kind unanswered. Files whose
// name begins with "unsized" report size 0. Needs the superuser and /dev/fuse; otherwise the test
// is skipped.
class HangingFileSystem {
 public:
  // `open_flags` are the FOPEN_* flags of linux/fuse.h.
  explicit HangingFileSystem(const std::string& folder, uint32_t open_flags = 0);
  ~HangingFileSystem();
  HangingFileSystem(const HangingFileSystem&) = delete;
  HangingFileSystem& operator=(const HangingFileSystem&) = delete;

  std::string path(const std::string& name) const { return folder_ + "/" + name; }
  void add(const std::string& name, const std::string& content);
  std::string content(const std::string& name);

  // Leaves requests of this kind (FUSE_LOOKUP, FUSE_OPEN, …) unanswered; 0 for none.
  void hang_at(uint32_t opcode) { hangs_at_ = opcode; }
  size_t unanswered() const { return unanswered_; }
  // Ends the connection: the system fails every request that waits for an answer.
  void end();

 private:
  struct Request;

  void serve();
  void answer(const Request& request);
  void reply(uint64_t unique, int error, const void* data, size_t size);
  void reply_entry(uint64_t unique, uint64_t node);
  uint64_t node_of(const std::string& name);

  const std::string folder_;
  const uint32_t open_flags_;
  int device_ = -1;
  bool mounted_ = false;
  std::atomic<uint32_t> hangs_at_{0};
  std::atomic<size_t> unanswered_{0};
  std::mutex mutex_;
  std::vector<std::string> names_;
  std::map<std::string, std::string> contents_;
  std::thread thread_;
};

}  // namespace overlapped::testing

#endif
