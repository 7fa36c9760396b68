// The cursor, attributes and holes of files, on every engine.
#include <cstring>
#include <vector>

#include "harness.h"
#include "test.h"
#include "system/sparse.h"

namespace overlapped::testing {

namespace {

constexpr uint32_t kReadOnlyAttribute = 0x1;

uint32_t sharing_violation() {
#ifdef _WIN32
  return ERROR_SHARING_VIOLATION;
#else
  return EBUSY;
#endif
}

Result seek(Harness& harness, OpenFile& file, int64_t position, SeekOrigin origin) {
  Operation& op = harness.make(Opcode::kSeek, &file);
  op.file_offset = position;
  op.flags = static_cast<uint32_t>(origin);
  return harness.run(op);
}

FileAttributes attributes_of(Harness& harness, OpenFile& file) {
  Operation& op = harness.make(Opcode::kGetAttributes, &file);
  CHECK(harness.run(op).ok());
  return op.detail->attributes;
}

Result set_attributes(Harness& harness, OpenFile& file, uint32_t set, uint32_t clear) {
  Operation& op = harness.make(Opcode::kSetAttributes, &file);
  op.flags = set;
  op.length = clear;
  return harness.run(op);
}

std::vector<AllocatedRange> ranges_of(Harness& harness, OpenFile& file, int64_t position,
                                      size_t length) {
  Operation& op = harness.make(Opcode::kAllocatedRanges, &file);
  op.file_offset = position;
  op.length = length;
  const Result result = harness.run(op);
  CHECK(result.ok());
  std::vector<AllocatedRange> ranges(static_cast<size_t>(result.value) / sizeof(AllocatedRange));
  if (!ranges.empty()) {
    std::memcpy(ranges.data(), op.detail->content.get(), static_cast<size_t>(result.value));
  }
  return ranges;
}

}  // namespace

ENGINE_TEST(seek_moves_the_cursor_also_beyond_the_end) {
  Harness harness(engine);
  OpenFile& file = *harness.open(harness.path("seek"), kOpenNew);
  CHECK_EQUAL(harness.write_text(file, "0123456789", 0).value, 10);
  CHECK_EQUAL(seek(harness, file, 3, SeekOrigin::kStart).value, 3);
  CHECK_EQUAL(harness.read_text(file, 2, -1), "34");
  CHECK_EQUAL(seek(harness, file, 1, SeekOrigin::kCurrent).value, 6);
  CHECK_EQUAL(harness.read_text(file, 2, -1), "67");
  CHECK_EQUAL(seek(harness, file, -1, SeekOrigin::kEnd).value, 9);
  CHECK_EQUAL(harness.read_text(file, 5, -1), "9");
  CHECK_EQUAL(seek(harness, file, 90, SeekOrigin::kEnd).value, 100);
  CHECK_EQUAL(harness.write_text(file, "x", -1).value, 1);
  CHECK_EQUAL(harness.status(file).size, 101U);
  CHECK(!seek(harness, file, -102, SeekOrigin::kEnd).ok());
  CHECK_EQUAL(seek(harness, file, 0, SeekOrigin::kCurrent).value, 101);
}

ENGINE_TEST(read_only_is_set_and_taken_away_and_the_rest_stays) {
  Harness harness(engine);
  OpenFile& file = *harness.open(harness.path("attributes"), kOpenNew);
  const uint32_t before = attributes_of(harness, file).bits;
  CHECK(!(before & kReadOnlyAttribute));
  CHECK(set_attributes(harness, file, kReadOnlyAttribute, 0).ok());
  CHECK(attributes_of(harness, file).bits & kReadOnlyAttribute);
  CHECK(set_attributes(harness, file, 0, kReadOnlyAttribute).ok());
  CHECK_EQUAL(attributes_of(harness, file).bits, before);
}

ENGINE_TEST(a_handle_without_access_tells_of_the_file_and_reads_nothing) {
  Harness harness(engine);
  OpenFile& file = *harness.open(harness.path("facts"), kOpenNew);
  CHECK_EQUAL(harness.write_text(file, "data", 0).value, 4);
  OpenFile& facts = *harness.open(harness.path("facts"), kOpenRead, kAttributesOnly);
  CHECK_EQUAL(harness.status(facts).size, 4U);
  CHECK_EQUAL(attributes_of(harness, facts).bits, attributes_of(harness, file).bits);
  CHECK(!harness.read(facts, harness.memory(4), 0).ok());
}

ENGINE_TEST(share_modes_that_deny_each_other_exclude_each_other) {
  Harness harness(engine);
  const PathString path = harness.path("shared");
  {
    OpenFile& file = *harness.open(path, kOpenNew, kDenyAny);
    CHECK_EQUAL(harness.write_text(file, "mine", 0).value, 4);
    Operation& refused = harness.make_path(Opcode::kOpen, path, kOpenNew, kDenyAny);
    CHECK_EQUAL(harness.run(refused).os_error, sharing_violation());
    // The rejected operation has not truncated the file.
    CHECK_EQUAL(harness.status(file).size, 4U);
    CHECK(harness.run(harness.make(Opcode::kClose, &file)).ok());
  }
  OpenFile& reader = *harness.open(path, kOpenRead, kDenyWrite | kDenyDelete);
  OpenFile& other = *harness.open(path, kOpenRead, kDenyWrite | kDenyDelete);
  CHECK_EQUAL(harness.read_text(reader, 4, 0), "mine");
  CHECK_EQUAL(harness.read_text(other, 4, 0), "mine");
  Operation& writer = harness.make_path(Opcode::kOpen, path, kOpenBoth, kDenyWrite | kDenyDelete);
  CHECK_EQUAL(harness.run(writer).os_error, sharing_violation());
}

ENGINE_TEST(a_hole_reads_as_zeros_and_is_no_allocated_range) {
  constexpr size_t kBlock = 65536;
  Harness harness(engine);
  OpenFile& file = *harness.open(harness.path("holes"), kOpenNew);
  const std::span<std::byte> memory = harness.memory(8 * kBlock);
  fill_pattern(memory, 0, 1);
  CHECK_EQUAL(harness.write(file, memory, 0).value, 8 * kBlock);
  Operation& sparse = harness.make(Opcode::kSetSparse, &file);
  sparse.flags = 1;
  CHECK(harness.run(sparse).ok());
  Operation& punch = harness.make(Opcode::kPunchHole, &file);
  punch.file_offset = 2 * kBlock;
  punch.length = 3 * kBlock;
  const Result punched = harness.run(punch);
#ifdef _WIN32
  if (punched.os_error == ERROR_NOT_SUPPORTED) throw Skip("the system punches no holes");
#else
  if (punched.os_error == EOPNOTSUPP) throw Skip("the file system punches no holes");
#endif
  CHECK(punched.ok());
  CHECK_EQUAL(harness.read_text(file, 3 * kBlock, 2 * kBlock), std::string(3 * kBlock, '\0'));
  const std::vector<AllocatedRange> ranges = ranges_of(harness, file, 0, SIZE_MAX);
  REQUIRE(ranges.size() == 2);
  CHECK_EQUAL(ranges[0].position, 0);
  CHECK_EQUAL(ranges[0].length, 2 * kBlock);
  CHECK_EQUAL(ranges[1].position, 5 * kBlock);
  CHECK_EQUAL(ranges[1].length, 3 * kBlock);
  CHECK_EQUAL(attributes_of(harness, file).allocated, 5 * kBlock);
}

ENGINE_TEST(allocated_ranges_are_clipped_to_the_request_and_leave_the_cursor_alone) {
  Harness harness(engine);
  OpenFile& file = *harness.open(harness.path("whole"), kOpenNew);
  CHECK_EQUAL(harness.write(file, harness.memory(10'000), 0).value, 10'000);
  CHECK_EQUAL(seek(harness, file, 77, SeekOrigin::kStart).value, 77);
  const std::vector<AllocatedRange> part = ranges_of(harness, file, 100, 50);
  REQUIRE(part.size() == 1);
  CHECK_EQUAL(part[0].position, 100);
  CHECK_EQUAL(part[0].length, 50);
  CHECK(ranges_of(harness, file, 10'000, 5).empty());
  CHECK(ranges_of(harness, file, 20'000, 5).empty());
  CHECK_EQUAL(seek(harness, file, 0, SeekOrigin::kCurrent).value, 77);
}

}  // namespace overlapped::testing
