#pragma once

#include <cstdint>
#include <mutex>
#include <vector>

#include "open_file.h"

namespace overlapped {

// What is known of the file systems behind device numbers. A file system is asked what it is once,
// on a worker, since it may be one that asks a server.
class FileSystems {
 public:
  FileSystems() = default;
  ~FileSystems();
  FileSystems(const FileSystems&) = delete;
  FileSystems& operator=(const FileSystems&) = delete;

  // kUnknown until somebody has learned it since the last change of the mounts: a device number may
  // then be that of another file system. Never waits. On the submitting thread alone.
  FileSystem find(uint64_t device);

  bool knows(uint64_t device);

  // Asks the file system of an open file, if need be.
  FileSystem learn(int descriptor, uint64_t device);

  // Whether openat2() takes RESOLVE_CACHED here. Of the submitting thread.
  bool has_cached_paths = true;

  // The folder of the process's descriptors in /proc, or -1.
  int descriptors();

 private:
  struct Entry {
    uint64_t device;
    FileSystem file_system;
  };

  bool watch_mounts();
  FileSystem look_up(uint64_t device);

  // Of the submitting thread.
  bool opened_ = false;
  int mounts_ = -1;
  int descriptors_ = -1;

  std::mutex mutex_;
  bool watches_ = false;  // while false nothing is remembered
  std::vector<Entry> entries_;
};

// Learns what kind of file system an open file is on, or what a path leads to. On a worker, since
// that may wait.
void note_file_system(OpenFile& file, FileSystems& file_systems);
void note_file_system(const PathString& path, FileSystems& file_systems);

}  // namespace overlapped
