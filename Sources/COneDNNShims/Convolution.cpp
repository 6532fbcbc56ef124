#include <list>
#include <map>
#include <memory>
#include <tuple>

#include "COneDNNShims.h"
#include "Library.h"

namespace {
using namespace kelip;

/// A primitive with what it was made from.
template <typename Operation> struct Plan {
  typename Operation::primitive_desc description;
  Operation primitive;
};

/// Batch, height, width of an input map.
using InputSize = std::tuple<int64_t, int64_t, int64_t>;

/// The three products for one input size; the backward ones are made when first asked for.
struct Plans {
  Plan<convolution_forward> forward;
  std::unique_ptr<Plan<convolution_backward_data>> backwardInput;
  std::unique_ptr<Plan<convolution_backward_weights>> backwardWeights;
};

/// The weights in one of the library's layouts.
struct PreparedWeights {
  memory data;
  int64_t version;
};
}  // namespace

struct KelipConvolution {
  KelipConvolutionShape shape;
  const float *weights;
  int64_t version = 1;
  std::map<InputSize, Plans> plans;
  std::list<PreparedWeights> prepared;
};

namespace {
/// How a convolution's operands lie; `any` leaves the weights' layout to the library.
struct Operands {
  Description source, weights, destination;
  memory::dims strides, padding;

  Operands(const KelipConvolutionShape &shape, const InputSize &size, DataType weightType) {
    auto [batch, height, width] = size;
    DataType type = shape.is_bf16 ? DataType::bf16 : DataType::f32;
    auto after = [&](int64_t side) { return (side + 2 * shape.padding - shape.kernel) / shape.stride + 1; };
    source = Description({batch, shape.inputs, height, width}, type, Tag::nhwc);
    weights = Description({shape.outputs, shape.inputs, shape.kernel, shape.kernel}, weightType, Tag::any);
    destination = Description({batch, shape.outputs, after(height), after(width)}, type, Tag::nhwc);
    // A window that fills the padded side has one place there, whatever its stride. oneDNN 2.6's AMX weight gradient
    // reads beyond a map of width 1 when that is not 1.
    auto stride = [&](int64_t side) { return side + 2 * shape.padding == shape.kernel ? 1 : shape.stride; };
    strides = {stride(height), stride(width)};
    padding = {shape.padding, shape.padding};
  }
};

Operands operands(const KelipConvolutionShape &shape, const InputSize &size) {
  return Operands(shape, size, shape.is_bf16 ? DataType::bf16 : DataType::f32);
}

Plan<convolution_forward> planForward(const KelipConvolutionShape &shape, const InputSize &size) {
  Operands o = operands(shape, size);
  convolution_forward::desc operation(prop_kind::forward_training, algorithm::convolution_direct, o.source, o.weights,
                                      o.destination, o.strides, o.padding, o.padding);
  convolution_forward::primitive_desc description(operation, sharedScratch(), library().cpu);
  return {description, convolution_forward(description)};
}

Plan<convolution_backward_data> planBackwardInput(const KelipConvolutionShape &shape, const InputSize &size,
                                                  const convolution_forward::primitive_desc &forward) {
  Operands o = operands(shape, size);
  convolution_backward_data::desc operation(algorithm::convolution_direct, o.source, o.weights, o.destination,
                                            o.strides, o.padding, o.padding);
  convolution_backward_data::primitive_desc description(operation, sharedScratch(), library().cpu, forward);
  return {description, convolution_backward_data(description)};
}

Plan<convolution_backward_weights> planBackwardWeights(const KelipConvolutionShape &shape, const InputSize &size,
                                                       const convolution_forward::primitive_desc &forward) {
  // The gradient is summed and left in 32 bits.
  Operands o(shape, size, DataType::f32);
  convolution_backward_weights::desc operation(algorithm::convolution_direct, o.source, o.weights, o.destination,
                                               o.strides, o.padding, o.padding);
  convolution_backward_weights::primitive_desc description(operation, sharedScratch(), library().cpu, forward);
  return {description, convolution_backward_weights(description)};
}

Plans &plans(KelipConvolution &layer, const InputSize &size) {
  auto found = layer.plans.find(size);
  if (found != layer.plans.end()) return found->second;
  // Crop sizes and last batches are few; anything else is no steady run.
  if (layer.plans.size() >= 64) layer.plans.clear();
  return layer.plans.emplace(size, Plans{planForward(layer.shape, size), nullptr, nullptr}).first->second;
}

Plan<convolution_backward_data> &backwardInputPlan(KelipConvolution &layer, const InputSize &size) {
  Plans &all = plans(layer, size);
  if (!all.backwardInput)
    all.backwardInput = std::make_unique<Plan<convolution_backward_data>>(
        planBackwardInput(layer.shape, size, all.forward.description));
  return *all.backwardInput;
}

Plan<convolution_backward_weights> &backwardWeightsPlan(KelipConvolution &layer, const InputSize &size) {
  Plans &all = plans(layer, size);
  if (!all.backwardWeights)
    all.backwardWeights = std::make_unique<Plan<convolution_backward_weights>>(
        planBackwardWeights(layer.shape, size, all.forward.description));
  return *all.backwardWeights;
}

/// The masters' own description: 32-bit floats [O, I, k, k].
Description masters(const KelipConvolutionShape &shape) {
  return Description({shape.outputs, shape.inputs, shape.kernel, shape.kernel}, DataType::f32, Tag::oihw);
}

void copy(const memory &from, const memory &to, const primitive_attr &attributes) {
  reorder::primitive_desc description(from, to, attributes);
  run(reorder(description), description.scratchpad_desc(), {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, to}});
}

/// The weights as `wanted` describes them, made anew after a refresh.
memory &preparedWeights(KelipConvolution &layer, const Description &wanted) {
  auto place = layer.prepared.begin();
  while (place != layer.prepared.end() && place->data.get_desc() != wanted) ++place;
  if (place == layer.prepared.end())
    place = layer.prepared.insert(place, PreparedWeights{memory(wanted, library().cpu), 0});
  if (place->version != layer.version) {
    copy(wrap(masters(layer.shape), layer.weights), place->data, sharedScratch());
    place->version = layer.version;
  }
  return place->data;
}

/// dWeights += the gradient in the library's layout.
void addGradient(const KelipConvolution &layer, const memory &gradient, float *dweights) {
  primitive_attr attributes = sharedScratch();
  post_ops operations;
  operations.append_sum(1.0f);
  attributes.set_post_ops(operations);
  copy(gradient, wrap(masters(layer.shape), dweights), attributes);
}
}  // namespace

extern "C" KelipConvolution *kelip_dnn_convolution_create(const KelipConvolutionShape *shape, const float *weights) {
  KelipConvolution *layer = nullptr;
  guarded([&] { layer = new KelipConvolution{*shape, weights, 1, {}, {}}; });
  return layer;
}

extern "C" void kelip_dnn_convolution_destroy(KelipConvolution *layer) {
  guarded([&] { delete layer; });
}

extern "C" void kelip_dnn_convolution_refresh(KelipConvolution *layer) {
  guarded([&] { layer->version += 1; });
}

extern "C" int kelip_dnn_convolution_forward(KelipConvolution *layer, int64_t batch, int64_t height, int64_t width,
                                             const void *x, void *y) {
  return guarded([&] {
    auto &plan = plans(*layer, {batch, height, width}).forward;
    run(plan.primitive, plan.description.scratchpad_desc(),
        {{DNNL_ARG_SRC, wrap(plan.description.src_desc(), x)},
         {DNNL_ARG_WEIGHTS, preparedWeights(*layer, plan.description.weights_desc())},
         {DNNL_ARG_DST, wrap(plan.description.dst_desc(), y)}});
  });
}

extern "C" int kelip_dnn_convolution_backward_input(KelipConvolution *layer, int64_t batch, int64_t height,
                                                    int64_t width, const void *dy, void *dx) {
  return guarded([&] {
    auto &plan = backwardInputPlan(*layer, {batch, height, width});
    run(plan.primitive, plan.description.scratchpad_desc(),
        {{DNNL_ARG_DIFF_DST, wrap(plan.description.diff_dst_desc(), dy)},
         {DNNL_ARG_WEIGHTS, preparedWeights(*layer, plan.description.weights_desc())},
         {DNNL_ARG_DIFF_SRC, wrap(plan.description.diff_src_desc(), dx)}});
  });
}

extern "C" int kelip_dnn_convolution_backward_weights(KelipConvolution *layer, int64_t batch, int64_t height,
                                                      int64_t width, const void *x, const void *dy,
                                                      float *dweights) {
  return guarded([&] {
    auto &plan = backwardWeightsPlan(*layer, {batch, height, width});
    // One buffer for all layers, grown to the largest; the scratch memory proper is taken by the primitive.
    static std::vector<char> buffer;
    Description description = plan.description.diff_weights_desc();
    if (buffer.size() < description.get_size()) buffer.resize(description.get_size());
    memory gradient = wrap(description, buffer.data());
    run(plan.primitive, plan.description.scratchpad_desc(),
        {{DNNL_ARG_SRC, wrap(plan.description.src_desc(), x)},
         {DNNL_ARG_DIFF_DST, wrap(plan.description.diff_dst_desc(), dy)},
         {DNNL_ARG_DIFF_WEIGHTS, gradient}});
    addGradient(*layer, gradient, dweights);
  });
}

extern "C" const char *kelip_dnn_convolution_implementations(KelipConvolution *layer, int64_t batch, int64_t height,
                                                             int64_t width) {
  thread_local std::string names;
  int status = guarded([&] {
    InputSize size{batch, height, width};
    names = std::string(plans(*layer, size).forward.description.impl_info_str()) + ", " +
            backwardInputPlan(*layer, size).description.impl_info_str() + ", " +
            backwardWeightsPlan(*layer, size).description.impl_info_str();
  });
  return status ? "none" : names.c_str();
}
