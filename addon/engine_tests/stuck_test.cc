#ifdef __linux__

#include <linux/fuse.h>

#include <memory>
#include <thread>

#include "fuse.h"
#include "harness.h"
#include "test.h"

// Operations on a file system that does not answer delay no other operations.

namespace overlapped::testing {

namespace {

// More than the pool's maximum number of threads.
constexpr int kStuck = 30;

std::vector<Operation*> submit_stats(Harness& harness, const PathString& path, int count) {
  std::vector<Operation*> stats;
  for (int i = 0; i < count; ++i) stats.push_back(&harness.make_path(Opcode::kStatPath, path));
  harness.submit(stats);
  return stats;
}

void wait_for_unanswered(const HangingFileSystem& fuse) {
  while (fuse.unanswered() == 0) std::this_thread::yield();
}

ENGINE_TEST(operations_that_never_end_hold_up_no_other) {
  Harness harness(engine);
  HangingFileSystem fuse(harness.path("fuse"));
  fuse.hang_at(FUSE_LOOKUP);
  // One batch, in which the stuck operations are mixed with the others.
  std::vector<Operation*> all;
  std::vector<Operation*> others;
  for (int i = 0; i < kStuck; ++i) {
    const PathString name = "x" + std::to_string(i);
    all.push_back(&harness.make_path(Opcode::kStatPath, fuse.path(name)));
    for (int j = 0; j < 3; ++j) {
      others.push_back(&harness.make_path(Opcode::kStatPath, harness.path(".")));
      all.push_back(others.back());
    }
  }
  harness.submit(all);
  for (Operation* const op : others) {
    REQUIRE(harness.wait(*op));
    CHECK_EQUAL(op->result.os_error, 0U);
  }
  CHECK_EQUAL(harness.in_flight(), static_cast<size_t>(kStuck));
  // Later submissions complete, too.
  for (Operation* const op : submit_stats(harness, harness.path("."), 50)) {
    REQUIRE(harness.wait(*op));
  }
  fuse.end();
  CHECK(harness.wait_for_all());
}

ENGINE_TEST(operations_behind_more_stuck_ones_than_there_may_be_threads_can_be_cancelled) {
  Harness harness(engine);
  HangingFileSystem fuse(harness.path("fuse"));
  fuse.hang_at(FUSE_LOOKUP);
  for (int i = 0; i < 100; ++i) {
    harness.submit(harness.make_path(Opcode::kStatPath, fuse.path("x" + std::to_string(i))));
  }
  wait_for_unanswered(fuse);
  Operation& queued = harness.make_path(Opcode::kListTree, harness.path("."));
  harness.submit(queued);
  harness.cancel(queued);
  CHECK(harness.wait(queued));
  fuse.end();
  CHECK(harness.wait_for_all());
}

// An abandoned engine stays alive, and LeakSanitizer must see a reference to it.
std::vector<std::unique_ptr<Harness>>& abandoned_harnesses() {
  static auto* const harnesses = new std::vector<std::unique_ptr<Harness>>;
  return *harnesses;
}

ENGINE_TEST(an_engine_with_a_stuck_operation_can_be_abandoned) {
  auto harness = std::make_unique<Harness>(engine);
  HangingFileSystem fuse(harness->path("fuse"));
  fuse.hang_at(FUSE_LOOKUP);
  submit_stats(*harness, fuse.path("x"), 2);
  wait_for_unanswered(fuse);
  harness->run(harness->make_path(Opcode::kStatPath, harness->path(".")));
  using std::chrono::milliseconds;
  const auto deadline = std::chrono::steady_clock::now() + milliseconds(50);
  CHECK(!harness->engine().drain(deadline));
  harness->engine().abandon();
  // Operations that end afterward are reported to nobody.
  fuse.end();
  CHECK(!harness->sink().wait(-1, milliseconds(50)));
  abandoned_harnesses().push_back(std::move(harness));
}

}  // namespace

}  // namespace overlapped::testing

#endif
