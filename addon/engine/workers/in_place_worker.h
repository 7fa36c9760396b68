#pragma once

#include "system/in_place.h"
#include "thread_pool.h"

namespace overlapped {

// What the submitting thread does itself of the operations that it is given, and what it leaves to
// a pool of workers.
class InPlaceWorker {
 public:
  explicit InPlaceWorker(ThreadPool& pool) : pool_(pool) {}

  // To be called for every operation, before it is run by anybody.
  void prepare(Operation& operation) {
    operation.file_systems = &file_systems_;
    if (operation.is_transfer()) find_file_system(*operation.file, file_systems_);
  }

  bool try_run(Operation& operation) {
    return may_be_done_in_place(operation) && try_in_place(operation, file_systems_);
  }

  // Does operations on paths beside the workers, from the other end of what waits. Gives those that
  // it has done; the workers have, or get, the others.
  OperationList run_beside_workers(OperationList operations);

 private:
  ThreadPool& pool_;
  FileSystems file_systems_;
};

// Whether run_beside_workers() may be given the operation. Opens keep their order, in which they
// get the descriptors that are left.
inline bool may_be_shared(const Operation& operation) {
  return traits_of(operation.opcode).family == OpcodeFamily::kPath &&
         operation.opcode != Opcode::kOpen && may_be_done_in_place(operation);
}

// So many operations on paths are worth a worker's waking up.
inline constexpr size_t kSharedMin = 16;

}  // namespace overlapped
