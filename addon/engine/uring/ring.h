#pragma once

#include <linux/io_uring.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "engine.h"
#include "system/posix/system_call.h"

namespace overlapped {

// Memory shared with the kernel that unmaps itself.
class Mapping {
 public:
  Mapping() = default;
  ~Mapping();
  void unmap();
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;
  bool map(int fd, size_t size, uint64_t offset);
  std::byte* at(size_t offset) const { return static_cast<std::byte*>(address_) + offset; }

 private:
  void* address_ = nullptr;
  size_t size_ = 0;
};

// One io_uring on the kernel's UAPI (io_uring_setup(2), io_uring_enter(2)), for one thread.
class Ring {
 public:
  // Returns null with a reason if the kernel denies a ring or lacks a required operation.
  static std::unique_ptr<Ring> create(unsigned entries, unsigned completions, std::string& reason);

  // The next free submission entry, zeroed; null when the queue is full.
  io_uring_sqe* next_entry();
  bool has_entry() const;

  // Submits the prepared entries, runs pending task work, and waits for `wait_count` completions.
  // Returns 0 or an errno; entries that the kernel did not take stay queued.
  int enter(unsigned wait_count);

  // Takes back an entry that the kernel has not taken. Returns its user data, or 0 if there is
  // none.
  uint64_t take_back();

  // Ends the ring; only event_descriptor() stays. Returns a descriptor that reports a hang-up when
  // the kernel has ended its operations and released their memory; or none.
  Descriptor close();

  // Waits for a completion, or until the deadline. Returns 0 or an errno.
  int wait(Deadline deadline);

  // The oldest completion, or null; consume() releases it.
  const io_uring_cqe* peek() const;
  void consume();

  unsigned unsubmitted() const;  // entries that the kernel has not taken
  bool has_unsubmitted() const { return unsubmitted() > 0; }
  bool has_completions() const { return peek() != nullptr; }
  // Completions that the kernel keeps until the next enter() (deferred task work, an overflow).
  bool has_deferred() const;
  int event_descriptor() const { return event_.get(); }
  void clear_event();
  // While off, the kernel does not signal the event descriptor.
  void announce(bool on);

 private:
  Ring() = default;
  bool set_up(unsigned entries, unsigned completions, std::string& reason);
  bool map_queues(const io_uring_params& parameters, std::string& reason);
  bool probe(std::string& reason) const;
  void watch_end();

  Descriptor ring_;
  Descriptor event_;
  Descriptor end_;  // of a pipe whose other end the kernel closes with the ring
  Mapping queues_;
  Mapping entries_;
  std::atomic<unsigned>* sq_head_ = nullptr;
  std::atomic<unsigned>* sq_tail_ = nullptr;
  std::atomic<unsigned>* sq_flags_ = nullptr;
  std::atomic<unsigned>* cq_head_ = nullptr;
  std::atomic<unsigned>* cq_tail_ = nullptr;
  std::atomic<unsigned>* cq_flags_ = nullptr;
  io_uring_sqe* sqes_ = nullptr;
  io_uring_cqe* cqes_ = nullptr;
  unsigned sq_mask_ = 0;
  unsigned cq_mask_ = 0;
  unsigned sq_entries_ = 0;
  unsigned local_tail_ = 0;
};

}  // namespace overlapped
