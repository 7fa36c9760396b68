// Windows: the four ways to learn that an overlapped read has ended, for one workload: the file's
// own signal, an event per read, an APC in an alertable wait, and a completion port. Prints what
// each costs per read, and what it cannot do.
//
//   completion_ways [reads] [megabytes of the file]
#include <windows.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace {

constexpr DWORD kBlock = 4096;
constexpr int kRounds = 5;
// In flight for the ways that can have more than one; WaitForMultipleObjects takes no more.
constexpr size_t kDepthMax = MAXIMUM_WAIT_OBJECTS;

[[noreturn]] void fail(const char* what) {
  throw std::runtime_error(std::string(what) + ": error " + std::to_string(GetLastError()));
}

class Handle {
 public:
  explicit Handle(HANDLE handle) : handle_(handle) {}
  Handle(Handle&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Handle& operator=(Handle&&) = delete;
  ~Handle() {
    if (handle_) CloseHandle(handle_);
  }
  HANDLE get() const { return handle_; }

 private:
  HANDLE handle_;
};

// A temporary file for random reads.
class SampleFile {
 public:
  explicit SampleFile(uint32_t blocks) : blocks_(blocks) {
    wchar_t folder[MAX_PATH];
    if (GetTempPathW(MAX_PATH, folder) == 0) fail("GetTempPath");
    path_ = std::wstring(folder) + L"completion-ways-" + std::to_wstring(GetCurrentProcessId());
    const Handle file(
        CreateFileW(path_.c_str(), GENERIC_WRITE, 0, nullptr, CREATE_ALWAYS, 0, nullptr));
    if (file.get() == INVALID_HANDLE_VALUE) fail("CreateFile");
    const std::vector<char> block(kBlock, 'x');
    for (uint32_t i = 0; i < blocks; ++i) {
      DWORD written = 0;
      if (!WriteFile(file.get(), block.data(), kBlock, &written, nullptr)) fail("WriteFile");
    }
  }
  ~SampleFile() { DeleteFileW(path_.c_str()); }
  SampleFile(const SampleFile&) = delete;
  SampleFile& operator=(const SampleFile&) = delete;

  Handle open() const {
    constexpr DWORD kFlags = FILE_FLAG_OVERLAPPED | FILE_FLAG_RANDOM_ACCESS;
    const HANDLE file = CreateFileW(path_.c_str(), GENERIC_READ, FILE_SHARE_READ, nullptr,
                                    OPEN_EXISTING, kFlags, nullptr);
    if (file == INVALID_HANDLE_VALUE) fail("CreateFile");
    return Handle(file);
  }
  uint32_t blocks() const { return blocks_; }

 private:
  std::wstring path_;
  uint32_t blocks_;
};

// One read that is started again and again at other places.
struct Read : OVERLAPPED {
  std::vector<char> memory = std::vector<char>(kBlock);
};

// Places that look random and are the same for each way.
class Places {
 public:
  explicit Places(uint32_t blocks) : blocks_(blocks) {}
  void next(OVERLAPPED& overlapped) {
    state_ = state_ * 6364136223846793005u + 1442695040888963407u;
    const uint64_t offset = (state_ >> 33) % blocks_ * kBlock;
    overlapped.Offset = static_cast<DWORD>(offset);
    overlapped.OffsetHigh = static_cast<DWORD>(offset >> 32);
  }

 private:
  uint64_t state_ = 1;
  uint32_t blocks_;
};

void start(HANDLE file, Read& read) {
  if (ReadFile(file, read.memory.data(), kBlock, nullptr, &read)) return;
  if (GetLastError() != ERROR_IO_PENDING) fail("ReadFile");
}

void check(HANDLE file, Read& read) {
  DWORD count = 0;
  if (!GetOverlappedResult(file, &read, &count, FALSE) || count != kBlock) fail("a read");
}

struct Workload {
  const SampleFile& sample;
  size_t reads;
  size_t depth;
};

// ---- The four ways. Each does all reads of a workload and gives how often it has woken up.

size_t by_file(const Workload& work) {
  const Handle file = work.sample.open();
  Places places(work.sample.blocks());
  Read read{};
  for (size_t i = 0; i < work.reads; ++i) {
    places.next(read);
    start(file.get(), read);
    if (WaitForSingleObject(file.get(), INFINITE) != WAIT_OBJECT_0) fail("WaitForSingleObject");
    check(file.get(), read);
  }
  return work.reads;
}

size_t by_events(const Workload& work) {
  const Handle file = work.sample.open();
  Places places(work.sample.blocks());
  std::vector<Read> reads(work.depth);
  std::vector<Handle> owned;
  std::vector<HANDLE> events;
  for (Read& read : reads) {
    owned.emplace_back(CreateEventW(nullptr, TRUE, FALSE, nullptr));
    events.push_back(owned.back().get());
    read.hEvent = events.back();
    places.next(read);
    start(file.get(), read);
  }
  size_t started = work.depth;
  const auto count = static_cast<DWORD>(work.depth);
  for (size_t done = 0; done < work.reads; ++done) {
    const DWORD which = WaitForMultipleObjects(count, events.data(), FALSE, INFINITE);
    if (which >= count) fail("WaitForMultipleObjects");
    Read& read = reads[which];
    check(file.get(), read);
    ResetEvent(events[which]);
    if (started++ >= work.reads) continue;
    places.next(read);
    start(file.get(), read);
  }
  return work.reads;
}

// What the APCs of one run share; they find it by the event of the OVERLAPPED, which ReadFileEx
// leaves to its caller.
struct ApcRun {
  HANDLE file;
  Places places;
  size_t reads;
  size_t started = 0;
  size_t done = 0;

  void start(Read& read);
};

void CALLBACK on_apc(DWORD error, DWORD count, OVERLAPPED* overlapped) {
  auto& run = *static_cast<ApcRun*>(overlapped->hEvent);
  // Nothing would catch an exception of an APC.
  if (error != ERROR_SUCCESS || count != kBlock) std::abort();
  ++run.done;
  if (run.started < run.reads) run.start(*static_cast<Read*>(overlapped));
}

void ApcRun::start(Read& read) {
  ++started;
  read.hEvent = this;
  places.next(read);
  if (!ReadFileEx(file, read.memory.data(), kBlock, &read, on_apc)) std::abort();
}

size_t by_apcs(const Workload& work) {
  const Handle file = work.sample.open();
  ApcRun run{file.get(), Places(work.sample.blocks()), work.reads};
  std::vector<Read> reads(work.depth);
  for (Read& read : reads) run.start(read);
  size_t wakes = 0;
  while (run.done < work.reads) {
    SleepEx(INFINITE, TRUE);
    ++wakes;
  }
  return wakes;
}

size_t by_port(const Workload& work) {
  const Handle file = work.sample.open();
  const Handle port(CreateIoCompletionPort(file.get(), nullptr, 0, 1));
  if (!port.get()) fail("CreateIoCompletionPort");
  Places places(work.sample.blocks());
  std::vector<Read> reads(work.depth);
  for (Read& read : reads) {
    places.next(read);
    start(file.get(), read);
  }
  size_t started = work.depth;
  size_t wakes = 0;
  OVERLAPPED_ENTRY packets[kDepthMax];
  for (size_t done = 0; done < work.reads; ++wakes) {
    ULONG count = 0;
    if (!GetQueuedCompletionStatusEx(port.get(), packets, kDepthMax, &count, INFINITE, FALSE)) {
      fail("GetQueuedCompletionStatusEx");
    }
    done += count;
    for (ULONG i = 0; i < count; ++i) {
      Read& read = *static_cast<Read*>(packets[i].lpOverlapped);
      check(file.get(), read);
      if (started++ >= work.reads) continue;
      places.next(read);
      start(file.get(), read);
    }
  }
  return wakes;
}

// ---- Measuring

struct Way {
  const char* name;
  size_t (*run)(const Workload&);
  size_t depth_max;
  const char* cannot;
};

constexpr Way kWays[] = {
    {"signal of the file", by_file, 1,
     "tell which of several reads has ended: one in flight per handle"},
    {"event per read", by_events, kDepthMax,
     "wait for more than 64; each read costs a kernel object, each wait looks at all of them"},
    {"APC", by_apcs, kDepthMax,
     "leave the thread that issued it, which must sleep alertably and cannot run an event loop"},
    {"completion port", by_port, kDepthMax,
     "be taken off the handle again; a read that completes at once also posts a packet"},
};

uint64_t ticks_of(const FILETIME& time) {
  return static_cast<uint64_t>(time.dwHighDateTime) << 32 | time.dwLowDateTime;
}

// CPU time of the process, kernel and user, in microseconds.
double cpu_time() {
  FILETIME created, ended, kernel, user;
  if (!GetProcessTimes(GetCurrentProcess(), &created, &ended, &kernel, &user)) fail("times");
  return static_cast<double>(ticks_of(kernel) + ticks_of(user)) / 10;
}

struct Cost {
  double wall;  // microseconds per read
  double cpu;
  double reads_per_wake;
};

Cost measure(const Way& way, const Workload& work) {
  const double cpu = cpu_time();
  const auto begin = std::chrono::steady_clock::now();
  const size_t wakes = way.run(work);
  const std::chrono::duration<double, std::micro> wall = std::chrono::steady_clock::now() - begin;
  const auto reads = static_cast<double>(work.reads);
  return {wall.count() / reads, (cpu_time() - cpu) / reads, reads / static_cast<double>(wakes)};
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

Cost median_of(const std::vector<Cost>& costs) {
  std::vector<double> wall, cpu, wakes;
  for (const Cost& cost : costs) {
    wall.push_back(cost.wall);
    cpu.push_back(cost.cpu);
    wakes.push_back(cost.reads_per_wake);
  }
  return {median(wall), median(cpu), median(wakes)};
}

void compare(const SampleFile& sample, size_t reads, size_t depth) {
  // Round by round, so that a busy moment of the machine meets all of them.
  std::vector<std::vector<Cost>> costs(std::size(kWays));
  for (int round = 0; round < kRounds; ++round) {
    for (size_t i = 0; i < std::size(kWays); ++i) {
      if (depth > kWays[i].depth_max) continue;
      costs[i].push_back(measure(kWays[i], {sample, reads, depth}));
    }
  }
  std::printf("\n%zu in flight          us per read   CPU us   reads per wake-up\n", depth);
  for (size_t i = 0; i < std::size(kWays); ++i) {
    if (costs[i].empty()) {
      std::printf("  %-20s          -        -                   -\n", kWays[i].name);
      continue;
    }
    const Cost cost = median_of(costs[i]);
    std::printf("  %-20s %10.2f %8.2f %19.2f\n", kWays[i].name, cost.wall, cost.cpu,
                cost.reads_per_wake);
  }
}

}  // namespace

int main(int count, char** arguments) {
  const size_t reads = count > 1 ? std::strtoul(arguments[1], nullptr, 10) : 20'000;
  const size_t megabytes = count > 2 ? std::strtoul(arguments[2], nullptr, 10) : 64;
  if (reads < kDepthMax || megabytes == 0 || megabytes > 16'384) {
    std::fprintf(stderr, "usage: completion_ways [reads, 64 or more] [megabytes, 1 to 16384]\n");
    return 2;
  }
  try {
    const SampleFile sample(static_cast<uint32_t>(megabytes * 1024 * 1024 / kBlock));
    std::printf("%zu random reads of 4 KiB, median of %d rounds\n", reads, kRounds);
    for (const size_t depth : {size_t{1}, size_t{16}, kDepthMax}) compare(sample, reads, depth);
    std::printf("\nWhat each cannot do\n");
    for (const Way& way : kWays) std::printf("  %-20s %s\n", way.name, way.cannot);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
  return 0;
}
