// The guarantees of engine.h, on every engine of the system. The files posix_*_test.cc and
// windows_*_test.cc test what only one system has.
#include "engine.h"

#include <algorithm>
#include <numeric>
#include <string>
#include <vector>

#include "harness.h"
#include "test.h"
#include "system/blocking.h"

namespace overlapped::testing {

namespace {

constexpr uint32_t kNotFound = os_error(2, 2);
// Sizes around the thresholds at which the engines switch to another way of moving bytes.
constexpr size_t kSizes[] = {1, 511, 4096, 65535, 65536, 65537, 1 << 20, (8 << 20) + 3};

TEST(an_engine_of_an_unknown_name_is_an_error) {
  QueueSink sink;
  const EngineChoice choice = select_engine("steam", sink);
  CHECK(choice.engine == nullptr);
  CHECK(!choice.reason.empty());
}

TEST(some_engine_always_serves_and_a_fallback_has_a_reason) {
  QueueSink sink;
  const EngineChoice choice = select_engine("", sink);
  REQUIRE(choice.engine != nullptr);
  if (choice.engine->kind() == EngineKind::kThreadpool) CHECK(!choice.reason.empty());
}

ENGINE_TEST(the_engine_is_the_one_asked_for) {
  Harness harness(engine);
  CHECK_EQUAL(std::string(engine_name(harness.engine().kind())), engine);
}

ENGINE_TEST(an_engine_that_did_nothing_drains_and_ends) {
  Harness harness(engine);
  harness.engine().submit({});
  CHECK(!harness.collect());
  harness.end();
}

ENGINE_TEST(reads_give_what_was_written_at_every_size) {
  Harness harness(engine);
  OpenFile& file = *harness.open(harness.path("a"), kOpenNew);
  CHECK_EQUAL(file.device_type(), DeviceType::kDisk);
  CHECK(!file.unbuffered);
  int64_t file_offset = 0;
  for (const size_t size : kSizes) {
    const std::span<std::byte> from = harness.memory(size);
    fill_pattern(from, static_cast<uint64_t>(file_offset));
    const Result written = harness.write(file, from, file_offset);
    CHECK_EQUAL(written.os_error, 0U);
    CHECK_EQUAL(written.value, size);
    const std::span<std::byte> into = harness.memory(size);
    const Result read = harness.read(file, into, file_offset);
    CHECK_EQUAL(read.os_error, 0U);
    CHECK_EQUAL(read.value, size);
    CHECK(has_pattern(into, static_cast<uint64_t>(file_offset)));
    file_offset += static_cast<int64_t>(size);
  }
  CHECK_EQUAL(harness.status(file).size, file_offset);
}

ENGINE_TEST(a_read_at_the_end_gives_the_rest_and_a_read_beyond_it_nothing) {
  Harness harness(engine);
  OpenFile& file = *harness.open(harness.path("a"), kOpenNew);
  CHECK_EQUAL(harness.read_text(file, 10, 0), "");
  CHECK_EQUAL(harness.write_text(file, "abcdef", 0).value, 6);
  CHECK_EQUAL(harness.read_text(file, 10, 2), "cdef");
  CHECK_EQUAL(harness.read_text(file, 10, 6), "");
  CHECK_EQUAL(harness.read_text(file, 10, int64_t{1} << 40), "");
  CHECK_EQUAL(harness.read_text(file, 0, 0), "");
  // Also above the size that is tried on the submitting thread.
  CHECK_EQUAL(harness.read_text(file, 1 << 20, 4), "ef");
  CHECK_EQUAL(harness.read_text(file, 1 << 20, 6), "");
}

ENGINE_TEST(a_write_beyond_the_end_leaves_zeros_before_it) {
  Harness harness(engine);
  OpenFile& file = *harness.open(harness.path("a"), kOpenNew);
  CHECK_EQUAL(harness.write_text(file, "z", 5).value, 1);
  CHECK_EQUAL(harness.read_text(file, 10, 0), std::string(5, '\0') + "z");
  CHECK_EQUAL(harness.write_text(file, "", 100).value, 0);
  CHECK_EQUAL(harness.status(file).size, 6U);
}

ENGINE_TEST(vectors_are_moved_in_their_order) {
  Harness harness(engine);
  OpenFile& file = *harness.open(harness.path("a"), kOpenNew);
  const std::vector<size_t> lengths = {1, 4095, 0, 70000, 3, 300000};
  const auto total = std::accumulate(lengths.begin(), lengths.end(), size_t{0});
  Operation& write = harness.make_vector(Opcode::kWriteVector, file, lengths, 10);
  uint64_t place = 10;
  for (const IoVector& vector : write.detail->vectors) {
#ifdef _WIN32
    const std::span<std::byte> part(vector.data, vector.length);
#else
    const std::span<std::byte> part(static_cast<std::byte*>(vector.iov_base), vector.iov_len);
#endif
    fill_pattern(part, place);
    place += part.size();
  }
  CHECK_EQUAL(harness.run(write).value, total);
  const std::span<std::byte> into = harness.memory(total);
  CHECK_EQUAL(harness.read(file, into, 10).value, total);
  CHECK(has_pattern(into, 10));

  // The reverse, with other lengths, across the end of the file.
  Operation& read = harness.make_vector(Opcode::kReadVector, file, {100000, 7, 500000}, 10);
  CHECK_EQUAL(harness.run(read).value, total);
  place = 10;
  size_t rest = total;
  for (const IoVector& vector : read.detail->vectors) {
#ifdef _WIN32
    const std::span<std::byte> part(vector.data, std::min(rest, vector.length));
#else
    const std::span<std::byte> part(static_cast<std::byte*>(vector.iov_base),
                                    std::min(rest, vector.iov_len));
#endif
    CHECK(has_pattern(part, place));
    place += part.size();
    rest -= part.size();
  }
}

ENGINE_TEST(operations_without_a_position_follow_the_cursor) {
  Harness harness(engine);
  OpenFile& file = *harness.open(harness.path("a"), kOpenNew);
  for (const char* part : {"one ", "two ", "three"}) harness.write_text(file, part, -1);
  CHECK_EQUAL(harness.read_text(file, 20, 0), "one two three");
  // A read with a position does not move the cursor, which is still at the end.
  CHECK_EQUAL(harness.read_text(file, 20, -1), "");
  OpenFile& again = *harness.open(harness.path("a"), kOpenRead);
  CHECK_EQUAL(harness.read_text(again, 4, -1), "one ");
  CHECK_EQUAL(harness.read_text(again, 3, 8), "thr");
  CHECK_EQUAL(harness.read_text(again, 4, -1), "two ");
  Operation& rest = harness.make_vector(Opcode::kReadVector, again, {2, 1, 10}, -1);
  CHECK_EQUAL(harness.run(rest).value, 5);
  CHECK_EQUAL(harness.read_text(again, 20, -1), "");
}

ENGINE_TEST(writes_to_a_file_open_for_appending_go_to_its_end) {
  Harness harness(engine);
  OpenFile& file = *harness.open(harness.path("a"), kOpenNew);
  harness.write_text(file, "start", 0);
  OpenFile& log = *harness.open(harness.path("a"), kOpenWrite | kOpenAppend);
  CHECK(log.append);
  CHECK_EQUAL(harness.write_text(log, " one", -1).value, 4);
  CHECK_EQUAL(harness.write_text(log, " two", -1).value, 4);
  CHECK_EQUAL(harness.read_text(file, 20, 0), "start one two");
}

ENGINE_TEST(truncate_cuts_and_grows) {
  Harness harness(engine);
  OpenFile& file = *harness.open(harness.path("a"), kOpenNew);
  harness.write_text(file, "abcdef", 0);
  Operation& cut = harness.make(Opcode::kTruncate, &file);
  cut.length = 2;
  CHECK_EQUAL(harness.run(cut).os_error, 0U);
  CHECK_EQUAL(harness.status(file).size, 2U);
  Operation& grow = harness.make(Opcode::kTruncate, &file);
  grow.length = 100000;
  CHECK_EQUAL(harness.run(grow).os_error, 0U);
  CHECK_EQUAL(harness.read_text(file, 4, 0), std::string("ab\0\0", 4));
  CHECK_EQUAL(harness.status(file).size, 100000U);
}

ENGINE_TEST(both_kinds_of_sync_succeed) {
  Harness harness(engine);
  OpenFile& file = *harness.open(harness.path("a"), kOpenNew);
  harness.write_text(file, "abc", 0);
  CHECK_EQUAL(harness.run(harness.make(Opcode::kSync, &file)).os_error, 0U);
  CHECK_EQUAL(harness.run(harness.make(Opcode::kDataSync, &file)).os_error, 0U);
}

ENGINE_TEST(stat_tells_the_same_of_a_handle_and_of_its_path) {
  Harness harness(engine);
  OpenFile& file = *harness.open(harness.path("a"), kOpenNew);
  harness.write_text(file, "abc", 0);
  const FileStatus by_handle = harness.status(file);
  for (const Opcode opcode : {Opcode::kStatPath, Opcode::kLstatPath}) {
    Operation& op = harness.make_path(opcode, harness.path("a"));
    CHECK_EQUAL(harness.run(op).os_error, 0U);
    const FileStatus& by_path = op.detail->status;
    CHECK_EQUAL(by_path.size, 3U);
    CHECK_EQUAL(by_path.ino, by_handle.ino);
    CHECK_EQUAL(by_path.dev, by_handle.dev);
    CHECK_EQUAL(by_path.mode, by_handle.mode);
    CHECK_EQUAL(by_path.nlink, 1U);
    CHECK_EQUAL(by_path.seconds[1], by_handle.seconds[1]);
  }
  CHECK_EQUAL(by_handle.mode & 0170000U, 0100000U);
}

ENGINE_TEST(close_ends_the_handle_and_a_second_close_succeeds) {
  Harness harness(engine);
  OpenFile& file = *harness.open(harness.path("a"), kOpenNew);
  CHECK_EQUAL(harness.run(harness.make(Opcode::kClose, &file)).os_error, 0U);
  CHECK(file.handle() == invalid_handle());
  CHECK_EQUAL(harness.run(harness.make(Opcode::kClose, &file)).os_error, 0U);
  for (const Opcode opcode : {Opcode::kRead, Opcode::kWrite}) {
    Operation& op = harness.make_transfer(opcode, file, harness.memory(8), 0);
    CHECK_EQUAL(harness.run(op).os_error, kBadHandleError);
  }
  CHECK_EQUAL(harness.run(harness.make(Opcode::kSync, &file)).os_error, kBadHandleError);
}

ENGINE_TEST(read_path_gives_whole_small_files_and_opens_larger_ones) {
  Harness harness(engine);
  const size_t sizes[] = {0,
                          1,
                          4095,
                          4096,
                          8192,
                          100000,
                          kReadPathMax - 1,
                          kReadPathMax,
                          kReadPathMax + 1,
                          3 * kReadPathMax};
  for (const size_t size : sizes) {
    const std::span<std::byte> from = harness.memory(size);
    fill_pattern(from, 0, size);
    OpenFile& file = *harness.open(harness.path("a"), kOpenNew);
    if (size > 0) CHECK_EQUAL(harness.write(file, from, 0).value, size);
    Operation& op = harness.make_path(Opcode::kReadPath, harness.path("a"));
    const Result result = harness.run(op);
    CHECK_EQUAL(result.os_error, 0U);
    if (size <= kReadPathMax) {
      CHECK_EQUAL(result.value, size);
      CHECK(has_pattern(content_of(op), 0, size));
      CHECK(op.detail->opened == nullptr);
    } else {
      CHECK(content_of(op).empty());
      REQUIRE(op.detail->opened != nullptr);
      // Its cursor is at the start, whatever was read before.
      OpenFile& opened = harness.adopt(std::move(op.detail->opened));
      const std::span<std::byte> into = harness.memory(1000);
      CHECK_EQUAL(harness.read(opened, into, -1).value, 1000);
      CHECK(has_pattern(into, 0, size));
    }
  }
}

ENGINE_TEST(write_path_replaces_or_appends_as_its_flags_say) {
  Harness harness(engine);
  for (const size_t size : {size_t{3} << 20, size_t{1}, size_t{0}, size_t{100000}}) {
    Operation& write = harness.make_path(Opcode::kWritePath, harness.path("a"),
                                         kOpenWrite | kOpenCreate | kOpenTruncate);
    const std::span<std::byte> from = harness.memory(size);
    fill_pattern(from, 0, size);
    write.data = from.data();
    write.length = size;
    const Result result = harness.run(write);
    CHECK_EQUAL(result.os_error, 0U);
    CHECK_EQUAL(result.value, size);
    CHECK(write.detail->opened == nullptr);
    OpenFile& file = *harness.open(harness.path("a"), kOpenRead);
    CHECK_EQUAL(harness.status(file).size, size);
    const std::span<std::byte> into = harness.memory(size);
    if (size > 0) CHECK_EQUAL(harness.read(file, into, 0).value, size);
    CHECK(has_pattern(into, 0, size));
  }
}

ENGINE_TEST(errors_are_those_of_the_system) {
  Harness harness(engine);
  const PathString missing = harness.path("missing");
  for (const Opcode opcode :
       {Opcode::kOpen, Opcode::kStatPath, Opcode::kLstatPath, Opcode::kReadPath}) {
    Operation& op = harness.make_path(opcode, missing);
    CHECK_EQUAL(harness.run(op).os_error, kNotFound);
    CHECK(op.detail->opened == nullptr);
  }
  harness.open(harness.path("a"), kOpenNew);
  Operation& exclusive =
      harness.make_path(Opcode::kOpen, harness.path("a"), kOpenNew | kOpenExclusive);
  CHECK_EQUAL(harness.run(exclusive).os_error, os_error(17, 80));  // EEXIST, ERROR_FILE_EXISTS
  Operation& write = harness.make_path(Opcode::kWritePath, missing, kOpenWrite);
  CHECK_EQUAL(harness.run(write).os_error, kNotFound);

  constexpr uint32_t kNotAllowed = os_error(9, 5);  // EBADF, ERROR_ACCESS_DENIED
  OpenFile& read_only = *harness.open(harness.path("a"), kOpenRead);
  CHECK_EQUAL(harness.write_text(read_only, "x", 0).os_error, kNotAllowed);
  OpenFile& write_only = *harness.open(harness.path("a"), kOpenWrite);
  CHECK_EQUAL(harness.read(write_only, harness.memory(1), 0).os_error, kNotAllowed);
  CHECK_EQUAL(harness.read(write_only, harness.memory(1 << 20), 0).os_error, kNotAllowed);
}

}  // namespace

}  // namespace overlapped::testing
