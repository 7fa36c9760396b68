// Pipes that the engine creates: both ends, waiting for a client, closing with much in flight.
#include <array>
#include <atomic>
#include <string>
#include <vector>

#include "../file_table.h"
#include "harness.h"
#include "test.h"
#include "system/devices.h"

namespace overlapped::testing {

namespace {

constexpr size_t kMany = 1000;

PathString new_name(Harness& harness, [[maybe_unused]] std::string_view prefix = "pipe") {
#ifdef _WIN32
  static std::atomic<int> number{0};
  (void)harness;
  return L"\\\\.\\" + PathString(prefix.begin(), prefix.end()) + L"\\devices-" +
         std::to_wstring(GetCurrentProcessId()) + L"-" + std::to_wstring(++number);
#else
  return harness.path("pipe");
#endif
}

struct Pipe {
  std::unique_ptr<OpenFile> reader;
  std::unique_ptr<OpenFile> writer;
};

Pipe make_pipe(Harness& harness) {
  Operation& op = harness.make_path(Opcode::kCreatePipePair, new_name(harness));
  REQUIRE(harness.run(op).ok());
  return {std::move(op.detail->opened), std::move(op.detail->opened_peer)};
}

std::vector<Operation*> pending_reads(Harness& harness, OpenFile& reader) {
  const std::span<std::byte> memory = harness.memory(kMany);
  std::vector<Operation*> reads;
  for (size_t i = 0; i < kMany; ++i) {
    reads.push_back(&harness.make_transfer(Opcode::kRead, reader, memory.subspan(i, 1), -1));
  }
  harness.submit(reads);
  return reads;
}

void check_cancelled_once(Harness& harness, const std::vector<Operation*>& operations) {
  CHECK(harness.wait_for_all());
  size_t cancelled = 0;
  for (const Operation* const op : operations) {
    CHECK_EQUAL(harness.times_back(*op), 1U);
    cancelled += op->result.os_error == kCancelledError;
  }
  CHECK_EQUAL(cancelled, operations.size());
}

}  // namespace

ENGINE_TEST(bytes_written_to_a_pipe_pair_are_read_and_its_end_is_0_bytes) {
  Harness harness(engine);
  Pipe pipe = make_pipe(harness);
  OpenFile& reader = harness.adopt(std::move(pipe.reader));
  CHECK_EQUAL(reader.device_type(), DeviceType::kPipe);
  Operation& read = harness.make_transfer(Opcode::kRead, reader, harness.memory(16), -1);
  harness.submit(read);
  CHECK_EQUAL(harness.write_text(*pipe.writer, "pair", -1).value, 4);
  CHECK(harness.wait(read));
  CHECK_EQUAL(read.result.value, 4);
  CHECK(harness.run(harness.make(Opcode::kClose, pipe.writer.get())).ok());
  CHECK_EQUAL(harness.read_text(reader, 16, -1), "");
}

ENGINE_TEST(a_write_to_a_pipe_pair_without_a_reader_fails) {
  Harness harness(engine);
  Pipe pipe = make_pipe(harness);
  pipe.reader.reset();
  const Result result = harness.write_text(*pipe.writer, "nobody", -1);
#ifdef _WIN32
  CHECK_EQUAL(result.os_error, static_cast<uint32_t>(ERROR_NO_DATA));
#else
  CHECK_EQUAL(result.os_error, static_cast<uint32_t>(EPIPE));
#endif
}

ENGINE_TEST(a_pipe_pair_is_closed_with_a_thousand_reads_in_flight_a_hundred_times) {
  constexpr int kRounds = 100;
  for (int round = 0; round < kRounds; ++round) {
    Harness harness(engine);
    Pipe pipe = make_pipe(harness);
    OpenFile& writer = harness.adopt(std::move(pipe.writer));
    FileTable table;
    const int32_t id = table.add(std::move(pipe.reader));
    OpenFile& reader = *table.find(id);
    const std::vector<Operation*> reads = pending_reads(harness, reader);
    reader.in_flight = static_cast<uint32_t>(reads.size());
    Operation& close = harness.make(Opcode::kClose, &reader);
    CHECK(!table.begin_close(id, close));
    harness.engine().cancel_all(reads);
    check_cancelled_once(harness, reads);
    Operation* ready = nullptr;
    for (size_t i = 0; i < reads.size(); ++i) {
      CHECK(ready == nullptr);
      ready = table.end_operation(id);
    }
    REQUIRE(ready == &close);
    CHECK(harness.run(close).ok());
    CHECK(!harness.write_text(writer, "nobody reads", -1).ok());
  }
}

#ifdef _WIN32

namespace {

std::unique_ptr<OpenFile> make_instance(Harness& harness, const PathString& name,
                                        uint32_t instances) {
  Operation& op = harness.make_path(Opcode::kCreatePipeInstance, name);
  op.detail->open.flags = kPipeReads | kPipeWrites;
  op.detail->open.mode = instances;
  REQUIRE(harness.run(op).ok());
  return std::move(op.detail->opened);
}

std::unique_ptr<OpenFile> make_client(Harness& harness, const PathString& name) {
  Operation& op = harness.make_path(Opcode::kOpen, name, kOpenBoth, kConcurrent);
  REQUIRE(harness.run(op).ok());
  return std::move(op.detail->opened);
}

}  // namespace

ENGINE_TEST(a_connect_waits_for_a_client_and_a_read_that_waits_lets_writes_go) {
  Harness harness(engine);
  const PathString name = new_name(harness);
  OpenFile& server = harness.adopt(make_instance(harness, name, 1));
  Operation& connect = harness.make(Opcode::kConnectPipe, &server);
  harness.submit(connect);
  CHECK(!harness.is_back(connect));
  OpenFile& client = harness.adopt(make_client(harness, name));
  CHECK(harness.wait(connect));
  CHECK(connect.result.ok());
  Operation& read = harness.make_transfer(Opcode::kRead, server, harness.memory(8), -1);
  harness.submit(read);
  CHECK_EQUAL(harness.write_text(server, "answer", -1).value, 6);
  CHECK_EQUAL(harness.read_text(client, 8, -1), "answer");
  CHECK_EQUAL(harness.write_text(client, "late", -1).value, 4);
  CHECK(harness.wait(read));
  CHECK_EQUAL(read.result.value, 4);
}

ENGINE_TEST(a_client_that_came_before_the_connect_is_connected) {
  Harness harness(engine);
  const PathString name = new_name(harness);
  OpenFile& server = harness.adopt(make_instance(harness, name, 1));
  OpenFile& client = harness.adopt(make_client(harness, name));
  CHECK(harness.run(harness.make(Opcode::kConnectPipe, &server)).ok());
  CHECK_EQUAL(harness.write_text(client, "here", -1).value, 4);
  CHECK_EQUAL(harness.read_text(server, 8, -1), "here");
}

ENGINE_TEST(two_hundred_connects_are_cancelled_once_each_and_wait_again) {
  constexpr uint32_t kInstances = 200;
  Harness harness(engine);
  const PathString name = new_name(harness);
  std::vector<OpenFile*> servers;
  std::vector<Operation*> connects;
  for (uint32_t i = 0; i < kInstances; ++i) {
    servers.push_back(&harness.adopt(make_instance(harness, name, PIPE_UNLIMITED_INSTANCES)));
    connects.push_back(&harness.make(Opcode::kConnectPipe, servers.back()));
  }
  harness.submit(connects);
  for (Operation* const connect : connects) harness.cancel(*connect);
  check_cancelled_once(harness, connects);
  Operation& again = harness.make(Opcode::kConnectPipe, servers.front());
  harness.submit(again);
  OpenFile& client = harness.adopt(make_client(harness, name));
  CHECK_EQUAL(client.device_type(), DeviceType::kPipe);
  for (OpenFile* const server : servers) {
    if (server != servers.front()) {
      CHECK(harness.run(harness.make(Opcode::kClose, server)).ok());
    }
  }
  harness.cancel(again);
  CHECK(harness.wait(again));
}

ENGINE_TEST(a_mailslot_gives_message_by_message_and_its_reads_time_out) {
  Harness harness(engine);
  const PathString name = new_name(harness, "mailslot");
  constexpr uint32_t kWaitMs = 50;
  Operation& create = harness.make_path(Opcode::kCreateMailslot, name);
  create.detail->open.mode = kWaitMs;
  REQUIRE(harness.run(create).ok());
  OpenFile& server = harness.adopt(std::move(create.detail->opened));
  Operation& open = harness.make_path(Opcode::kOpenMailslot, name);
  REQUIRE(harness.run(open).ok());
  OpenFile& client = harness.adopt(std::move(open.detail->opened));
  CHECK_EQUAL(harness.write_text(client, "one", -1).value, 3);
  CHECK_EQUAL(harness.write_text(client, "second", -1).value, 6);
  CHECK_EQUAL(harness.read_text(server, 16, -1), "one");
  CHECK_EQUAL(harness.read_text(server, 16, -1), "second");
  const Result late = harness.read(server, harness.memory(16), -1);
  CHECK_EQUAL(late.os_error, static_cast<uint32_t>(ERROR_SEM_TIMEOUT));
}

namespace {

void type_line(HANDLE console, char letter) {
  std::array<INPUT_RECORD, 2> keys{};
  for (INPUT_RECORD& key : keys) {
    key.EventType = KEY_EVENT;
    key.Event.KeyEvent.bKeyDown = TRUE;
    key.Event.KeyEvent.wRepeatCount = 1;
  }
  keys[0].Event.KeyEvent.uChar.AsciiChar = letter;
  keys[1].Event.KeyEvent.uChar.AsciiChar = '\r';
  keys[1].Event.KeyEvent.wVirtualKeyCode = VK_RETURN;
  DWORD count = 0;
  REQUIRE(WriteConsoleInputA(console, keys.data(), 2, &count));
}

OpenFile& open_console(Harness& harness, const wchar_t* name) {
  Operation& op = harness.make_path(Opcode::kOpen, name, kOpenBoth);
  const Result result = harness.run(op);
  if (result.os_error == ERROR_INVALID_HANDLE) throw Skip("this process has no console");
  REQUIRE(result.ok());
  return harness.adopt(std::move(op.detail->opened));
}

}  // namespace

ENGINE_TEST(a_console_screen_buffer_shows_what_is_written_to_it) {
  Harness harness(engine);
  open_console(harness, L"CONOUT$");
  const HANDLE screen =
      CreateConsoleScreenBuffer(GENERIC_READ | GENERIC_WRITE, FILE_SHARE_READ | FILE_SHARE_WRITE,
                                nullptr, CONSOLE_TEXTMODE_BUFFER, nullptr);
  REQUIRE(screen != INVALID_HANDLE_VALUE);
  OpenFile& file = harness.adopt(std::make_unique<OpenFile>(screen, DeviceType::kChar));
  CHECK_EQUAL(harness.write_text(file, "shown", -1).value, 5);
  std::array<char, 5> shown{};
  DWORD count = 0;
  CHECK(ReadConsoleOutputCharacterA(screen, shown.data(), 5, COORD{0, 0}, &count));
  CHECK_EQUAL(std::string(shown.data(), count), "shown");
}

ENGINE_TEST(a_read_of_the_console_waits_for_a_line_and_holds_nothing_up) {
  Harness harness(engine);
  OpenFile& input = open_console(harness, L"CONIN$");
  CHECK_EQUAL(input.device_type(), DeviceType::kChar);
  CHECK(!input.overlapped);
  Operation& read = harness.make_transfer(Opcode::kRead, input, harness.memory(16), -1);
  harness.submit(read);
  OpenFile* const file = harness.open(harness.path("beside"), kOpenNew);
  CHECK_EQUAL(harness.write_text(*file, "served", 0).value, 6);
  CHECK(!harness.is_back(read));
  type_line(input.handle(), 'q');
  CHECK(harness.wait(read));
  CHECK_EQUAL(read.result.value, 3);
}

#endif

}  // namespace overlapped::testing
