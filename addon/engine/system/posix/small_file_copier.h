#pragma once

#include <sys/stat.h>

#include <cstddef>
#include <memory>

#include "access_list.h"
#include "operation.h"
#include "system_call.h"

namespace overlapped {

// Copies small files from the directory `source` of an operation to its directory `file`, as
// system/copy_small_file.h describes. One copier serves all files of an operation.
class SmallFileCopier {
 public:
  struct Names {
    const char* source;
    const char* temporary;   // of the new file
    const char* final_name;  // null: the complete file keeps its temporary name
  };

  explicit SmallFileCopier(Operation& operation);

  // Returns the number of bytes, kSourceChanged or kSourceHasHoles. Unless it returns a number of
  // bytes, the new file has been removed.
  Result copy(const Names& names, uint32_t& refused_parts);

 private:
  Result open_source(const char* name, Descriptor& from, struct stat& status);
  Result open_to_read(const char* name, bool keeps_access_time) const;
  mode_t first_mode(const struct stat& status) const;
  bool is_for_maker(const struct stat& status) const;
  bool has_lists() const;
  Result make(const Names& names, int from, const struct stat& status, uint32_t& refused_parts);
  Result fill(int from, const struct stat& status, int to, uint32_t& refused_parts);
  Result copy_content(int from, const struct stat& status, int to);
  Result read_and_write(int from, size_t size, int to, int64_t copied);
  ssize_t read_some(int from);
  uint32_t parts_to_set(const struct stat& status, int to) const;
  bool clone(int from, int to);

  Operation& op_;
  const bool locks_;  // whether new files are locked until they have their final name
  [[maybe_unused]] bool leaves_cache_;  // on Linux
  // The owner of new files in the directory, if it is known before they are made.
  uid_t user_ = 0;
  gid_t group_ = 0;
  bool knows_owner_ = false;
  bool inherits_list_ = false;  // whether new files get an access list from the directory
  AccessList list_;             // of the source
  [[maybe_unused]] bool may_clone_ = true;  // on Linux
  std::unique_ptr<std::byte[]> buffer_;
  size_t room_ = 0;
};

}  // namespace overlapped
