#include "entry_statuses.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <utility>

#include "tree.h"

namespace overlapped {

namespace {

constexpr uint64_t kTypeMask = 0170000;
constexpr uint64_t kLinkType = 0120000;
constexpr size_t kHeaderSize = sizeof(uint64_t);

void fill(EntryStatus& record, const FileStatus& status) {
  record.device = status.dev;
  record.inode = status.ino;
  record.size = status.size;
  record.access_seconds = status.seconds[0];
  record.modification_seconds = status.seconds[1];
  record.access_nanoseconds = static_cast<int32_t>(status.nanoseconds[0]);
  record.modification_nanoseconds = static_cast<int32_t>(status.nanoseconds[1]);
  record.mode = static_cast<uint32_t>(status.mode);
  record.links = static_cast<uint32_t>(status.nlink);
  record.user = static_cast<uint32_t>(status.uid);
  record.group = static_cast<uint32_t>(status.gid);
}

}  // namespace

void EntryStatuses::add(std::string_view name) {
  names_.push_back({text_.size(), name.size()});
  text_.append(name).push_back('\0');
}

Result EntryStatuses::look_at_all(const Operation& op, Look look, std::byte* records,
                                  std::string& targets) const {
  for (const Name& name : names_) {
    if (is_cancelled(op)) return Result::cancelled();
    EntryStatus record;
    record.name_bytes = static_cast<uint32_t>(name.length);
    FileStatus status;
    const size_t before = targets.size();
    if (look(op, text_.data() + name.start, status, targets).ok()) {
      fill(record, status);
      const bool is_link = (status.mode & kTypeMask) == kLinkType;
      if (is_link) record.target_bytes = static_cast<int32_t>(targets.size() - before);
    } else {
      record.target_bytes = EntryStatus::kFailed;
    }
    if (record.target_bytes < 0) targets.resize(before);
    std::memcpy(records, &record, sizeof record);
    records += sizeof record;
  }
  return Result::success(0);
}

Result EntryStatuses::give(Operation& op, Look look) {
  std::sort(names_.begin(), names_.end(),
            [this](const Name& a, const Name& b) { return text_of(a) < text_of(b); });
  const uint64_t count = names_.size();
  const size_t records_size = names_.size() * sizeof(EntryStatus);
  const size_t names_size = text_.size() - names_.size();
  const size_t size = kHeaderSize + records_size + names_size;
  auto content = std::make_unique_for_overwrite<std::byte[]>(size);
  std::memcpy(content.get(), &count, sizeof count);
  std::string targets;
  const Result looked = look_at_all(op, look, content.get() + kHeaderSize, targets);
  if (!looked.ok()) return looked;
  std::byte* to = content.get() + kHeaderSize + records_size;
  for (const Name& name : names_) {
    std::memcpy(to, text_.data() + name.start, name.length);
    to += name.length;
  }
  if (!targets.empty()) {
    auto longer = std::make_unique_for_overwrite<std::byte[]>(size + targets.size());
    std::memcpy(longer.get(), content.get(), size);
    std::memcpy(longer.get() + size, targets.data(), targets.size());
    content = std::move(longer);
  }
  op.detail->content = std::move(content);
  return Result::success(static_cast<int64_t>(size + targets.size()));
}

}  // namespace overlapped
