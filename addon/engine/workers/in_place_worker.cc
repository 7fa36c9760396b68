#include "in_place_worker.h"

#include <utility>

namespace overlapped {

OperationList InPlaceWorker::run_beside_workers(OperationList operations) {
  OperationList done;
  OperationList left;
  const bool is_shared = operations.size() >= kSharedMin;
  if (is_shared) pool_.share(std::move(operations));
  while (Operation* const op = is_shared ? pool_.take_shared() : operations.pop_front()) {
    (try_in_place(*op, file_systems_) ? done : left).push_back(op);
  }
  pool_.submit(std::move(left));
  return done;
}

}  // namespace overlapped
