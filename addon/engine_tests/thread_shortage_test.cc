// A system that creates no threads.
#include <atomic>
#include <functional>
#include <memory>
#include <system_error>
#include <thread>
#include <vector>

#include "harness.h"
#include "test.h"
#include "system/blocking.h"
#include "threadpool/threadpool_engine.h"

namespace overlapped::testing {

namespace {

// Creates a limited number of threads, and then fails as the system does.
struct ThreadRation {
  std::atomic<int> left;
  ThreadFactory factory() {
    return [this](std::function<void()> body) {
      if (left.fetch_sub(1) <= 0) {
        throw std::system_error(std::make_error_code(std::errc::resource_unavailable_try_again));
      }
      return std::thread(std::move(body));
    };
  }
};

TEST(where_no_thread_can_be_made_operations_end_with_an_error_each) {
  ThreadRation ration{0};
  Harness harness(std::in_place, [&](CompletionSink& sink) {
    return std::make_unique<ThreadpoolEngine>(sink, ration.factory());
  });
  std::vector<Operation*> operations;
  for (int i = 0; i < 100; ++i) {
    operations.push_back(&harness.make_path(Opcode::kStatPath, harness.path(".")));
  }
  harness.submit(operations);
  CHECK(harness.wait_for_all());
  for (const Operation* const op : operations) CHECK_EQUAL(op->result.os_error, kNoThreadError);
  // The next operation tries again.
  ration.left = 1;
  CHECK_EQUAL(harness.run(harness.make_path(Opcode::kStatPath, harness.path("."))).os_error, 0U);
}

TEST(one_thread_serves_all_where_no_more_can_be_made) {
  ThreadRation ration{1};
  Harness harness(std::in_place, [&](CompletionSink& sink) {
    return std::make_unique<ThreadpoolEngine>(sink, ration.factory());
  });
  std::vector<Operation*> operations;
  for (int i = 0; i < 1000; ++i) {
    operations.push_back(&harness.make_path(Opcode::kStatPath, harness.path(".")));
  }
  harness.submit(operations);
  CHECK(harness.wait_for_all());
  for (const Operation* const op : operations) CHECK_EQUAL(op->result.os_error, 0U);
  CHECK(ration.left < 0);
}

}  // namespace

}  // namespace overlapped::testing
