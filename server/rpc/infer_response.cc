#include "server/rpc/infer_response.h"

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/types/span.h"
#include "server/pipeline/top_k.h"
#include "server/rpc/wire.h"

namespace siskin::rpc {
namespace {

using ::inference::ModelInferResponse;

// The values of one output for all images, image after image.
std::vector<float> ValuesOf(const OutputTensor& tensor, const pipeline::InferenceResult& result) {
  const size_t elements = tensor.elements();
  const size_t all = result.outputs.size() / static_cast<size_t>(result.images);
  std::vector<float> values;
  values.reserve(elements * static_cast<size_t>(result.images));
  for (size_t begin = tensor.offset; begin < result.outputs.size(); begin += all) {
    const auto image = absl::MakeConstSpan(result.outputs).subspan(begin, elements);
    values.insert(values.end(), image.begin(), image.end());
    if (tensor.kind == OutputTensor::Kind::kProbabilities) {
      pipeline::Softmax(image, absl::MakeSpan(values).last(elements));
    }
  }
  return values;
}

// Appends an element of a BYTES tensor: its length in 4 bytes, little endian, then itself.
void AppendElement(std::string_view element, std::string& out) {
  for (int shift = 0; shift < 32; shift += 8) {
    out.push_back(static_cast<char>((element.size() >> shift) & 0xFF));
  }
  out.append(element);
}

// The best `k` classes of each image as "value:index:label", or "value:index" without labels.
std::string Classify(absl::Span<const float> logits, absl::Span<const float> values, size_t classes,
                     int k, const std::vector<std::string>& labels) {
  std::string out;
  for (size_t begin = 0; begin < logits.size(); begin += classes) {
    for (const pipeline::ScoredClass& best : pipeline::TopK(logits.subspan(begin, classes), k)) {
      const auto index = static_cast<size_t>(best.index);
      std::string element = absl::StrFormat("%f:%d", values[begin + index], best.index);
      if (!labels.empty()) absl::StrAppend(&element, ":", labels[index]);
      AppendElement(element, out);
    }
  }
  return out;
}

void AddOutput(const OutputSpec& spec, const pipeline::InferenceResult& result,
               ModelInferResponse& response) {
  const std::vector<float> values = ValuesOf(spec.tensor, result);
  auto& output = *response.add_outputs();
  output.set_name(spec.tensor.name);
  output.add_shape(result.images);
  if (spec.classification == 0) {
    output.set_datatype("FP32");
    for (const int64_t dimension : spec.tensor.shape) output.add_shape(dimension);
    response.add_raw_output_contents(values.data(), values.size() * sizeof(float));
    return;
  }
  const size_t classes = spec.tensor.elements();
  const int64_t k = std::min(spec.classification, static_cast<int64_t>(classes));
  output.set_datatype("BYTES");
  output.add_shape(k);
  response.add_raw_output_contents(Classify(result.outputs, values, classes, static_cast<int>(k),
                                            result.servable->model->labels()));
}

}  // namespace

void FillInferResponse(const ::inference::ModelInferRequest& message,
                       const std::vector<OutputSpec>& outputs,
                       const pipeline::InferenceResult& result, ModelInferResponse& response) {
  response.set_model_name(result.servable->model->name());
  response.set_model_version(result.servable->model->version());
  response.set_id(message.id());
  const engine::TaskTiming& timing = result.timing;
  auto& parameters = *response.mutable_parameters();
  parameters["queue_us"].set_int64_param(absl::ToInt64Microseconds(timing.queue));
  parameters["decode_us"].set_int64_param(absl::ToInt64Microseconds(timing.prepare));
  parameters["compute_us"].set_int64_param(absl::ToInt64Microseconds(timing.compute));
  parameters["batch_size"].set_int64_param(timing.batch_size);
  if (result.servable->model->random_weights()) {
    parameters["warning"].set_string_param(kRandomWeightsWarning);
  }
  for (const OutputSpec& spec : outputs) AddOutput(spec, result, response);
}

}  // namespace siskin::rpc
