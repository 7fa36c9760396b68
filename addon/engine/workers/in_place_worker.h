#pragma once

#include <cstddef>

#include "system/in_place.h"
#include "thread_pool.h"

namespace overlapped {

// Runs some operations on the submitting thread itself, and leaves the others to a pool of workers.
class InPlaceWorker {
 public:
  explicit InPlaceWorker(ThreadPool& pool) : pool_(pool) {}

  // Called for every operation before it runs.
  void prepare(Operation& operation) {
    operation.file_systems = &file_systems_;
    if (operation.is_transfer()) find_file_system(*operation.file, file_systems_);
  }

  bool try_run(Operation& operation) {
    return may_be_done_in_place(operation) && try_in_place(operation, file_systems_);
  }

  // Lets try_run_alone() read content into this memory, of kReadInPlaceMax bytes.
  void lend(std::byte* memory) { lent_ = memory; }

  // Runs an operation whose result is delivered before the next one.
  bool try_run_alone(Operation& operation) {
    return may_be_done_in_place(operation) &&
           try_in_place(operation, file_systems_, {kReadAloneMax, lent_});
  }

  // Runs operations on paths beside the workers, from the other end of the queue. Returns the
  // operations that it has done; the workers do the others.
  OperationList run_beside_workers(OperationList operations);

 private:
  ThreadPool& pool_;
  FileSystems file_systems_;
  std::byte* lent_ = nullptr;
};

// Whether run_beside_workers() may run the operation. Opens keep their order, in which they get the
// remaining descriptors.
inline bool may_be_shared(const Operation& operation) {
  return traits_of(operation.opcode).family == OpcodeFamily::kPath &&
         operation.opcode != Opcode::kOpen && may_be_done_in_place(operation);
}

// This many operations on paths are worth waking a worker.
inline constexpr size_t kSharedMin = 16;

// The submitting thread takes this many shared operations at a time, since workers compete for the
// lock. None of them waits, so none keeps the others from a worker for long.
inline constexpr size_t kTakenAtOnce = 4;

}  // namespace overlapped
