// Copies from one open file to another, on every engine.
#include <string>

#include "harness.h"
#include "test.h"

#ifndef _WIN32
#include <sys/stat.h>
#endif

namespace overlapped::testing {

namespace {

Operation& make_from(Harness& harness, Opcode opcode, OpenFile& source, OpenFile& file) {
  Operation& op = harness.make(opcode, &file);
  op.source = &source;
  return op;
}

struct Pair {
  OpenFile& source;
  OpenFile& file;
};

Pair open_pair(Harness& harness, std::string_view text) {
  OpenFile& source = *harness.open(harness.path("source"), kOpenNew);
  OpenFile& file = *harness.open(harness.path("file"), kOpenNew);
  CHECK_EQUAL(harness.write_text(source, text, 0).value, static_cast<int64_t>(text.size()));
  return {source, file};
}

Result copy_metadata(Harness& harness, const Pair& pair, uint32_t parts) {
  Operation& op = make_from(harness, Opcode::kCopyMetadata, pair.source, pair.file);
  op.flags = parts;
  return harness.run(op);
}

}  // namespace

// A file system may lack clones, but it never makes half of one.
ENGINE_TEST(a_clone_is_whole_or_an_error_that_changes_nothing) {
  Harness harness(engine);
  const std::string text(100'000, 'x');
  const Pair pair = open_pair(harness, text);
  const Result cloned = harness.run(make_from(harness, Opcode::kCloneFile, pair.source, pair.file));
  const std::string expected = cloned.ok() ? text : "";
  CHECK_EQUAL(harness.status(pair.file).size, expected.size());
  CHECK_EQUAL(harness.read_text(pair.file, text.size() + 1, 0), expected);
}

ENGINE_TEST(times_are_copied_exactly) {
  Harness harness(engine);
  const Pair pair = open_pair(harness, "text");
  CHECK_EQUAL(harness.write_text(pair.file, "later", 0).value, 5);
  CHECK(copy_metadata(harness, pair, kMetadataTimes).ok());
  const FileStatus from = harness.status(pair.source);
  const FileStatus to = harness.status(pair.file);
  CHECK_EQUAL(to.seconds[1], from.seconds[1]);
  CHECK_EQUAL(to.nanoseconds[1], from.nanoseconds[1]);
}

#ifdef _WIN32

ENGINE_TEST(operations_that_windows_lacks_are_errors) {
  Harness harness(engine);
  const Pair pair = open_pair(harness, "text");
  for (const uint32_t part : {kMetadataOwner, kMetadataMode, kMetadataXattrs}) {
    CHECK_EQUAL(copy_metadata(harness, pair, part).os_error, uint32_t{ERROR_NOT_SUPPORTED});
  }
  Operation& op = make_from(harness, Opcode::kCopyRange, pair.source, pair.file);
  op.file_offset = 0;
  op.length = 4;
  CHECK_EQUAL(harness.run(op).os_error, uint32_t{ERROR_NOT_SUPPORTED});
}

#else

ENGINE_TEST(mode_and_owner_are_copied) {
  Harness harness(engine);
  const Pair pair = open_pair(harness, "text");
  CHECK_EQUAL(::fchmod(pair.source.handle(), 0641), 0);
  CHECK(copy_metadata(harness, pair, kMetadataOwner | kMetadataMode).ok());
  CHECK_EQUAL(harness.status(pair.file).mode & 07777, 0641U);
}

#ifdef __linux__

ENGINE_TEST(a_range_is_copied_at_its_place) {
  Harness harness(engine);
  const Pair pair = open_pair(harness, "0123456789");
  Operation& op = make_from(harness, Opcode::kCopyRange, pair.source, pair.file);
  op.file_offset = 3;
  op.length = 4;
  CHECK_EQUAL(harness.run(op).value, 4);
  CHECK_EQUAL(harness.read_text(pair.file, 20, 0), std::string("\0\0\0", 3) + "3456");
  harness.reuse(op);
  op.source = &pair.source;
  op.opcode = Opcode::kCopyRange;
  op.file = &pair.file;
  op.file_offset = 10;
  op.length = 4;
  CHECK_EQUAL(harness.run(op).value, 0);
}

#endif
#endif

}  // namespace overlapped::testing
