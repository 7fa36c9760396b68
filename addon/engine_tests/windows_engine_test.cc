// The guarantees of the engines on Windows, tested without Node. Empty on other systems.
#ifdef _WIN32

#include <algorithm>
#include <array>
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "test.h"
#include "system/blocking.h"
#include "threadpool/threadpool_engine.h"
#include "windows_fixture.h"

namespace overlapped {
namespace {

// Far more than the port may have in flight: the rest waits in the engine, and all complete.
TEST(windows_ten_thousand_operations_at_once) {
  constexpr size_t kCount = 10000;
  on_each_engine([](Fixture& f) {
    std::unique_ptr<OpenFile> file;
    CHECK(f.open(f.path(L"a"), kNew, file).ok());
    std::vector<uint32_t> numbers(kCount);
    for (size_t i = 0; i < kCount; ++i) numbers[i] = static_cast<uint32_t>(i * 7 + 1);
    CHECK(f.transfer(Opcode::kWrite, *file, numbers.data(), kCount * 4, 0).ok());
    std::vector<uint32_t> found(kCount);
    std::vector<Operation> ops(kCount);
    OperationList batch;
    for (size_t i = 0; i < kCount; ++i) {
      ops[i].file = file.get();
      ops[i].data = reinterpret_cast<std::byte*>(&found[i]);
      ops[i].length = 4;
      ops[i].file_offset = static_cast<int64_t>(i * 4);
      batch.push_back(&ops[i]);
    }
    f.sink.clear();
    f.engine->submit(std::move(batch));
    CHECK(f.sink.wait_for(kCount));
    f.engine->drain();
    CHECK(f.sink.count() == kCount && f.sink.each_once());
    CHECK(found == numbers);
    CHECK(std::all_of(ops.begin(), ops.end(), [](auto& op) { return op.result.value == 4; }));
    if (f.engine->kind() == EngineKind::kIocp) {
      // Calls that end at once, as cached reads do on Windows, post no packet.
      const EngineCounters counters = f.engine->counters();
      CHECK(counters.port_packets + counters.inline_completions >= kCount);
    }
  });
}

TEST(windows_ten_thousand_blocking_operations_at_once) {
  constexpr size_t kCount = 10000;
  on_each_engine([](Fixture& f) {
    std::vector<Operation> ops(kCount);
    OperationList batch;
    for (auto& op : ops) {
      op.opcode = Opcode::kStatPath;
      op.details().open.path = f.path(L"missing");
      batch.push_back(&op);
    }
    f.engine->submit(std::move(batch));
    for (size_t i = 0; i < kCount; i += 2) f.engine->cancel(ops[i]);
    CHECK(f.sink.wait_for(kCount));
    f.engine->drain();
    CHECK(f.sink.count() == kCount && f.sink.each_once());
    size_t cancelled = 0;
    for (auto& op : ops) {
      CHECK(op.result.os_error == ERROR_FILE_NOT_FOUND || op.result.os_error == kCancelledError);
      cancelled += op.result.os_error == kCancelledError;
    }
    CHECK(cancelled > 0 && cancelled <= kCount / 2);
  });
}

// Writes to a pipe that has room end at once, and so do reads of what is in it.
TEST(windows_calls_that_end_at_once_are_completed_by_their_issuer_without_a_packet) {
  constexpr size_t kCount = 100;
  Fixture f{std::string("iocp")};
  PipePair pipe(*f.engine);
  CHECK(pipe.server->skips_packets && pipe.client->skips_packets);
  std::vector<std::byte> sent(kCount);
  std::vector<std::byte> found(kCount);
  for (size_t i = 0; i < kCount; ++i) sent[i] = static_cast<std::byte>(i);
  std::vector<Operation> ops(2 * kCount);
  for (size_t i = 0; i < kCount; ++i) {
    ops[i].opcode = Opcode::kWriteVector;
    ops[i].file = pipe.client.get();
    ops[i].details().vectors = {{&sent[i], 1}};
    CHECK(f.run(ops[i]).value == 1);
  }
  for (size_t i = kCount; i < ops.size(); ++i) {
    ops[i].file = pipe.server.get();
    ops[i].data = &found[i - kCount];
    ops[i].length = 1;
    CHECK(f.run(ops[i]).value == 1);
  }
  f.engine->drain();
  const EngineCounters counters = f.engine->counters();
  CHECK(counters.inline_completions == ops.size());
  CHECK(counters.port_packets == 0);
  CHECK(found == sent);
}

TEST(windows_each_operation_comes_back_once_whether_its_call_waits_or_not) {
  constexpr size_t kCount = 500;
  Fixture f{std::string("iocp")};
  PipePair pipe(*f.engine);
  std::vector<std::byte> found(kCount);
  std::vector<std::byte> sent(kCount, std::byte{'x'});
  std::vector<Operation> reads = pending_reads(pipe, found);
  std::vector<Operation> writes(kCount);
  for (size_t i = 0; i < kCount; ++i) {
    writes[i].opcode = Opcode::kWrite;
    writes[i].file = pipe.client.get();
    writes[i].data = &sent[i];
    writes[i].length = 1;
    f.submit(i % 2 == 0 ? reads[i] : writes[i]);
  }
  for (size_t i = 0; i < kCount; ++i) f.submit(i % 2 == 0 ? writes[i] : reads[i]);
  CHECK(f.sink.wait_for(2 * kCount));
  f.engine->drain();
  CHECK(f.sink.count() == 2 * kCount && f.sink.each_once());
  for (auto& op : reads) CHECK(op.result.value == 1);
  CHECK(found == sent);
}

TEST(windows_a_message_longer_than_its_buffer_needs_no_packet) {
  Fixture f{std::string("iocp")};
  PipePair pipe(*f.engine, PIPE_TYPE_MESSAGE | PIPE_READMODE_MESSAGE);
  CHECK(f.write(*pipe.client, "message", -1).value == 7);
  CHECK(f.read(*pipe.server, 4, -1) == "mess");
  CHECK(f.read(*pipe.server, 9, -1) == "age");
  f.engine->drain();
  CHECK(f.engine->counters().port_packets == 0);
}

TEST(windows_cancelled_pipe_reads_come_back_once_each) {
  constexpr size_t kCount = 3000;  // some are pending; beyond 1,024, some are queued
  for (const int wait_ms : {0, 1, 100}) {
    Fixture f{std::string("iocp")};
    PipePair pipe(*f.engine);
    std::vector<std::byte> buffer(kCount);
    std::vector<Operation> ops = pending_reads(pipe, buffer);
    f.engine->submit(as_batch(ops));
    std::this_thread::sleep_for(std::chrono::milliseconds(wait_ms));
    for (auto& op : ops) f.engine->cancel(op);
    CHECK(f.sink.wait_for(kCount));
    f.engine->drain();
    CHECK(f.sink.count() == kCount && f.sink.each_once());
    for (auto& op : ops) CHECK(op.result.os_error == kCancelledError);
    for (auto& op : ops) f.engine->cancel(op);
    CHECK(f.sink.count() == kCount);
  }
}

TEST(windows_cancel_races_with_completion) {
  constexpr size_t kCount = 200;
  for (int round = 0; round < 20; ++round) {
    Fixture f{std::string("iocp")};
    PipePair pipe(*f.engine);
    std::vector<std::byte> buffer(kCount);
    std::vector<Operation> ops = pending_reads(pipe, buffer);
    std::vector<std::byte> text(kCount / 2, std::byte{'x'});
    Operation write;
    write.opcode = Opcode::kWrite;
    write.file = pipe.client.get();
    write.data = text.data();
    write.length = text.size();
    f.engine->submit(as_batch(ops));
    f.submit(write);
    for (auto& op : ops) f.engine->cancel(op);
    CHECK(f.sink.wait_for(kCount + 1));
    f.engine->drain();
    CHECK(f.sink.count() == kCount + 1 && f.sink.each_once());
    for (size_t i = 0; i < kCount; ++i) {
      const Result result = ops[i].result;
      CHECK(result.os_error == kCancelledError ||
            (result.ok() && result.value == 1 && buffer[i] == std::byte{'x'}));
    }
  }
}

TEST(windows_pipe_whose_other_side_is_closed_gives_nothing) {
  Fixture f{std::string("iocp")};
  PipePair pipe(*f.engine);
  CHECK(f.write(*pipe.client, "bye", -1).value == 3);
  CHECK(f.read(*pipe.server, 10, -1) == "bye");
  CHECK(f.simple(Opcode::kClose, *pipe.client).ok());
  CHECK(f.read(*pipe.server, 10, -1).empty());
  CHECK(f.status(*pipe.server).mode == 0x1000);
}

TEST(windows_message_longer_than_the_buffer_is_read_in_parts) {
  Fixture f{std::string("iocp")};
  PipePair pipe(*f.engine, PIPE_TYPE_MESSAGE | PIPE_READMODE_MESSAGE);
  CHECK(f.write(*pipe.client, "abcdef", -1).value == 6);
  CHECK(f.read(*pipe.server, 4, -1) == "abcd");
  CHECK(f.read(*pipe.server, 4, -1) == "ef");
  // The first part arrives only after the read has been issued.
  std::string text(4, '\0');
  Operation read;
  read.file = pipe.server.get();
  read.data = reinterpret_cast<std::byte*>(text.data());
  read.length = text.size();
  f.sink.clear();
  f.submit(read);
  std::string message = "ghijkl";
  Operation write;
  write.opcode = Opcode::kWrite;
  write.file = pipe.client.get();
  write.data = reinterpret_cast<std::byte*>(message.data());
  write.length = message.size();
  f.submit(write);
  CHECK(f.sink.wait_for(2));
  CHECK(read.result.value == 4 && text == "ghij");
  CHECK(f.read(*pipe.server, 4, -1) == "kl");
}

// A synchronous pipe end: its transfers block in a separate pool, while files are still served.
TEST(windows_blocking_reads_are_interrupted) {
  constexpr size_t kCount = 20;
  on_each_engine([](Fixture& f) {
    std::array<HANDLE, 2> ends{};
    CHECK(CreatePipe(&ends[0], &ends[1], nullptr, 0));
    OpenFile reader(ends[0], DeviceType::kPipe);
    OpenFile writer(ends[1], DeviceType::kPipe);
    std::vector<std::byte> buffer(kCount);
    std::vector<Operation> ops(kCount);
    for (size_t i = 0; i < kCount; ++i) {
      ops[i].file = &reader;
      ops[i].data = &buffer[i];
      ops[i].length = 1;
    }
    f.engine->submit(as_batch(ops));
    Operation stat;
    stat.opcode = Opcode::kStatPath;
    stat.details().open.path = f.path(L".");
    f.submit(stat);
    CHECK(f.sink.wait_for(1));
    CHECK(stat.result.ok());
    for (auto& op : ops) f.engine->cancel(op);
    CHECK(f.sink.wait_for(kCount + 1));
    f.engine->drain();
    CHECK(f.sink.count() == kCount + 1 && f.sink.each_once());
    for (auto& op : ops) CHECK(op.result.os_error == kCancelledError);
  });
}

TEST(windows_drain_waits_for_operations_in_flight) {
  constexpr size_t kCount = 2000;
  on_each_engine([](Fixture& f) {
    std::unique_ptr<OpenFile> file;
    CHECK(f.open(f.path(L"a"), kNew, file).ok());
    std::vector<std::byte> data(4096, std::byte{'d'});
    std::vector<Operation> ops(kCount);
    for (size_t i = 0; i < kCount; ++i) {
      ops[i].opcode = Opcode::kWrite;
      ops[i].file = file.get();
      ops[i].data = data.data();
      ops[i].length = data.size();
      ops[i].file_offset = static_cast<int64_t>(i * data.size());
    }
    f.sink.clear();
    f.engine->submit(as_batch(ops));
    f.engine->drain();
    CHECK(f.sink.count() == kCount && f.sink.each_once());
    CHECK(f.status(*file).size == kCount * data.size());
  });
}

TEST(windows_end_with_everything_in_flight) {
  Fixture f{std::string("iocp")};
  PipePair pipe(*f.engine);
  std::vector<std::byte> buffer(100);
  std::vector<Operation> ops = pending_reads(pipe, buffer);
  f.engine->submit(as_batch(ops));
  for (auto& op : ops) f.engine->cancel(op);
  f.engine->drain();
  CHECK(f.sink.count() == ops.size() && f.sink.each_once());
  // Destroying it does not wait for anything then.
  f.engine = std::make_unique<ThreadpoolEngine>(f.sink);
}

}  // namespace
}  // namespace overlapped

#endif
