#pragma once

#include <chrono>
#include <cstdint>
#include <vector>

#include "mutex.h"
#include "open_file.h"

namespace overlapped {

// Caches the kinds of the file systems behind device numbers. A file system is queried once, on a
// worker, because the query may wait for a server.
class FileSystems {
 public:
  FileSystems() = default;
  ~FileSystems();
  FileSystems(const FileSystems&) = delete;
  FileSystems& operator=(const FileSystems&) = delete;

  // kUnknown until the kind has been learned since the last change of the mounts, after which a
  // device number may belong to another file system. Never waits. Submitting thread only.
  FileSystem find(uint64_t device);

  bool knows(uint64_t device);

  // Queries the file system of an open file, if it is not known yet.
  FileSystem learn(int descriptor, uint64_t device);

  // Whether openat2() accepts RESOLVE_CACHED here. Submitting thread only.
  bool has_cached_paths = true;

  // A descriptor of the process's descriptor folder in /proc, or -1.
  int descriptors();

 private:
  using Clock = std::chrono::steady_clock;

  struct Entry {
    uint64_t device;
    FileSystem file_system;
  };

  bool watch_mounts();
  FileSystem look_up(uint64_t device);

  // Submitting thread only.
  bool opened_ = false;
  int mounts_ = -1;
  Clock::time_point mounts_checked_{};
  int descriptors_ = -1;

  Mutex mutex_;
  bool watches_ = false;  // while false, nothing is cached
  std::vector<Entry> entries_;
};

// Learns the kind of file system of an open file, or of a path's target. Runs on a worker, because
// it may wait.
void note_file_system(OpenFile& file, FileSystems& file_systems);
void note_file_system(const PathString& path, FileSystems& file_systems);

}  // namespace overlapped
