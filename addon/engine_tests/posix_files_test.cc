// Errors of errno, devices and the options of open on POSIX.
#ifndef _WIN32

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <string>
#include <thread>

#include "posix_pipe.h"
#include "test.h"

namespace overlapped::testing {

namespace {

ENGINE_TEST(a_directory_is_opened_but_not_read) {
  Harness harness(engine);
  OpenFile& folder = *harness.open(harness.path("."), kOpenRead);
  CHECK_EQUAL(folder.device_type(), DeviceType::kDirectory);
  for (const size_t size : {size_t{16}, size_t{1} << 20}) {
    CHECK_EQUAL(harness.read(folder, harness.memory(size), 0).os_error, EISDIR);
    CHECK_EQUAL(harness.read(folder, harness.memory(size), -1).os_error, EISDIR);
  }
  Operation& vector = harness.make_vector(Opcode::kReadVector, folder, {8, 8}, 0);
  CHECK_EQUAL(harness.run(vector).os_error, EISDIR);
  Operation& write = harness.make_path(Opcode::kOpen, harness.path("."), kOpenWrite);
  CHECK_EQUAL(harness.run(write).os_error, EISDIR);
  Operation& below =
      harness.make_path(Opcode::kWritePath, harness.path("a/b"), kOpenWrite | kOpenCreate);
  CHECK_EQUAL(harness.run(below).os_error, ENOENT);
}

ENGINE_TEST(a_full_device_says_so) {
  if (::access("/dev/full", W_OK) != 0) throw Skip("there is no /dev/full");
  Harness harness(engine);
  OpenFile& full = *harness.open("/dev/full", kOpenWrite);
  CHECK_EQUAL(full.device_type(), DeviceType::kChar);
  CHECK_EQUAL(harness.write_text(full, "x", 0).os_error, ENOSPC);
  CHECK_EQUAL(harness.write_text(full, "x", -1).os_error, ENOSPC);
  CHECK_EQUAL(harness.write(full, harness.memory(1 << 20), 0).os_error, ENOSPC);
  Operation& vector = harness.make_vector(Opcode::kWriteVector, full, {8, 8}, 0);
  CHECK_EQUAL(harness.run(vector).os_error, ENOSPC);
  Operation& whole = harness.make_path(Opcode::kWritePath, "/dev/full", kOpenWrite);
  whole.data = harness.memory(10).data();
  whole.length = 10;
  CHECK_EQUAL(harness.run(whole).os_error, ENOSPC);
}

ENGINE_TEST(a_pipe_takes_no_position_and_a_cancel_of_that_error_does_nothing) {
  Harness harness(engine);
  Pipe pipe(harness);
  pipe.put("abc");
  const std::span<std::byte> memory = harness.memory(3);
  const std::array<Operation*, 4> all = {
      &harness.make_transfer(Opcode::kRead, pipe.reader(), memory, 0),
      &harness.make_transfer(Opcode::kWrite, pipe.writer(), memory, 7),
      &harness.make_vector(Opcode::kReadVector, pipe.reader(), {2, 2}, 0),
      &harness.make_vector(Opcode::kWriteVector, pipe.writer(), {2, 2}, 0)};
  for (Operation* const op : all) {
    harness.submit(*op);
    harness.cancel(*op);
    CHECK(harness.wait(*op));
    CHECK(op->result.os_error == ESPIPE || is_cancelled(*op));
  }
  CHECK_EQUAL(harness.read(pipe.reader(), memory, 0).os_error, ESPIPE);
  CHECK_EQUAL(pipe.take_rest(), "abc");
}

ENGINE_TEST(a_write_to_a_pipe_that_nobody_reads_is_an_error_and_no_signal) {
  Harness harness(engine);
  Pipe pipe(harness);
  CHECK_EQUAL(harness.run(harness.make(Opcode::kClose, &pipe.reader())).os_error, 0U);
  CHECK_EQUAL(harness.write_text(pipe.writer(), "x", -1).os_error, EPIPE);
  Operation& vector = harness.make_vector(Opcode::kWriteVector, pipe.writer(), {8, 8}, -1);
  CHECK_EQUAL(harness.run(vector).os_error, EPIPE);
}

ENGINE_TEST(read_path_returns_anything_but_a_regular_file_open) {
  Harness harness(engine);
  Operation& zero = harness.make_path(Opcode::kReadPath, "/dev/zero");
  CHECK_EQUAL(harness.run(zero).os_error, 0U);
  REQUIRE(zero.detail->opened != nullptr);
  CHECK_EQUAL(zero.detail->opened->device_type(), DeviceType::kChar);
  OpenFile& device = harness.adopt(std::move(zero.detail->opened));
  CHECK_EQUAL(harness.read_text(device, 3, -1), std::string(3, '\0'));
  Operation& folder = harness.make_path(Opcode::kReadPath, harness.path("."));
  CHECK_EQUAL(harness.run(folder).os_error, 0U);
  REQUIRE(folder.detail->opened != nullptr);
  CHECK_EQUAL(folder.detail->opened->device_type(), DeviceType::kDirectory);
}

ENGINE_TEST(write_path_for_a_stream_closes_a_file_that_has_all_bytes) {
  Harness harness(engine);
  const PathString path = harness.path("a");
  const auto make = [&](const PathString& where, uint32_t options) -> Operation& {
    Operation& op =
        harness.make_path(Opcode::kWritePath, where, kOpenWrite | kOpenCreate, options);
    const std::span<std::byte> bytes = harness.memory(10);
    fill_pattern(bytes, 0);
    op.data = bytes.data();
    op.length = bytes.size();
    return op;
  };
  Operation& whole = make(path, kReturnsUnfinished);
  CHECK_EQUAL(harness.run(whole).value, kWrittenAndClosed);
  CHECK(whole.detail->opened == nullptr);

  Operation& kept = make(path, kReturnsOpen);
  CHECK_EQUAL(harness.run(kept).os_error, 0U);
  REQUIRE(kept.detail->opened != nullptr);
  CHECK_EQUAL(kept.transferred, 10U);
  OpenFile& file = harness.adopt(std::move(kept.detail->opened));
  CHECK_EQUAL(::lseek(file.handle(), 0, SEEK_CUR), 10);
  CHECK_EQUAL(::fcntl(file.handle(), F_GETFL) & O_NONBLOCK, 0);

  Operation& device = make("/dev/null", kReturnsUnfinished);
  CHECK_EQUAL(harness.run(device).os_error, 0U);
  REQUIRE(device.detail->opened != nullptr);
  CHECK_EQUAL(device.transferred, 0U);
  CHECK_EQUAL(harness.run(make(harness.path("a/b"), kReturnsUnfinished)).os_error, ENOTDIR);
}

ENGINE_TEST(a_link_is_told_from_what_it_points_to) {
  Harness harness(engine);
  harness.open(harness.path("a"), kOpenNew);
  REQUIRE(::symlink(harness.path("a").c_str(), harness.path("link").c_str()) == 0);
  Operation& followed = harness.make_path(Opcode::kStatPath, harness.path("link"));
  CHECK_EQUAL(harness.run(followed).os_error, 0U);
  CHECK(S_ISREG(followed.detail->status.mode));
  Operation& itself = harness.make_path(Opcode::kLstatPath, harness.path("link"));
  CHECK_EQUAL(harness.run(itself).os_error, 0U);
  CHECK(S_ISLNK(itself.detail->status.mode));
}

ENGINE_TEST(the_options_of_open_do_what_they_say) {
  Harness harness(engine);
  OpenFile& gone = *harness.open(harness.path("gone"), kOpenNew, kDeleteOnClose);
  CHECK_EQUAL(harness.write_text(gone, "abc", 0).value, 3);
  CHECK_EQUAL(harness.read_text(gone, 3, 0), "abc");
  CHECK(::access(harness.path("gone").c_str(), F_OK) != 0);
  OpenFile& through = *harness.open(harness.path("t"), kOpenNew, kWriteThrough | kAccessSequential);
  CHECK(::fcntl(through.handle(), F_GETFL) & O_DSYNC);
  CHECK(::fcntl(through.handle(), F_GETFD) & FD_CLOEXEC);
  Operation& room = harness.make_path(Opcode::kOpen, harness.path("room"), kOpenNew);
  room.detail->open.preallocate = 1 << 20;
  CHECK_EQUAL(harness.run(room).os_error, 0U);
  OpenFile& reserved = harness.adopt(std::move(room.detail->opened));
  CHECK_EQUAL(harness.status(reserved).size, 0U);
  // A preferred direct open that falls back must not meet the file that it created exclusively.
  OpenFile& preferred =
      *harness.open(harness.path("p"), kOpenNew | kOpenExclusive, kUnbufferedPrefer);
  CHECK_EQUAL(preferred.unbuffered, preferred.alignment.position > 0);
}

ENGINE_TEST(an_open_that_is_refused_leaves_the_files_of_others_alone) {
  Harness harness(engine);
  OpenFile& file = *harness.open(harness.path("a"), kOpenNew);
  harness.write_text(file, "abc", 0);
  // Some of these combinations are invalid, and EINVAL is also the error for rejected direct I/O.
  for (const int32_t flags : {O_CREAT | O_EXCL, O_CREAT | O_EXCL | O_DIRECTORY, O_EXCL,
                              O_CREAT | O_DIRECTORY, O_DIRECTORY}) {
    for (const uint32_t options : {0U, uint32_t{kUnbuffered}, uint32_t{kUnbufferedPrefer}}) {
      Operation& op = harness.make_path(Opcode::kOpen, harness.path("a"), flags | O_RDWR, options);
      harness.run(op);
      CHECK_EQUAL(::access(harness.path("a").c_str(), F_OK), 0);
    }
  }
  CHECK_EQUAL(harness.read_text(file, 3, 0), "abc");
}

ENGINE_TEST(unbuffered_transfers_obey_the_alignment_of_the_handle) {
  Harness harness(engine);
  Operation& open = harness.make_path(Opcode::kOpen, harness.path("direct"), kOpenNew, kUnbuffered);
  if (harness.run(open).os_error == EINVAL) {
    CHECK(::access(harness.path("direct").c_str(), F_OK) != 0);
    throw Skip("no direct I/O where temporary files are");
  }
  REQUIRE(open.detail->opened != nullptr);
  OpenFile& file = harness.adopt(std::move(open.detail->opened));
  CHECK(file.unbuffered);
  const Alignment need = file.alignment;
  REQUIRE(need.position > 0 && need.length > 0 && need.memory > 0);
  const size_t block = std::max<size_t>(4096, need.length);
  constexpr size_t kBlocks = 256;
  const std::span<std::byte> all = harness.memory(block * kBlocks, need.memory);
  fill_pattern(all, 0);
  CHECK_EQUAL(harness.write(file, all, 0).value, all.size());
  std::vector<Operation*> reads;
  for (size_t i = 0; i < kBlocks; ++i) {
    const std::span<std::byte> into = harness.memory(block, need.memory);
    reads.push_back(
        &harness.make_transfer(Opcode::kRead, file, into, static_cast<int64_t>(i * block)));
  }
  harness.submit(reads);
  CHECK(harness.wait_for_all());
  for (const Operation* const op : reads) {
    CHECK_EQUAL(op->result.value, block);
    CHECK(has_pattern({op->data, op->length}, static_cast<uint64_t>(op->file_offset)));
  }

  // A truncated tail is read up to the end of the file; at the end there is nothing.
  Operation& cut = harness.make(Opcode::kTruncate, &file);
  cut.length = block + 100;
  CHECK_EQUAL(harness.run(cut).os_error, 0U);
  const auto second = static_cast<int64_t>(block);
  CHECK_EQUAL(harness.read(file, all.first(2 * block), second).value, 100);
  CHECK_EQUAL(harness.read(file, all.first(block), 2 * second).value, 0);
}

ENGINE_TEST(a_cancel_during_a_direct_read_leaves_right_bytes_or_none) {
  Harness harness(engine);
  Operation& open = harness.make_path(Opcode::kOpen, harness.path("direct"), kOpenNew, kUnbuffered);
  if (harness.run(open).os_error == EINVAL) throw Skip("no direct I/O where temporary files are");
  OpenFile& file = harness.adopt(std::move(open.detail->opened));
  constexpr size_t kSize = 256 * 1024;
  const std::span<std::byte> all = harness.memory(kSize, 4096);
  fill_pattern(all, 0);
  CHECK_EQUAL(harness.write(file, all, 0).value, kSize);
  Random random(9);
  for (int i = 0; i < 300; ++i) {
    const std::span<std::byte> into = all.first(i % 2 ? kSize : 4096);
    Operation& op = harness.make_transfer(Opcode::kRead, file, into, 0);
    harness.submit(op);
    if (random.below(2)) std::this_thread::sleep_for(std::chrono::microseconds(random.below(99)));
    harness.cancel(op);
    REQUIRE(harness.wait(op));
    CHECK(is_cancelled(op) || op.result.value == static_cast<int64_t>(into.size()));
  }
  CHECK(has_pattern(all, 0));
}

}  // namespace

}  // namespace overlapped::testing

#endif
