// The completion port with calls that fail, tested without Node. Empty on other systems.
#ifdef _WIN32

#include <atomic>
#include <iterator>
#include <memory>
#include <vector>

#include "test.h"
#include "windows_fixture.h"

namespace overlapped {
namespace {

// Fails like a system that is short of resources, with each of its errors in turn; every sixth call
// succeeds.
uint32_t start_scarcely(Operation& op) {
  constexpr uint32_t kShortages[] = {ERROR_INVALID_USER_BUFFER, ERROR_NOT_ENOUGH_MEMORY,
                                     ERROR_NOT_ENOUGH_QUOTA, ERROR_WORKING_SET_QUOTA,
                                     ERROR_NO_SYSTEM_RESOURCES};
  static std::atomic<uint32_t> calls{0};
  const uint32_t turn = ++calls % (std::size(kShortages) + 1);
  return turn < std::size(kShortages) ? kShortages[turn] : start_transfer(op, nullptr, nullptr);
}

TEST(windows_shortage_means_again_later) {
  constexpr size_t kCount = 100;
  Fixture f(IocpTuning{8, start_scarcely});
  std::unique_ptr<OpenFile> file;
  CHECK(f.open(f.path(L"a"), kNew, file).ok());
  std::vector<std::byte> data(512, std::byte{'s'});
  std::vector<Operation> ops(kCount);
  for (size_t i = 0; i < kCount; ++i) {
    ops[i].opcode = Opcode::kWriteVector;
    ops[i].file = file.get();
    ops[i].details().vectors = {{data.data(), 256}, {data.data() + 256, 256}};
    ops[i].file_offset = static_cast<int64_t>(i * data.size());
  }
  f.sink.clear();
  f.engine->submit(as_batch(ops));
  CHECK(f.sink.wait_for(kCount));
  f.engine->drain();
  CHECK(f.sink.count() == kCount && f.sink.each_once());
  for (auto& op : ops) CHECK(op.result.value == 512);
  CHECK(f.engine->counters().retried > 0);
  CHECK(f.status(*file).size == kCount * data.size());
}

}  // namespace
}  // namespace overlapped

#endif
