// Files and devices on Windows, tested without Node. Empty on other systems.
#ifdef _WIN32

#include <array>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>

#include "system/blocking.h"
#include "test.h"
#include "windows_fixture.h"

namespace overlapped {
namespace {

TEST(windows_file_keeps_what_is_written) {
  on_each_engine([](Fixture& f) {
    std::unique_ptr<OpenFile> file;
    CHECK(f.open(f.path(L"a"), kNew, file).ok());
    CHECK(file->device_type() == DeviceType::kDisk);
    CHECK(file->overlapped == (f.engine->kind() == EngineKind::kIocp));
    CHECK(f.write(*file, "hello world", 0).value == 11);
    CHECK(f.read(*file, 5, 6) == "world");
    FileStatus status = f.status(*file);
    CHECK(status.size == 11);
    CHECK(status.mode == (0x8000 | 0666));
    CHECK(status.nlink == 1 && status.ino != 0 && status.blksize == 4096);
    const auto now = std::chrono::duration_cast<std::chrono::seconds>(
                         std::chrono::system_clock::now().time_since_epoch())
                         .count();
    CHECK(std::abs(status.seconds[1] - now) < 3600);
    CHECK(f.simple(Opcode::kTruncate, *file, 5).ok());
    CHECK(f.status(*file).size == 5);
    CHECK(f.simple(Opcode::kSync, *file).ok());
    CHECK(f.simple(Opcode::kDataSync, *file).ok());
    CHECK(f.simple(Opcode::kClose, *file).ok());
    CHECK(f.simple(Opcode::kClose, *file).ok());
    CHECK(f.transfer(Opcode::kTruncate, *file, nullptr, 0, -1).os_error == ERROR_INVALID_HANDLE);
  });
}

TEST(windows_read_at_the_end_gives_nothing) {
  on_each_engine([](Fixture& f) {
    std::unique_ptr<OpenFile> file;
    CHECK(f.open(f.path(L"a"), kNew, file).ok());
    CHECK(f.read(*file, 10, 0).empty());
    CHECK(f.write(*file, "abc", 0).value == 3);
    CHECK(f.read(*file, 10, 1) == "bc");
    CHECK(f.read(*file, 10, 3).empty());
    CHECK(f.read(*file, 10, 1 << 20).empty());
    CHECK(f.read(*file, 0, 0).empty());
  });
}

TEST(windows_cursor_follows_operations_without_a_position) {
  on_each_engine([](Fixture& f) {
    std::unique_ptr<OpenFile> file;
    CHECK(f.open(f.path(L"a"), kNew, file).ok());
    CHECK(f.write(*file, "abc", -1).value == 3);
    CHECK(f.write(*file, "def", -1).value == 3);
    CHECK(f.read(*file, 6, 0) == "abcdef");
    CHECK(f.read(*file, 6, -1).empty());
    file->set_cursor(1);
    CHECK(f.read(*file, 2, -1) == "bc");
    CHECK(f.read(*file, 9, -1) == "def");
    CHECK(file->cursor() == 6);
  });
}

TEST(windows_append_writes_at_the_end) {
  for (const int64_t preallocate : {int64_t{0}, int64_t{1} << 20}) {
    on_each_engine([&](Fixture& f) {
      std::unique_ptr<OpenFile> file;
      const int32_t flags = kReadWriteFlag | kCreateFlag | kAppendFlag;
      CHECK(f.open(f.path(L"a"), flags, file, 0, preallocate).ok());
      CHECK(f.status(*file).size == 0);
      CHECK(f.write(*file, "one", -1).value == 3);
      CHECK(file->cursor() == 3);
      CHECK(f.write(*file, "two", 0).value == 3);
      CHECK(f.read(*file, 10, 0) == "onetwo");
      CHECK(f.write(*file, "three", -1).value == 5);
      CHECK(file->cursor() == 11);
      CHECK(f.read(*file, 20, 0) == "onetwothree");
    });
  }
}

TEST(windows_open_reports_errors) {
  on_each_engine([](Fixture& f) {
    std::unique_ptr<OpenFile> file;
    CHECK(f.open(f.path(L"missing"), kReadOnlyFlag, file).os_error == ERROR_FILE_NOT_FOUND);
    CHECK(!file);
    CHECK(f.open(f.path(L"no\\file"), kReadOnlyFlag, file).os_error == ERROR_PATH_NOT_FOUND);
    CHECK(f.open(f.path(L"a"), 3, file).os_error == ERROR_INVALID_PARAMETER);
    CHECK(f.open(f.path(L"a"), kNew, file).ok());
    CHECK(f.open(f.path(L"a"), kNew | kExclusiveFlag, file).os_error == ERROR_FILE_EXISTS);
    std::unique_ptr<OpenFile> reader;
    CHECK(f.open(f.path(L"a"), kReadOnlyFlag, reader).ok());
    CHECK(f.write(*reader, "x", 0).os_error == ERROR_ACCESS_DENIED);
    std::unique_ptr<OpenFile> writer;
    CHECK(f.open(f.path(L"a"), kWriteOnlyFlag, writer).ok());
    CHECK(f.read(*writer, 1, 0) == "error " + std::to_string(ERROR_ACCESS_DENIED));
  });
}

TEST(windows_directory_opens_but_does_not_read) {
  on_each_engine([](Fixture& f) {
    std::unique_ptr<OpenFile> folder;
    CHECK(f.open(f.path(L"."), kReadOnlyFlag, folder).ok());
    if (!folder) return;
    CHECK(folder->device_type() == DeviceType::kDirectory);
    const FileStatus status = f.status(*folder);
    CHECK((status.mode & 0xF000) == 0x4000 && status.size == 0);
    std::unique_ptr<OpenFile> created;
    CHECK(!f.open(f.path(L"."), kWriteOnlyFlag | kCreateFlag | kTruncateFlag, created).ok());
    CHECK(f.read(*folder, 10, 0).rfind("error ", 0) == 0);
    Operation op;
    op.opcode = Opcode::kReadPath;
    op.details().open = OpenRequest{.path = f.path(L"."), .flags = kReadOnlyFlag};
    CHECK(f.run(op).ok());
    CHECK(op.detail->opened && op.detail->opened->device_type() == DeviceType::kDirectory);
  });
}

TEST(windows_vectors_stop_at_a_short_transfer) {
  on_each_engine([](Fixture& f) {
    std::unique_ptr<OpenFile> file;
    CHECK(f.open(f.path(L"a"), kNew, file).ok());
    std::array<std::string, 4> parts{"abc", "", "defg", "h"};
    Operation op;
    op.opcode = Opcode::kWriteVector;
    op.file = file.get();
    for (auto& part : parts) {
      op.details().vectors.push_back({reinterpret_cast<std::byte*>(part.data()), part.size()});
    }
    CHECK(f.run(op).value == 8);
    CHECK(file->cursor() == 8);
    op.opcode = Opcode::kReadVector;
    op.file_offset = 2;
    for (auto& part : parts) part.assign(part.size(), '.');
    CHECK(f.run(op).value == 6);
    CHECK(parts[0] == "cde" && parts[2] == "fgh." && parts[3] == ".");
    op.file_offset = 8;
    CHECK(f.run(op).ok() && op.result.value == 0);
    op.detail->vectors.clear();
    CHECK(f.run(op).ok() && op.result.value == 0);
  });
}

TEST(windows_paths_are_read_and_written_as_one) {
  on_each_engine([](Fixture& f) {
    std::string text(100000, 'x');
    Operation write;
    write.opcode = Opcode::kWritePath;
    write.details().open =
        OpenRequest{.path = f.path(L"a"),
                    .flags = kWriteOnlyFlag | kCreateFlag | kTruncateFlag,
                    .mode = 0666};
    write.data = reinterpret_cast<std::byte*>(text.data());
    write.length = text.size();
    CHECK(f.run(write).value == 100000);
    Operation read;
    read.opcode = Opcode::kReadPath;
    read.details().open = OpenRequest{.path = f.path(L"a"), .flags = kReadOnlyFlag};
    CHECK(f.run(read).value == 100000);
    CHECK(!read.detail->opened && read.detail->content);
    CHECK(std::memcmp(read.detail->content.get(), text.data(), text.size()) == 0);

    text.assign(kReadPathMax + 1, 'y');
    write.data = reinterpret_cast<std::byte*>(text.data());
    write.length = text.size();
    CHECK(f.run(write).ok());
    CHECK(f.run(read).ok());
    CHECK(read.detail->opened != nullptr);
    if (!read.detail->opened) return;
    OpenFile& file = *read.detail->opened;
    CHECK(file.overlapped == (f.engine->kind() == EngineKind::kIocp));
    CHECK(f.read(file, 2, static_cast<int64_t>(kReadPathMax)) == "y");
    CHECK(f.read(file, 2, -1) == "yy");
  });
}

TEST(windows_status_by_path) {
  on_each_engine([](Fixture& f) {
    std::unique_ptr<OpenFile> file;
    CHECK(f.open(f.path(L"a"), kNew, file).ok());
    CHECK(f.write(*file, "abc", 0).ok());
    for (const Opcode opcode : {Opcode::kStatPath, Opcode::kLstatPath}) {
      Operation op;
      op.opcode = opcode;
      op.details().open.path = f.path(L"a");
      CHECK(f.run(op).ok());
      CHECK(op.detail->status.size == 3 && op.detail->status.ino == f.status(*file).ino);
      op.detail->open.path = f.path(L"missing");
      CHECK(f.run(op).os_error == ERROR_FILE_NOT_FOUND);
    }
    std::unique_ptr<OpenFile> read_only;
    Operation op;
    op.opcode = Opcode::kOpen;
    op.details().open = OpenRequest{.path = f.path(L"r"), .flags = kNew, .mode = 0444};
    CHECK(f.run(op).ok());
    CHECK(f.status(*op.detail->opened).mode == (0x8000 | 0444));
    op.detail->opened.reset();
    SetFileAttributesW(f.path(L"r").c_str(), FILE_ATTRIBUTE_NORMAL);
  });
}

TEST(windows_options_of_open) {
  on_each_engine([](Fixture& f) {
    std::unique_ptr<OpenFile> file;
    CHECK(f.open(f.path(L"u"), kNew, file, kUnbuffered | kWriteThrough).ok());
    CHECK(file->unbuffered && file->alignment.position >= 512);
    CHECK(file->alignment.length == file->alignment.position);
    CHECK(file->alignment.memory >= file->alignment.position);
    alignas(4096) std::array<char, 8192> buffer;
    buffer.fill('z');
    CHECK(f.transfer(Opcode::kWrite, *file, buffer.data(), 4096, 0).value == 4096);
    CHECK(f.transfer(Opcode::kRead, *file, buffer.data(), 8192, 0).value == 4096);
    CHECK(f.transfer(Opcode::kRead, *file, buffer.data(), 4096, 8192).ok());
    const int32_t append = kWriteOnlyFlag | kCreateFlag | kAppendFlag;
    CHECK(f.open(f.path(L"u"), append, file, kUnbuffered).ok());
    // lib/ tracks the end of an unbuffered file, so the position is used.
    CHECK(f.transfer(Opcode::kWrite, *file, buffer.data(), 4096, 4096).value == 4096);
    CHECK(f.status(*file).size == 8192);
    CHECK(f.open(f.path(L"u"), kReadOnlyFlag, file, kUnbufferedPrefer | kAccessSequential).ok());
    CHECK(f.open(f.path(L"d"), kNew, file, kDeleteOnClose).ok());
    CHECK(f.simple(Opcode::kClose, *file).ok());
    CHECK(f.open(f.path(L"d"), kReadOnlyFlag, file).os_error == ERROR_FILE_NOT_FOUND);
    CHECK(f.open(f.path(L"p"), kNew, file, kAccessRandom, 1 << 20).ok());
    CHECK(f.status(*file).size == 0);
    CHECK(f.write(*file, "abc", 0).ok());
    CHECK(f.status(*file).size == 3);
  });
}

TEST(windows_device_without_a_port) {
  on_each_engine([](Fixture& f) {
    std::unique_ptr<OpenFile> file;
    CHECK(f.open(L"\\\\.\\NUL", kReadWriteFlag, file).ok());
    if (!file) return;
    CHECK(file->device_type() == DeviceType::kChar);
    CHECK(f.write(*file, "gone", -1).value == 4);
    CHECK(f.read(*file, 4, -1).empty());
    CHECK(!file->overlapped);
    CHECK((f.status(*file).mode & 0xF000) == 0x2000);
  });
}

}  // namespace
}  // namespace overlapped

#endif
