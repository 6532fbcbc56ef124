#include <map>
#include <tuple>

#include "COneDNNShims.h"
#include "Library.h"

namespace {
using namespace kelip;

struct Pooling {
  pooling_forward::primitive_desc inference, forward;
  pooling_backward::primitive_desc backward;
  pooling_forward runInference, runForward;
  pooling_backward runBackward;
};

using Key = std::tuple<int64_t, int64_t, int64_t, int64_t, int64_t, int64_t, int64_t, int64_t, int>;

Pooling build(const KelipPoolingShape &shape) {
  DataType type = shape.is_bf16 ? DataType::bf16 : DataType::f32;
  auto after = [&](int64_t side, int64_t kernel) { return (side + 2 * shape.padding - kernel) / shape.stride + 1; };
  Description source({shape.batch, shape.channels, shape.height, shape.width}, type, Tag::nhwc);
  Description destination({shape.batch, shape.channels, after(shape.height, shape.kernel_height),
                           after(shape.width, shape.kernel_width)},
                          type, Tag::nhwc);
  memory::dims strides{shape.stride, shape.stride}, kernel{shape.kernel_height, shape.kernel_width};
  memory::dims padding{shape.padding, shape.padding};
  auto kind = shape.is_average ? algorithm::pooling_avg_exclude_padding : algorithm::pooling_max;
  auto describe = [&](prop_kind use) {
    return pooling_forward::primitive_desc(
        pooling_forward::desc(use, kind, source, destination, strides, kernel, padding, padding), sharedScratch(),
        library().cpu);
  };
  auto inference = describe(prop_kind::forward_inference), forward = describe(prop_kind::forward_training);
  pooling_backward::primitive_desc backward(
      pooling_backward::desc(kind, source, destination, strides, kernel, padding, padding), sharedScratch(),
      library().cpu, forward);
  return {inference, forward, backward, pooling_forward(inference), pooling_forward(forward),
          pooling_backward(backward)};
}

Pooling &cached(const KelipPoolingShape &shape) {
  static std::map<Key, Pooling> cache;
  Key key{shape.batch,         shape.height,       shape.width,  shape.channels, shape.kernel_height,
          shape.kernel_width, shape.stride, shape.padding,  shape.is_average | shape.is_bf16 << 1};
  auto found = cache.find(key);
  if (found != cache.end()) return found->second;
  if (cache.size() >= 1024) cache.clear();
  return cache.emplace(key, build(shape)).first->second;
}
}  // namespace

extern "C" int64_t kelip_dnn_pooling_workspace_bytes(const KelipPoolingShape *shape) {
  int64_t bytes = -1;
  guarded([&] { bytes = static_cast<int64_t>(cached(*shape).forward.workspace_desc().get_size()); });
  return bytes;
}

extern "C" int kelip_dnn_pooling_forward(const KelipPoolingShape *shape, const void *x, void *y, void *workspace) {
  return guarded([&] {
    Pooling &pooling = cached(*shape);
    auto &description = workspace ? pooling.forward : pooling.inference;
    Arguments arguments{{DNNL_ARG_SRC, wrap(description.src_desc(), x)},
                        {DNNL_ARG_DST, wrap(description.dst_desc(), y)}};
    if (workspace) arguments.emplace(DNNL_ARG_WORKSPACE, wrap(description.workspace_desc(), workspace));
    run(workspace ? pooling.runForward : pooling.runInference, description.scratchpad_desc(), arguments);
  });
}

extern "C" int kelip_dnn_pooling_backward(const KelipPoolingShape *shape, const void *dy, const void *workspace,
                                          void *dx) {
  return guarded([&] {
    Pooling &pooling = cached(*shape);
    Arguments arguments{{DNNL_ARG_DIFF_DST, wrap(pooling.backward.diff_dst_desc(), dy)},
                        {DNNL_ARG_DIFF_SRC, wrap(pooling.backward.diff_src_desc(), dx)}};
    if (!shape->is_average)
      arguments.emplace(DNNL_ARG_WORKSPACE, wrap(pooling.backward.workspace_desc(), workspace));
    run(pooling.runBackward, pooling.backward.scratchpad_desc(), arguments);
  });
}
