#include "tree.h"

#include <algorithm>
#include <memory>
#include <utility>

namespace overlapped {

namespace {

class TreeList {
 public:
  void add(std::string path, EntryType type) {
    if (!types_.empty()) paths_.push_back('\0');
    types_.push_back(static_cast<char>(type));
    paths_.append(path);
  }

  // Makes the list the content of the operation.
  Result pack(Operation& operation) const {
    const auto count = static_cast<uint32_t>(types_.size());
    const size_t size = sizeof count + types_.size() + paths_.size();
    auto content = std::make_unique_for_overwrite<std::byte[]>(size);
    std::byte* to = content.get();
    to = std::copy_n(reinterpret_cast<const std::byte*>(&count), sizeof count, to);
    to = std::copy_n(reinterpret_cast<const std::byte*>(types_.data()), types_.size(), to);
    std::copy_n(reinterpret_cast<const std::byte*>(paths_.data()), paths_.size(), to);
    operation.detail->content = std::move(content);
    return Result::success(static_cast<int64_t>(size));
  }

 private:
  std::string types_;
  std::string paths_;
};

// A folder whose entries have been read but not yet added to the list.
struct PendingFolder {
  PathString relative;
  std::vector<TreeEntry> entries;
};

class TreeWalk {
 public:
  explicit TreeWalk(Operation& operation)
      : operation_(operation),
        root_(operation.detail->open.path),
        flags_(static_cast<uint32_t>(operation.detail->open.flags)) {}

  // The last folder is entered first, which is the order of Node's own list.
  Result run() {
    Result result = push(PathString());
    while (result.ok() && !stack_.empty()) {
      const PendingFolder folder = std::move(stack_.back());
      stack_.pop_back();
      result = add(folder);
    }
    return result.ok() ? list_.pack(operation_) : result;
  }

 private:
  Result push(const PathString& relative) {
    PendingFolder folder{relative, {}};
    const Result read = read_folder(root_, relative, folder.entries);
    if (!read.ok()) {
      const PathString path = relative.empty() ? root_ : join_path(root_, relative);
      return fail_at(operation_, path, TreeStep::kScan, read);
    }
    stack_.push_back(std::move(folder));
    return read;
  }

  Result add(const PendingFolder& folder) {
    for (const TreeEntry& entry : folder.entries) {
      const PathString relative = join_path(folder.relative, entry.name);
      list_.add(to_utf8(relative), entry.type);
      if (!(flags_ & kTreeRecursive)) continue;
      if (!is_entered(relative, entry)) continue;
      if (is_cancelled(operation_)) return Result::cancelled();
      const Result pushed = push(relative);
      if (!pushed.ok()) return pushed;
    }
    return Result::success(0);
  }

  bool is_entered(const PathString& relative, const TreeEntry& entry) const {
    if (entry.type == EntryType::kDirectory) return true;
    return entry.type == EntryType::kLink && (flags_ & kTreeFollowLinks) &&
           leads_to_folder(root_, relative, entry);
  }

  Operation& operation_;
  const PathString& root_;
  const uint32_t flags_;
  TreeList list_;
  std::vector<PendingFolder> stack_;
};

}  // namespace

Result list_tree(Operation& operation) { return TreeWalk(operation).run(); }

Result give_entries(Operation& operation, const std::vector<TreeEntry>& entries) {
  TreeList list;
  for (const TreeEntry& entry : entries) list.add(to_utf8(entry.name), entry.type);
  return list.pack(operation);
}

uint32_t entry_count(const std::byte* content) {
  uint32_t count = 0;
  std::copy_n(content, sizeof count, reinterpret_cast<std::byte*>(&count));
  return count;
}

Result fail_at(Operation& operation, const PathString& path, TreeStep step, Result result) {
  operation.detail->failed_path = path;
  operation.detail->failed_step = static_cast<int32_t>(step);
  return result;
}

bool is_cancelled(const Operation& operation) {
  return operation.cancel_requested.load(std::memory_order_acquire);
}

}  // namespace overlapped
