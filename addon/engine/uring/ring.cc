#include "ring.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <vector>

namespace overlapped {

namespace {

int sys_setup(unsigned entries, io_uring_params* parameters) {
  return static_cast<int>(::syscall(__NR_io_uring_setup, entries, parameters));
}

int sys_enter(int fd, unsigned to_submit, unsigned wait_count, unsigned flags) {
  return static_cast<int>(
      ::syscall(__NR_io_uring_enter, fd, to_submit, wait_count, flags, nullptr, 0));
}

int sys_register(int fd, unsigned opcode, void* argument, unsigned count) {
  return static_cast<int>(::syscall(__NR_io_uring_register, fd, opcode, argument, count));
}

template <typename T>
T* pointer_at(const Mapping& mapping, unsigned offset) {
  return reinterpret_cast<T*>(mapping.at(offset));
}

std::string read_disabled_sysctl() {
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(
      std::fopen("/proc/sys/kernel/io_uring_disabled", "re"), &std::fclose);
  char text[8] = {};
  if (!file || !std::fgets(text, sizeof text, file.get())) return "";
  return text[0] == '0' ? "" : std::string(1, text[0]);
}

std::string explain_setup_failure(int error) {
  const std::string code = error == EPERM ? "EPERM" : error == ENOSYS ? "ENOSYS" : strerror(error);
  const std::string sysctl = read_disabled_sysctl();
  if (error == EPERM && !sysctl.empty()) {
    return "io_uring_setup: EPERM, sysctl kernel.io_uring_disabled is " + sysctl;
  }
  if (error == EPERM) {
    return "io_uring_setup: EPERM, denied by a seccomp filter (as containers set it) or by policy";
  }
  if (error == ENOSYS) {
    return "io_uring_setup: ENOSYS, the kernel has no io_uring or a seccomp filter hides it";
  }
  return "io_uring_setup: " + code;
}

}  // namespace

Mapping::~Mapping() { unmap(); }

void Mapping::unmap() {
  if (address_) ::munmap(address_, size_);
  address_ = nullptr;
}

bool Mapping::map(int fd, size_t size, uint64_t offset) {
  void* const address = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd,
                               static_cast<off_t>(offset));
  if (address == MAP_FAILED) return false;
  address_ = address;
  size_ = size;
  return true;
}

std::unique_ptr<Ring> Ring::create(unsigned entries, unsigned completions, std::string& reason) {
  std::unique_ptr<Ring> ring(new Ring);
  if (!ring->set_up(entries, completions, reason) || !ring->probe(reason)) return nullptr;
  ring->watch_end();
  return ring;
}

bool Ring::set_up(unsigned entries, unsigned completions, std::string& reason) {
  // Newest first: with deferred task work (Linux 6.1) completions are worked off inside enter()
  // instead of interrupting the thread; older kernels refuse the flags with EINVAL.
  constexpr unsigned kCommon = IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP;
  constexpr unsigned kAttempts[] = {
      kCommon | IORING_SETUP_SUBMIT_ALL | IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN |
          IORING_SETUP_TASKRUN_FLAG,
      kCommon | IORING_SETUP_SUBMIT_ALL | IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG,
      kCommon,
  };
  io_uring_params parameters{};
  int fd = -1;
  for (const unsigned flags : kAttempts) {
    parameters = io_uring_params{};
    parameters.flags = flags;
    parameters.cq_entries = completions;
    fd = sys_setup(entries, &parameters);
    if (fd >= 0 || errno != EINVAL) break;
  }
  if (fd < 0) {
    reason = explain_setup_failure(errno);
    return false;
  }
  ring_.reset(fd);
  constexpr unsigned kNeeded =
      IORING_FEAT_SINGLE_MMAP | IORING_FEAT_NODROP | IORING_FEAT_RW_CUR_POS;
  // The flags of the completion queue, by which the event descriptor is turned off, are of 5.8.
  if ((parameters.features & kNeeded) != kNeeded || parameters.cq_off.flags == 0) {
    reason = "io_uring of this kernel is too old (Linux 5.8 is needed)";
    return false;
  }
  event_.reset(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  int event = event_.get();
  if (event < 0 || sys_register(fd, IORING_REGISTER_EVENTFD, &event, 1) != 0) {
    reason = std::string("io_uring with eventfd: ") + strerror(errno);
    return false;
  }
  return map_queues(parameters, reason);
}

bool Ring::map_queues(const io_uring_params& parameters, std::string& reason) {
  const io_sqring_offsets& sq = parameters.sq_off;
  const io_cqring_offsets& cq = parameters.cq_off;
  const size_t sq_size = sq.array + parameters.sq_entries * sizeof(unsigned);
  const size_t cq_size = cq.cqes + parameters.cq_entries * sizeof(io_uring_cqe);
  if (!queues_.map(ring_.get(), sq_size > cq_size ? sq_size : cq_size, IORING_OFF_SQ_RING) ||
      !entries_.map(ring_.get(), parameters.sq_entries * sizeof(io_uring_sqe), IORING_OFF_SQES)) {
    reason = std::string("mapping the io_uring queues: ") + strerror(errno);
    return false;
  }
  sq_head_ = pointer_at<std::atomic<unsigned>>(queues_, sq.head);
  sq_tail_ = pointer_at<std::atomic<unsigned>>(queues_, sq.tail);
  sq_flags_ = pointer_at<std::atomic<unsigned>>(queues_, sq.flags);
  cq_head_ = pointer_at<std::atomic<unsigned>>(queues_, cq.head);
  cq_tail_ = pointer_at<std::atomic<unsigned>>(queues_, cq.tail);
  cq_flags_ = pointer_at<std::atomic<unsigned>>(queues_, cq.flags);
  sq_mask_ = *pointer_at<unsigned>(queues_, sq.ring_mask);
  cq_mask_ = *pointer_at<unsigned>(queues_, cq.ring_mask);
  sqes_ = pointer_at<io_uring_sqe>(entries_, 0);
  cqes_ = pointer_at<io_uring_cqe>(queues_, cq.cqes);
  sq_entries_ = parameters.sq_entries;
  // Entry i of the queue is always entry i of the array: the indirection is not needed.
  unsigned* const array = pointer_at<unsigned>(queues_, sq.array);
  for (unsigned i = 0; i < sq_entries_; ++i) array[i] = i;
  return true;
}

bool Ring::probe(std::string& reason) const {
  constexpr unsigned kOperations = 256;
  std::vector<std::byte> memory(sizeof(io_uring_probe) + kOperations * sizeof(io_uring_probe_op));
  auto* const result = reinterpret_cast<io_uring_probe*>(memory.data());
  if (sys_register(ring_.get(), IORING_REGISTER_PROBE, result, kOperations) != 0) {
    reason = std::string("io_uring probe: ") + strerror(errno);
    return false;
  }
  for (const unsigned needed : {IORING_OP_READ, IORING_OP_WRITE, IORING_OP_READV, IORING_OP_WRITEV,
                                IORING_OP_FSYNC, IORING_OP_ASYNC_CANCEL}) {
    if (needed > result->last_op || !(result->ops[needed].flags & IO_URING_OP_SUPPORTED)) {
      reason = "io_uring of this kernel lacks operation " + std::to_string(needed);
      return false;
    }
  }
  return true;
}

// Only the ring holds one end of a pipe, as a registered file. The ring also works without the
// pipe, for instance if the process has no descriptor left.
void Ring::watch_end() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return;
  Descriptor end(ends[0]);
  const Descriptor held(ends[1]);
  if (sys_register(ring_.get(), IORING_REGISTER_FILES, &ends[1], 1) == 0) end_.reset(end.release());
}

Descriptor Ring::close() {
  entries_.unmap();
  queues_.unmap();
  ring_.reset(-1);
  return std::move(end_);
}

bool Ring::has_entry() const { return unsubmitted() < sq_entries_; }

io_uring_sqe* Ring::next_entry() {
  if (!has_entry()) return nullptr;
  io_uring_sqe* const entry = &sqes_[local_tail_++ & sq_mask_];
  std::memset(entry, 0, sizeof *entry);
  return entry;
}

unsigned Ring::unsubmitted() const {
  return local_tail_ - sq_head_->load(std::memory_order_acquire);
}

uint64_t Ring::take_back() {
  if (unsubmitted() == 0) return 0;
  --local_tail_;
  sq_tail_->store(local_tail_, std::memory_order_release);
  return sqes_[local_tail_ & sq_mask_].user_data;
}

int Ring::enter(unsigned wait_count) {
  sq_tail_->store(local_tail_, std::memory_order_release);
  for (;;) {
    const int count = sys_enter(ring_.get(), unsubmitted(), wait_count, IORING_ENTER_GETEVENTS);
    if (count >= 0) return 0;
    if (errno != EINTR) return errno;
  }
}

int Ring::wait(Deadline deadline) {
  if (!deadline) return enter(1);
  const auto left = *deadline - std::chrono::steady_clock::now();
  const auto ms = std::chrono::ceil<std::chrono::milliseconds>(left).count();
  pollfd ring{ring_.get(), POLLIN, 0};
  (void)::poll(&ring, 1, static_cast<int>(std::clamp<int64_t>(ms, 0, 60'000)));
  return enter(0);
}

const io_uring_cqe* Ring::peek() const {
  const unsigned head = cq_head_->load(std::memory_order_relaxed);
  if (head == cq_tail_->load(std::memory_order_acquire)) return nullptr;
  return &cqes_[head & cq_mask_];
}

void Ring::consume() {
  cq_head_->store(cq_head_->load(std::memory_order_relaxed) + 1, std::memory_order_release);
}

bool Ring::has_deferred() const {
  const unsigned flags = sq_flags_->load(std::memory_order_acquire);
  return (flags & (IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW)) != 0;
}

void Ring::clear_event() {
  uint64_t count;
  (void)!::read(event_.get(), &count, sizeof count);
}

void Ring::announce(bool on) {
  cq_flags_->store(on ? 0U : IORING_CQ_EVENTFD_DISABLED, std::memory_order_relaxed);
  // A completion that precedes the kernel's view of this store is not announced: the caller checks
  // the queue afterwards, and that check must not come first.
  std::atomic_thread_fence(std::memory_order_seq_cst);
}

}  // namespace overlapped
