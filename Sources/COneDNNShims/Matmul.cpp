#include <map>
#include <string>
#include <tuple>
#include <unordered_map>

#include "COneDNNShims.h"
#include "Library.h"

namespace {
using namespace kelip;

struct Matmul {
  matmul::primitive_desc description;
  matmul primitive;
};

using Key = std::tuple<int64_t, int64_t, int64_t, int>;

struct KeyHash {
  size_t operator()(const Key &key) const {
    auto [m, k, n, flags] = key;
    size_t hash = static_cast<size_t>(m);
    for (int64_t part : {k, n, static_cast<int64_t>(flags)}) hash = hash * 1000003u ^ static_cast<size_t>(part);
    return hash;
  }
};

/// The layout of prepared weights [K, N]: what oneDNN asks for at a typical row count, whatever M comes later.
const Description &preparedDescription(int64_t k, int64_t n) {
  static std::map<std::pair<int64_t, int64_t>, Description> cache;
  auto found = cache.find({k, n});
  if (found != cache.end()) return found->second;
  const int64_t typicalRows = 1024;
  matmul::primitive_desc description(
      matmul::desc(Description({typicalRows, k}, DataType::bf16, Tag::ab),
                   Description({k, n}, DataType::bf16, Tag::any),
                   Description({typicalRows, n}, DataType::bf16, Tag::ab)),
      library().cpu);
  return cache.emplace(std::make_pair(k, n), description.weights_desc()).first->second;
}

Matmul build(const KelipMatmulShape &shape) {
  Description source({shape.m, shape.k}, DataType::bf16, shape.source_transposed ? Tag::ba : Tag::ab);
  Description weights = shape.weight_layout == KELIP_PREPARED
                            ? preparedDescription(shape.k, shape.n)
                            : Description({shape.k, shape.n}, DataType::bf16,
                                          shape.weight_layout == KELIP_TRANSPOSED ? Tag::ba : Tag::ab);
  Description destination({shape.m, shape.n}, shape.float_output ? DataType::f32 : DataType::bf16, Tag::ab);
  primitive_attr attributes;
  attributes.set_scratchpad_mode(scratchpad_mode::user);
  if (shape.accumulate) {
    post_ops operations;
    operations.append_sum(1.0f);
    attributes.set_post_ops(operations);
  }
  auto operation = shape.has_bias
                       ? matmul::desc(source, weights, Description({1, shape.n}, DataType::f32, Tag::ab), destination)
                       : matmul::desc(source, weights, destination);
  matmul::primitive_desc description(operation, attributes, library().cpu);
  return {description, matmul(description)};
}

Matmul &cached(const KelipMatmulShape &shape) {
  // Packed captions give many row counts; a run's working set is a few hundred primitives.
  static std::unordered_map<Key, Matmul, KeyHash> cache;
  int flags = shape.source_transposed | shape.weight_layout << 1 | shape.float_output << 3 | shape.has_bias << 4 |
              shape.accumulate << 5;
  Key key{shape.m, shape.k, shape.n, flags};
  auto found = cache.find(key);
  if (found != cache.end()) return found->second;
  if (cache.size() >= 4096) cache.clear();
  return cache.emplace(key, build(shape)).first->second;
}
}  // namespace

extern "C" int kelip_dnn_matmul(const KelipMatmulShape *shape, const void *source, const void *weights,
                                const float *bias, void *destination) {
  return guarded([&] {
    Matmul &operation = cached(*shape);
    Arguments arguments{{DNNL_ARG_SRC, wrap(operation.description.src_desc(), source)},
                        {DNNL_ARG_WEIGHTS, wrap(operation.description.weights_desc(), weights)},
                        {DNNL_ARG_DST, wrap(operation.description.dst_desc(), destination)}};
    if (shape->has_bias) arguments.emplace(DNNL_ARG_BIAS, wrap(operation.description.bias_desc(), bias));
    run(operation.primitive, operation.description.scratchpad_desc(), arguments);
  });
}

extern "C" int64_t kelip_dnn_prepared_bytes(int64_t k, int64_t n) {
  int64_t bytes = -1;
  guarded([&] { bytes = static_cast<int64_t>(preparedDescription(k, n).get_size()); });
  return bytes;
}

extern "C" int kelip_dnn_prepare(int64_t k, int64_t n, int transposed, const float *weights, void *prepared) {
  return guarded([&] {
    using ReorderKey = std::tuple<int64_t, int64_t, int>;
    static std::map<ReorderKey, reorder> cache;
    memory from = wrap(Description({k, n}, DataType::f32, transposed ? Tag::ba : Tag::ab), weights);
    memory to = wrap(preparedDescription(k, n), prepared);
    ReorderKey key{k, n, transposed};
    auto found = cache.find(key);
    if (found == cache.end()) found = cache.emplace(key, reorder(from, to)).first;
    run(found->second, Description(), {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, to}});
  });
}

extern "C" const char *kelip_dnn_implementation(const KelipMatmulShape *shape) {
  thread_local std::string name;
  if (guarded([&] { name = cached(*shape).description.impl_info_str(); })) return "none";
  return name.c_str();
}
