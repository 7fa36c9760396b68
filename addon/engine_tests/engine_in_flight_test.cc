// Many operations in flight, cancels, drain and the end, on every engine of the system.
#include <algorithm>
#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "harness.h"
#include "test.h"
#include "system/blocking.h"

namespace overlapped::testing {

namespace {

constexpr uint32_t kNotFound = os_error(2, 2);

// --- many at once

// Operations of every kind that are in flight together, each with its expected result.
class Mixture {
 public:
  static constexpr size_t kBlock = 512;
  static constexpr size_t kBlocks = 2048;

  explicit Mixture(Harness& harness) : harness_(harness) {
    source_ = harness.open(harness.path("source"), kOpenNew);
    const std::span<std::byte> all = harness.memory(kBlock * kBlocks);
    fill_pattern(all, 0);
    CHECK_EQUAL(harness.write(*source_, all, 0).value, all.size());
    target_ = harness.open(harness.path("target"), kOpenNew);
    cut_ = harness.open(harness.path("cut"), kOpenNew);
  }

  Operation& add(Random& random) {
    const size_t block = random.below(kBlocks);
    const auto place = static_cast<int64_t>(block * kBlock);
    switch (random.below(16)) {
      case 0:
        return harness_.make(Opcode::kStat, source_);
      case 1:
        return harness_.make_path(Opcode::kStatPath, harness_.path("missing"));
      case 2:
        return harness_.make_path(Opcode::kOpen, harness_.path("source"));
      case 3:
        return harness_.make_path(Opcode::kReadPath, harness_.path("missing"));
      case 4:
        return add_write_path(random);
      case 5: {
        Operation& op = harness_.make(Opcode::kTruncate, cut_);
        op.length = block;
        return op;
      }
      case 6:
        return harness_.make_vector(Opcode::kReadVector, *source_, {100, 200, 212}, place);
      case 7:
      case 8:
      case 9:
        return add_write();
      case 10: {
        // Rarely, because a sync may take long.
        if (random.below(64) == 0) return harness_.make(Opcode::kDataSync, cut_);
        [[fallthrough]];
      }
      default:
        return harness_.make_transfer(Opcode::kRead, *source_, harness_.memory(kBlock), place);
    }
  }

  void check(Operation& op) {
    switch (op.opcode) {
      case Opcode::kStatPath:
      case Opcode::kReadPath:
        CHECK_EQUAL(op.result.os_error, kNotFound);
        return;
      case Opcode::kStat:
        CHECK_EQUAL(op.details().status.size, kBlock * kBlocks);
        break;
      case Opcode::kOpen:
        CHECK(op.detail->opened != nullptr);
        break;
      case Opcode::kRead:
        CHECK(has_pattern({op.data, op.length}, static_cast<uint64_t>(op.file_offset)));
        [[fallthrough]];
      case Opcode::kWrite:
        CHECK_EQUAL(op.result.value, kBlock);
        break;
      case Opcode::kReadVector:
        // A cancel between two buffers keeps what the first one received.
        CHECK(op.result.value == kBlock || op.cancel_requested);
        break;
      default:
        break;
    }
    CHECK_EQUAL(op.result.os_error, 0U);
  }

  void check_target() {
    const std::span<std::byte> all = harness_.memory(writes_ * kBlock);
    CHECK_EQUAL(harness_.read(*target_, all, 0).value, all.size());
    CHECK(has_pattern(all, 0, 1));
  }

 private:
  Operation& add_write() {
    const size_t place = writes_++ * kBlock;
    const std::span<std::byte> from = harness_.memory(kBlock);
    fill_pattern(from, place, 1);
    return harness_.make_transfer(Opcode::kWrite, *target_, from, static_cast<int64_t>(place));
  }

  Operation& add_write_path(Random& random) {
    const std::string name = "w" + std::to_string(random.below(8));
    Operation& op =
        harness_.make_path(Opcode::kWritePath, harness_.path(name), kOpenWrite | kOpenCreate);
    const std::span<std::byte> from = harness_.memory(kBlock);
    op.data = from.data();
    op.length = from.size();
    return op;
  }

  Harness& harness_;
  OpenFile* source_ = nullptr;
  OpenFile* target_ = nullptr;
  OpenFile* cut_ = nullptr;
  size_t writes_ = 0;
};

ENGINE_TEST(twelve_thousand_operations_at_once_each_come_back_once) {
  Harness harness(engine);
  Mixture mixture(harness);
  Random random(1);
  std::vector<Operation*> all;
  for (int i = 0; i < 12000; ++i) all.push_back(&mixture.add(random));
  // Opened files stay open until the end, but not all systems allow that many.
  std::erase_if(all, [&, opens = 0](const Operation* op) mutable {
    return op->opcode == Opcode::kOpen && ++opens > 200;
  });
  harness.submit(all);
  CHECK(harness.wait_for_all());
  for (Operation* const op : all) mixture.check(*op);
  mixture.check_target();
  CHECK(harness.engine().counters().inline_completions <= all.size() + 20);
}

ENGINE_TEST(small_batches_beyond_the_ring_and_the_pool_come_back_too) {
  Harness harness(engine);
  Mixture mixture(harness);
  Random random(2);
  std::vector<Operation*> all;
  while (all.size() < 10000) {
    std::vector<Operation*> batch;
    while (batch.size() < 1 + all.size() % 37) {
      Operation& op = mixture.add(random);
      if (op.opcode != Opcode::kOpen) batch.push_back(&op);
    }
    harness.submit(batch);
    all.insert(all.end(), batch.begin(), batch.end());
    if (random.below(4) == 0) harness.collect();
  }
  CHECK(harness.wait_for_all());
  for (Operation* const op : all) mixture.check(*op);
  mixture.check_target();
}

ENGINE_TEST(an_operation_can_be_submitted_again_once_it_is_back) {
  Harness harness(engine);
  OpenFile& file = *harness.open(harness.path("a"), kOpenNew);
  harness.write_text(file, "abc", 0);
  Operation& op = harness.make(Opcode::kRead);
  std::byte byte{};
  for (int i = 0; i < 2000; ++i) {
    op.opcode = Opcode::kRead;
    op.file = &file;
    op.data = &byte;
    op.length = 1;
    op.file_offset = i % 3;
    CHECK_EQUAL(harness.run(op).value, 1);
    CHECK_EQUAL(static_cast<char>(byte), "abc"[i % 3]);
    harness.reuse(op);
  }
}

ENGINE_TEST(two_engines_in_one_process_keep_apart) {
  Harness first(engine);
  std::thread other([&engine] {
    Harness second(engine);
    Mixture mixture(second);
    Random random(3);
    std::vector<Operation*> all;
    for (int i = 0; i < 1000; ++i) all.push_back(&mixture.add(random));
    second.submit(all);
    CHECK(second.wait_for_all());
    for (Operation* const op : all) mixture.check(*op);
  });
  OpenFile& file = *first.open(first.path("a"), kOpenNew);
  for (int i = 0; i < 500; ++i) {
    CHECK_EQUAL(first.write_text(file, "abc", 3 * i).value, 3);
    CHECK_EQUAL(first.read_text(file, 10, 3 * i), "abc");
  }
  other.join();
}

// --- cancel, drain and the end

ENGINE_TEST(a_cancel_of_a_completed_operation_does_nothing) {
  Harness harness(engine);
  OpenFile& file = *harness.open(harness.path("a"), kOpenNew);
  harness.write_text(file, "abc", 0);
  Operation& read = harness.make_transfer(Opcode::kRead, file, harness.memory(3), 0);
  Operation& large = harness.make_transfer(Opcode::kRead, file, harness.memory(1 << 20), 0);
  Operation& stat = harness.make_path(Opcode::kStatPath, harness.path("a"));
  harness.submit({&read, &large, &stat});
  CHECK(harness.wait_for_all());
  for (Operation* const op : {&read, &large, &stat}) {
    harness.cancel(*op);
    harness.cancel(*op);
    CHECK(op->result.ok());
  }
  CHECK(!harness.collect());
  CHECK_EQUAL(harness.read_text(file, 3, 0), "abc");
}

bool is_cancelled(const Operation& op) { return op.result.os_error == kCancelledError; }

// Takes an amount of time that varies little between calls, unlike a sleep.
void spin(uint64_t rounds) {
  static std::atomic<uint64_t> target{0};
  while (rounds-- > 0) target.store(rounds, std::memory_order_relaxed);
}

ENGINE_TEST(a_cancel_that_races_with_the_completion_gives_one_result_or_the_other) {
  Harness harness(engine);
  OpenFile& file = *harness.open(harness.path("a"), kOpenNew);
  constexpr size_t kLarge = 200 * 1024;
  const std::span<std::byte> content = harness.memory(kLarge);
  fill_pattern(content, 0);
  harness.write(file, content, 0);
  Random random(4);
  for (int i = 0; i < 1500; ++i) {
    const size_t size = i % 2 ? kLarge : 4096;
    Operation* op = nullptr;
    if (i % 5 == 4) {
      op = &harness.make_path(i % 2 ? Opcode::kReadPath : Opcode::kOpen, harness.path("a"));
    } else {
      op = &harness.make_transfer(Opcode::kRead, file, content.first(size), 0);
    }
    harness.submit(*op);
    spin(random.below(3000));
    if (i % 3 == 0) harness.collect();
    harness.cancel(*op);
    if (i % 7 == 0) harness.cancel(*op);
    REQUIRE(harness.wait(*op));
    CHECK(op->result.ok() || is_cancelled(*op));
    if (op->result.ok() && op->is_read()) CHECK_EQUAL(op->result.value, size);
    if (op->detail) op->detail->opened.reset();
  }
  CHECK(has_pattern(content, 0));
  CHECK_EQUAL(harness.in_flight(), 0U);
}

ENGINE_TEST(of_many_in_flight_each_cancelled_one_comes_back_once) {
  Harness harness(engine);
  Mixture mixture(harness);
  Random random(5);
  std::vector<Operation*> all;
  for (int i = 0; i < 10000; ++i) {
    Operation& op = mixture.add(random);
    if (op.opcode != Opcode::kOpen) all.push_back(&op);
  }
  harness.submit(all);
  for (Operation* const op : all) {
    if (random.below(2) && !harness.is_back(*op)) harness.cancel(*op);
    if (random.below(100) == 0) harness.collect();
  }
  CHECK(harness.wait_for_all());
  for (Operation* const op : all) {
    if (!is_cancelled(*op)) mixture.check(*op);
  }
}

ENGINE_TEST(drain_returns_when_all_is_back) {
  Harness harness(engine);
  Mixture mixture(harness);
  Random random(6);
  std::vector<Operation*> all;
  for (int i = 0; i < 5000; ++i) {
    Operation& op = mixture.add(random);
    if (op.opcode != Opcode::kOpen) all.push_back(&op);
  }
  harness.submit(all);
  harness.drain();
  for (Operation* const op : all) mixture.check(*op);
  // Operations are served again after a drain.
  Operation& after = mixture.add(random);
  harness.run(after);
  mixture.check(after);
}

ENGINE_TEST(the_end_after_a_cancel_of_all_loses_nothing) {
  for (int round = 0; round < 20; ++round) {
    Harness harness(engine);
    Mixture mixture(harness);
    Random random(static_cast<uint64_t>(100 + round));
    std::vector<Operation*> all;
    for (int i = 0; i < 300; ++i) all.push_back(&mixture.add(random));
    harness.submit(all);
    if (round % 2) harness.collect();
    harness.cancel_all();
    harness.end();
    CHECK_EQUAL(harness.in_flight(), 0U);
    for (Operation* const op : all) {
      if (!is_cancelled(*op)) mixture.check(*op);
    }
  }
}

}  // namespace

}  // namespace overlapped::testing
