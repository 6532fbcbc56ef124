// What all operations share: the engine, one lock, scratch memory, errors turned into statuses.
#pragma once
#include <dnnl.hpp>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

namespace kelip {
using namespace dnnl;
using DataType = memory::data_type;
using Tag = memory::format_tag;
using Description = memory::desc;
using Arguments = std::unordered_map<int, memory>;

/// The engine, its stream and the scratch memory that all primitives share (`guarded` lets one run at a time).
struct Library {
  engine cpu{engine::kind::cpu, 0};
  stream queue{cpu};
  std::vector<char> scratch;
};

Library &library();
extern thread_local std::string lastError;
/// Held by whoever uses the caches or the scratch memory.
extern std::mutex gate;

/// Attributes that hand the scratch memory over at each call in place of one allocation a primitive.
primitive_attr sharedScratch();

/// `data` as oneDNN's memory; what is only read is passed as const.
memory wrap(const Description &description, const void *data);

/// Runs a primitive to its end with as much of the shared scratch memory as it asks for.
void run(const primitive &operation, const Description &scratchpad, Arguments arguments);

/// Runs `body` with the gate held; no C++ exception may cross into Swift.
template <typename Body> int guarded(Body body) {
  std::lock_guard<std::mutex> alone(gate);
  try {
    body();
    return 0;
  } catch (const dnnl::error &failure) {
    lastError = std::string("oneDNN: ") + failure.what() + " (status " + std::to_string(failure.status) + ")";
  } catch (const std::exception &failure) {
    lastError = failure.what();
  }
  return 1;
}
}  // namespace kelip
