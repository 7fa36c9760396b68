#include "in_place_worker.h"

#include <utility>

namespace overlapped {

OperationList InPlaceWorker::run_beside_workers(OperationList operations) {
  OperationList done;
  OperationList left;
  const auto run = [&](OperationList taken) {
    while (Operation* const op = taken.pop_front()) {
      (try_in_place(*op, file_systems_) ? done : left).push_back(op);
    }
  };
  if (operations.size() < kSharedMin) {
    run(std::move(operations));
  } else {
    pool_.share(std::move(operations));
    for (;;) {
      OperationList taken = pool_.take_shared(kTakenAtOnce);
      if (taken.empty()) break;
      run(std::move(taken));
    }
  }
  pool_.submit(std::move(left));
  return done;
}

}  // namespace overlapped
