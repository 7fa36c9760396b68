#ifdef __linux__

#include <linux/fuse.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>

#include "fuse.h"
#include "harness.h"
#include "test.h"

// A local file system on a device that does not answer: nothing that needs it runs in place.

namespace overlapped::testing {

namespace {

constexpr size_t kFileSize = 8 * 1024;

bool run_command(const std::string& command) {
  return std::system((command + " >/dev/null 2>&1").c_str()) == 0;
}

void write_file(const std::string& path) {
  std::ofstream(path, std::ios::binary) << std::string(kFileSize, 'x');
}

// An ext4 file system on a loop device, whose image the server of a FUSE file system has.
class SlowDisk {
 public:
  SlowDisk(const std::string& folder, HangingFileSystem& fuse) : folder_(folder + "/disk") {
    const std::string content = folder + "/content";
    const std::string image = folder + "/image";
    ::mkdir(content.c_str(), 0755);
    ::mkdir((content + "/folder").c_str(), 0755);
    ::mkdir(folder_.c_str(), 0755);
    for (const char* const name : {"cached", "named", "opened", "folder/unknown"}) {
      write_file(content + "/" + name);
    }
    if (!run_command("mkfs.ext4 -q -O ^has_journal -d '" + content + "' '" + image + "' 8M")) {
      throw Skip("mkfs.ext4 is not installed");
    }
    std::ifstream made(image, std::ios::binary);
    fuse.add("image", {std::istreambuf_iterator<char>(made), {}});
    if (!run_command("mount -o ro,loop '" + fuse.path("image") + "' '" + folder_ + "'")) {
      throw Skip("no loop device is available");
    }
  }
  ~SlowDisk() { ::umount2(folder_.c_str(), MNT_DETACH); }
  SlowDisk(const SlowDisk&) = delete;
  SlowDisk& operator=(const SlowDisk&) = delete;

  std::string path(const std::string& name) const { return folder_ + "/" + name; }

 private:
  const std::string folder_;
};

bool is_done_now(Harness& harness, Operation& op) {
  return harness.engine().run_now(op) && op.result.ok();
}

// Every call returns although the device is silent; otherwise this test never ends.
ENGINE_TEST(nothing_waits_for_a_silent_device_in_place) {
  Harness harness(engine);
  // Without a cache, so that each read of the device asks the server.
  HangingFileSystem fuse(harness.path("fuse"), FOPEN_DIRECT_IO);
  const SlowDisk disk(harness.path("."), fuse);
  OpenFile* const file = harness.open(disk.path("opened"), kOpenRead);
  REQUIRE(file);
  CHECK_EQUAL(harness.run(harness.make_path(Opcode::kReadPath, disk.path("cached"))).value,
              static_cast<int64_t>(kFileSize));
  // The first puts the name into the kernel's cache, and the second asks the file system.
  for (int i = 0; i < 2; ++i) {
    harness.run(harness.make_path(Opcode::kStatPath, disk.path("named")));
  }
  if (!is_done_now(harness, harness.make_path(Opcode::kStatPath, disk.path("named")))) {
    throw Skip("the kernel promises nothing");
  }
  fuse.hang_at(FUSE_READ);

  const auto cannot_run_now = [&](Operation& op) {
    CHECK(!harness.engine().run_now(op));
    harness.submit(op);
  };
  // The folder of this name is still on the device.
  for (const Opcode opcode : {Opcode::kStatPath, Opcode::kLstatPath, Opcode::kAccessPath,
                              Opcode::kOpen, Opcode::kReadPath}) {
    cannot_run_now(harness.make_path(opcode, disk.path("folder/unknown")));
  }
  // The content of these files is.
  cannot_run_now(harness.make_path(Opcode::kReadPath, disk.path("named")));
  cannot_run_now(harness.make_transfer(Opcode::kRead, *file, harness.memory(100), 0));
  harness.submit(harness.make_transfer(Opcode::kRead, *file, harness.memory(100), -1));
  while (fuse.unanswered() == 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));

  // Cached files are served while the device is silent.
  CHECK(is_done_now(harness, harness.make_path(Opcode::kStatPath, disk.path("cached"))));
  CHECK(is_done_now(harness, harness.make_path(Opcode::kReadPath, disk.path("cached"))));
  CHECK(is_done_now(harness, harness.make(Opcode::kStat, file)));
  fuse.end();
  CHECK(harness.wait_for_all());
}

}  // namespace

}  // namespace overlapped::testing

#endif
