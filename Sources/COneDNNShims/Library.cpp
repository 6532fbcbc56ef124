#include "Library.h"

#include "COneDNNShims.h"

namespace kelip {
thread_local std::string lastError;
std::mutex gate;

Library &library() {
  static Library instance;
  return instance;
}

primitive_attr sharedScratch() {
  primitive_attr attributes;
  attributes.set_scratchpad_mode(scratchpad_mode::user);
  return attributes;
}

memory wrap(const Description &description, const void *data) {
  return memory(description, library().cpu, const_cast<void *>(data));
}

void run(const primitive &operation, const Description &scratchpad, Arguments arguments) {
  Library &shared = library();
  size_t needed = scratchpad.get_size();
  if (shared.scratch.size() < needed) shared.scratch.resize(needed);
  if (needed > 0) arguments.emplace(DNNL_ARG_SCRATCHPAD, wrap(scratchpad, shared.scratch.data()));
  operation.execute(shared.queue, arguments);
  shared.queue.wait();
}
}  // namespace kelip

extern "C" const char *kelip_dnn_last_error(void) { return kelip::lastError.c_str(); }

extern "C" const char *kelip_dnn_version(void) {
  static std::string text = [] {
    const dnnl_version_t *version = dnnl_version();
    return std::to_string(version->major) + "." + std::to_string(version->minor) + "." +
           std::to_string(version->patch);
  }();
  return text.c_str();
}
