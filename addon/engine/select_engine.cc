#include "engine.h"
#include "threadpool/threadpool_engine.h"

#if defined(_WIN32)
#include "iocp/iocp_engine.h"
#elif defined(__linux__)
#include "uring/uring_engine.h"
#endif

namespace overlapped {

const char* engine_name(EngineKind kind) {
  switch (kind) {
    case EngineKind::kIocp:
      return "iocp";
    case EngineKind::kUring:
      return "uring";
    case EngineKind::kThreadpool:
      return "threadpool";
  }
  return "unknown";
}

EngineChoice select_engine(const std::string& wanted, CompletionSink& sink) {
  EngineChoice choice;
  if (wanted == "threadpool") {
    choice.engine = std::make_unique<ThreadpoolEngine>(sink);
    choice.reason = "OVERLAPPED_ENGINE=threadpool asks for it";
    return choice;
  }
#if defined(_WIN32)
  if (wanted.empty() || wanted == "iocp") choice.engine = IocpEngine::create(sink, choice.reason);
#elif defined(__linux__)
  if (wanted.empty() || wanted == "uring") choice.engine = UringEngine::create(sink, choice.reason);
#else
  if (wanted.empty()) choice.reason = "this platform has neither io_uring nor a completion port";
#endif
  if (choice.engine) return choice;
  if (wanted.empty()) {
    choice.engine = std::make_unique<ThreadpoolEngine>(sink);
  } else if (choice.reason.empty()) {
    choice.reason = "this platform has no engine of that name";
  }
  return choice;
}

}  // namespace overlapped
