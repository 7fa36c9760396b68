#ifdef __linux__

#include <linux/fs.h>
#include <linux/fuse.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <string>
#include <thread>

#include "fuse.h"
#include "harness.h"
#include "system/blocking.h"
#include "test.h"

// Operations that run on the submitting thread, which must never wait.

namespace overlapped::testing {

namespace {

uint64_t inline_count(Harness& harness) { return harness.engine().counters().inline_completions; }

// Runs an operation and returns whether it was done before submit() returned.
bool is_done_in_place(Harness& harness, Operation& op) {
  const uint64_t before = inline_count(harness);
  harness.submit(op);
  const bool in_place = inline_count(harness) > before;
  REQUIRE(harness.wait(op));
  return in_place;
}

void need_local_file_system(Harness& harness) {
  harness.run(harness.make_path(Opcode::kStatPath, harness.path(".")));
  if (!is_done_in_place(harness, harness.make_path(Opcode::kStatPath, harness.path(".")))) {
    throw Skip("the file system of temporary files, or the kernel, promises nothing");
  }
}

ENGINE_TEST(cached_operations_on_a_local_disk_are_done_before_submit_returns) {
  Harness harness(engine);
  need_local_file_system(harness);
  const PathString path = harness.path("file");
  OpenFile& made = *harness.open(path, kOpenNew);
  harness.write_text(made, "content", 0);

  Operation& stat = harness.make_path(Opcode::kStatPath, path);
  CHECK(is_done_in_place(harness, stat));
  CHECK_EQUAL(stat.detail->status.size, 7U);
  CHECK_EQUAL(stat.detail->status.ino, harness.status(made).ino);
  CHECK(is_done_in_place(harness, harness.make_path(Opcode::kLstatPath, path)));
  Operation& access = harness.make_path(Opcode::kAccessPath, path);
  access.detail->open.mode = R_OK;
  CHECK(is_done_in_place(harness, access));
  CHECK_EQUAL(access.result.os_error, 0U);
  Operation& read = harness.make_path(Opcode::kReadPath, path);
  CHECK(is_done_in_place(harness, read));
  CHECK_EQUAL(content_of(read).size(), 7U);

  Operation& open = harness.make_path(Opcode::kOpen, path);
  CHECK(is_done_in_place(harness, open));
  REQUIRE(open.result.ok() && open.detail->opened);
  OpenFile& file = harness.adopt(std::move(open.detail->opened));
  CHECK_EQUAL(::fcntl(file.handle(), F_GETFL) & O_NONBLOCK, 0);
  CHECK_EQUAL(::fcntl(file.handle(), F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
  Operation& part = harness.make_transfer(Opcode::kRead, file, harness.memory(100), -1);
  CHECK(is_done_in_place(harness, part));
  CHECK_EQUAL(part.result.value, 7);
  CHECK(is_done_in_place(harness, harness.make(Opcode::kStat, &file)));
  CHECK(is_done_in_place(harness, harness.make(Opcode::kClose, &file)));
  // A file that may have data to write is closed by a worker.
  CHECK(!is_done_in_place(harness, harness.make(Opcode::kClose, &made)));
}

ENGINE_TEST(a_name_known_not_to_exist_fails_in_place) {
  Harness harness(engine);
  need_local_file_system(harness);
  for (const Opcode opcode : {Opcode::kStatPath, Opcode::kOpen, Opcode::kReadPath}) {
    // The first lookup puts the name into the kernel's cache.
    harness.run(harness.make_path(Opcode::kStatPath, harness.path("missing")));
    Operation& op = harness.make_path(opcode, harness.path("missing"));
    const bool in_place = is_done_in_place(harness, op);
    CHECK_EQUAL(op.result.os_error, static_cast<uint32_t>(ENOENT));
    if (!in_place) throw Skip("this file system keeps no names that do not exist");
  }
}

ENGINE_TEST(a_file_without_a_name_is_closed_by_a_worker) {
  Harness harness(engine);
  need_local_file_system(harness);
  OpenFile* const made = harness.open(harness.path("file"), kOpenNew);
  harness.run(harness.make(Opcode::kClose, made));
  OpenFile* const file = harness.open(harness.path("file"), kOpenRead);
  ::unlink(harness.path("file").c_str());
  CHECK(!is_done_in_place(harness, harness.make(Opcode::kClose, file)));
}

// submit() returns although the server is silent; otherwise this test never ends.
ENGINE_TEST(nothing_waits_for_a_server_in_place) {
  for (const uint32_t request : {FUSE_LOOKUP, FUSE_GETATTR, FUSE_STATFS, FUSE_OPEN, FUSE_READ,
                                 FUSE_FLUSH, FUSE_ACCESS, FUSE_RELEASE}) {
    Harness harness(engine);
    HangingFileSystem fuse(harness.path("fuse"));
    fuse.add("file", "content");
    // Everything about the file is cached before the server falls silent.
    const PathString path = fuse.path("file");
    OpenFile* const file = harness.open(path, kOpenRead);
    OpenFile* const closed = harness.open(path, kOpenRead);
    REQUIRE(file && closed);
    CHECK_EQUAL(harness.read_text(*file, 7, 0), "content");
    harness.run(harness.make_path(Opcode::kStatPath, path));
    fuse.hang_at(request);
    for (const Opcode opcode : {Opcode::kStatPath, Opcode::kLstatPath, Opcode::kAccessPath,
                                Opcode::kOpen, Opcode::kReadPath}) {
      harness.submit(harness.make_path(opcode, path));
    }
    Result borrowed;
    OpenFile& foreign = harness.adopt(borrow_file(file->handle(), borrowed));
    harness.submit(harness.make(Opcode::kStat, &foreign));
    harness.submit(harness.make_transfer(Opcode::kRead, *file, harness.memory(100), -1));
    harness.submit(harness.make_transfer(Opcode::kRead, *file, harness.memory(100), 0));
    harness.submit(harness.make(Opcode::kStat, file));
    harness.submit(harness.make(Opcode::kClose, closed));
    // Others are served meanwhile.
    CHECK(harness.run(harness.make_path(Opcode::kStatPath, harness.path("."))).ok());
    fuse.end();
    CHECK(harness.wait_for_all());
  }
}

ENGINE_TEST(transfers_at_the_cursor_move_it_whatever_the_file_system_does) {
  Harness harness(engine);
  HangingFileSystem fuse(harness.path("fuse"), FOPEN_DIRECT_IO);
  std::string content;
  for (int i = 0; i < 3000; ++i) content += std::to_string(i) + " ";
  fuse.add("in", content);
  fuse.add("unsized", content);
  fuse.add("out", "");
  for (const char* const name : {"in", "unsized"}) {
    OpenFile* const file = harness.open(fuse.path(name), kOpenRead);
    REQUIRE(file);
    std::string found;
    for (int i = 0; i < 5; ++i) found += harness.read_text(*file, 1000, -1);
    CHECK_EQUAL(found, content.substr(0, 5000));
    CHECK_EQUAL(harness.read_text(*file, 1000, 2000), content.substr(2000, 1000));
    harness.run(harness.make(Opcode::kClose, file));
  }
  OpenFile* const out = harness.open(fuse.path("out"), kOpenWrite);
  REQUIRE(out);
  for (int i = 0; i < 5; ++i) harness.write_text(*out, content.substr(0, 100), -1);
  CHECK_EQUAL(fuse.content("out").size(), 500U);
  harness.run(harness.make(Opcode::kClose, out));
}

// The name is repeatedly given to a FIFO, on which an open would wait, while its file is read.
ENGINE_TEST(a_file_that_is_replaced_meanwhile_is_read_whole_or_waited_for_elsewhere) {
  Harness harness(engine);
  need_local_file_system(harness);
  const PathString path = harness.path("name");
  OpenFile* const made = harness.open(path, kOpenNew);
  harness.write_text(*made, "content", 0);
  REQUIRE(::mkfifo(harness.path("fifo").c_str(), 0600) == 0);
  std::atomic<bool> is_over{false};
  std::thread swapper([&] {
    while (!is_over) {
      // By number, because musl has no function for it.
      (void)::syscall(SYS_renameat2, AT_FDCWD, path.c_str(), AT_FDCWD,
                      harness.path("fifo").c_str(), RENAME_EXCHANGE);
    }
  });
  std::vector<Operation*> reads;
  for (int i = 0; i < 3000; ++i) {
    reads.push_back(&harness.make_path(Opcode::kReadPath, path));
    harness.submit(*reads.back());
    if (harness.in_flight() > 40) {
      for (Operation* const op : reads) harness.cancel(*op);
      REQUIRE(harness.wait_for_all());
    }
  }
  is_over = true;
  swapper.join();
  harness.cancel_all();
  REQUIRE(harness.wait_for_all());
  for (const Operation* const op : reads) {
    if (op->result.ok() && op->detail->content) CHECK_EQUAL(content_of(*op).size(), 7U);
  }
}

}  // namespace

}  // namespace overlapped::testing

#endif
