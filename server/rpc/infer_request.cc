#include "server/rpc/infer_request.h"

#include <algorithm>
#include <bit>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "base/status_macros.h"
#include "server/rpc/wire.h"

namespace siskin::rpc {
namespace {

using ::inference::InferTensorContents;
using ::inference::ModelInferRequest;
using InputTensor = ModelInferRequest::InferInputTensor;
using Parameters = google::protobuf::Map<std::string, ::inference::InferParameter>;

static_assert(std::endian::native == std::endian::little, "the wire's byte order is the host's");

constexpr int kMaxTensorRank = 4;
constexpr size_t kLengthBytes = 4;  // before each element of a BYTES tensor

// "'input' for model 'm'", as in all of Triton's messages.
std::string InputOf(const ModelInferRequest& message) {
  return absl::StrCat("'", kInputName, "' for model '", message.model_name(), "'");
}

absl::Status CheckNoSharedMemory(const Parameters& parameters, const std::string& tensor) {
  if (!parameters.contains("shared_memory_region")) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("tensor '", tensor,
                   "' is in shared memory, which this server does not offer; "
                   "send it in raw_input_contents and read it from raw_output_contents"));
}

absl::Status CheckInputs(const ModelInferRequest& message) {
  const std::string& model = message.model_name();
  if (message.inputs_size() != 1) {
    const auto quote_name = [](std::string* out, const InputTensor& input) {
      absl::StrAppend(out, "'", input.name(), "'");
    };
    return absl::InvalidArgumentError(absl::StrCat(
        "expected 1 inputs but got ", message.inputs_size(), " inputs for model '", model,
        "'. Got input(s) [", absl::StrJoin(message.inputs(), ",", quote_name),
        "], but the only input is ['", kInputName, "']. Please provide all required input(s)."));
  }
  const InputTensor& input = message.inputs(0);
  if (input.name() != kInputName) {
    return absl::InvalidArgumentError(absl::StrCat("unexpected inference input '", input.name(),
                                                   "' for model '", model, "', expected '",
                                                   kInputName, "'"));
  }
  SISKIN_RETURN_IF_ERROR(CheckNoSharedMemory(input.parameters(), input.name()));
  if (message.raw_input_contents_size() > 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("expected 1 raw_input_contents for 1 inputs for model '", model, "', got ",
                     message.raw_input_contents_size()));
  }
  if (message.raw_input_contents_size() == 1 && input.has_contents()) {
    return absl::InvalidArgumentError(
        absl::StrCat("contents field must not be specified when using raw_input_contents for ",
                     InputOf(message)));
  }
  if (message.raw_input_contents_size() == 0 && !input.has_contents()) {
    return absl::InvalidArgumentError(
        absl::StrCat("unable to find data for input tensor ", InputOf(message), " in request."));
  }
  return absl::OkStatus();
}

// Only the field that belongs to the datatype may hold anything.
absl::Status CheckContents(const ModelInferRequest& message, const InferTensorContents& contents,
                           int elements_of_datatype) {
  const int elements = contents.bool_contents_size() + contents.int_contents_size() +
                       contents.int64_contents_size() + contents.uint_contents_size() +
                       contents.uint64_contents_size() + contents.fp32_contents_size() +
                       contents.fp64_contents_size() + contents.bytes_contents_size();
  if (elements == elements_of_datatype) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "unexpected explicit tensor data for input tensor ", InputOf(message), ": datatype ",
      message.inputs(0).datatype(),
      " goes in fp32_contents (FP32), uint_contents (UINT8) or bytes_contents (BYTES)"));
}

absl::Status NarrowToBytes(const google::protobuf::RepeatedField<uint32_t>& values,
                           std::vector<uint8_t>& bytes) {
  bytes.reserve(static_cast<size_t>(values.size()));
  for (const uint32_t value : values) {
    if (value > 255) {
      return absl::InvalidArgumentError(
          absl::StrCat("expected UINT8 values 0..255 in uint_contents, got ", value));
    }
    bytes.push_back(static_cast<uint8_t>(value));
  }
  return absl::OkStatus();
}

absl::Status ParseTensor(const ModelInferRequest& message, pipeline::TensorType type,
                         InferCall& call) {
  const InputTensor& input = message.inputs(0);
  pipeline::TensorView view;
  view.type = type;
  if (input.shape_size() > kMaxTensorRank) {
    return absl::InvalidArgumentError(absl::StrCat("unexpected shape for input ", InputOf(message),
                                                   ". Expected ", kMaxTensorRank,
                                                   " dimensions, got ", input.shape_size(), "."));
  }
  view.shape.assign(input.shape().begin(), input.shape().end());
  const InferTensorContents& contents = input.contents();
  if (message.raw_input_contents_size() == 1) {
    view.bytes = BytesOf(message.raw_input_contents(0));
  } else if (type == pipeline::TensorType::kFloat32) {
    SISKIN_RETURN_IF_ERROR(CheckContents(message, contents, contents.fp32_contents_size()));
    view.bytes = {reinterpret_cast<const uint8_t*>(contents.fp32_contents().data()),
                  static_cast<size_t>(contents.fp32_contents_size()) * sizeof(float)};
  } else {
    SISKIN_RETURN_IF_ERROR(CheckContents(message, contents, contents.uint_contents_size()));
    SISKIN_RETURN_IF_ERROR(NarrowToBytes(contents.uint_contents(), call.narrowed));
    view.bytes = call.narrowed;
  }
  call.request.input = std::move(view);
  return absl::OkStatus();
}

// Splits "length, data, length, data, ...".
absl::StatusOr<std::vector<absl::Span<const uint8_t>>> SplitElements(
    const ModelInferRequest& message) {
  std::vector<absl::Span<const uint8_t>> elements;
  absl::Span<const uint8_t> rest = BytesOf(message.raw_input_contents(0));
  while (!rest.empty()) {
    size_t length = 0;
    if (rest.size() >= kLengthBytes) {
      for (size_t i = 0; i < kLengthBytes; ++i) length |= size_t{rest[i]} << (8 * i);
    }
    if (rest.size() < kLengthBytes || rest.size() - kLengthBytes < length) {
      return absl::InvalidArgumentError(
          absl::StrCat("unexpected end of input ", InputOf(message), ": element ", elements.size(),
                       " of the BYTES tensor needs ", kLengthBytes, " bytes of length, then ",
                       length, " bytes, but ", rest.size(), " are left"));
    }
    elements.push_back(rest.subspan(kLengthBytes, length));
    rest.remove_prefix(kLengthBytes + length);
  }
  return elements;
}

absl::Status ParseImages(const ModelInferRequest& message, InferCall& call) {
  const InputTensor& input = message.inputs(0);
  const bool column = input.shape_size() == 2 && input.shape(1) == 1;
  if (input.shape_size() != 1 && !column) {
    // A hostile shape has millions of dimensions: the message shows the first few.
    const int shown = std::min(input.shape_size(), kMaxTensorRank);
    return absl::InvalidArgumentError(absl::StrCat(
        "unexpected shape for input ", InputOf(message), ". Expected [-1] or [-1,1], got [",
        absl::StrJoin(input.shape().begin(), input.shape().begin() + shown, ","), "]."));
  }
  pipeline::ImagesInput images;
  if (message.raw_input_contents_size() == 1) {
    SISKIN_ASSIGN_OR_RETURN(images.files, SplitElements(message));
  } else {
    const InferTensorContents& contents = input.contents();
    SISKIN_RETURN_IF_ERROR(CheckContents(message, contents, contents.bytes_contents_size()));
    for (const std::string& file : contents.bytes_contents()) images.files.push_back(BytesOf(file));
  }
  if (input.shape(0) != static_cast<int64_t>(images.files.size())) {
    return absl::InvalidArgumentError(absl::StrCat("unexpected number of elements for input ",
                                                   InputOf(message), ". Expected ", input.shape(0),
                                                   ", got ", images.files.size()));
  }
  call.request.input = std::move(images);
  return absl::OkStatus();
}

absl::Status ParseInput(const ModelInferRequest& message, InferCall& call) {
  const std::string& datatype = message.inputs(0).datatype();
  if (datatype == "FP32") return ParseTensor(message, pipeline::TensorType::kFloat32, call);
  if (datatype == "UINT8") return ParseTensor(message, pipeline::TensorType::kUint8, call);
  if (datatype == "BYTES") return ParseImages(message, call);
  return absl::InvalidArgumentError(
      absl::StrCat("inference input '", kInputName, "' data-type is '", datatype, "', but model '",
                   message.model_name(), "' expects 'FP32', 'UINT8' or 'BYTES' (image files)"));
}

absl::Status ParseClassification(const Parameters& parameters, OutputSpec& spec) {
  const auto found = parameters.find("classification");
  if (found == parameters.end()) return absl::OkStatus();
  if (!found->second.has_int64_param()) {
    return absl::InvalidArgumentError(
        "invalid value type for 'classification' parameter, expected int64_param");
  }
  spec.classification = found->second.int64_param();
  if (spec.classification < 1) {
    return absl::InvalidArgumentError(absl::StrCat(
        "invalid value for 'classification' parameter, expected >= 1, got ", spec.classification));
  }
  if (spec.tensor.kind == OutputTensor::Kind::kRaw) {
    return absl::InvalidArgumentError(absl::StrCat("output '", spec.tensor.name,
                                                   "' has no classes for the 'classification' "
                                                   "parameter"));
  }
  return absl::OkStatus();
}

absl::StatusOr<OutputTensor> FindOutput(const std::string& name, const std::string& model,
                                        absl::Span<const OutputTensor> outputs) {
  for (const OutputTensor& output : outputs) {
    if (output.name == name) return output;
  }
  const auto quote_name = [](std::string* out, const OutputTensor& output) {
    absl::StrAppend(out, "'", output.name, "'");
  };
  return absl::InvalidArgumentError(absl::StrCat("unexpected inference output '", name,
                                                 "' for model '", model, "', expected ",
                                                 absl::StrJoin(outputs, " or ", quote_name)));
}

absl::StatusOr<OutputSpec> ParseOutput(
    const ModelInferRequest& message,
    const ModelInferRequest::InferRequestedOutputTensor& requested,
    absl::Span<const OutputTensor> outputs) {
  OutputSpec spec;
  SISKIN_ASSIGN_OR_RETURN(spec.tensor, FindOutput(requested.name(), message.model_name(), outputs));
  SISKIN_RETURN_IF_ERROR(CheckNoSharedMemory(requested.parameters(), requested.name()));
  SISKIN_RETURN_IF_ERROR(ParseClassification(requested.parameters(), spec));
  return spec;
}

absl::Status ParseOutputs(const ModelInferRequest& message, absl::Span<const OutputTensor> outputs,
                          std::vector<OutputSpec>& specs) {
  if (message.outputs().empty()) {
    for (const OutputTensor& output : outputs) specs.push_back({.tensor = output});
    return absl::OkStatus();
  }
  for (const auto& requested : message.outputs()) {
    SISKIN_ASSIGN_OR_RETURN(OutputSpec spec, ParseOutput(message, requested, outputs));
    // A small request must not ask for the same values a million times.
    for (const OutputSpec& other : specs) {
      if (other.tensor.name == spec.tensor.name) {
        return absl::InvalidArgumentError(
            absl::StrCat("output '", spec.tensor.name, "' is requested more than once"));
      }
    }
    specs.push_back(std::move(spec));
  }
  return absl::OkStatus();
}

// tritonclient's `priority`: a level, 1 the highest. 0, its default, means none.
absl::Status ParsePriority(const Parameters& parameters, uint64_t& priority) {
  const auto found = parameters.find("priority");
  if (found == parameters.end()) return absl::OkStatus();
  const ::inference::InferParameter& value = found->second;
  if (value.has_uint64_param()) {
    priority = value.uint64_param();
  } else if (value.has_int64_param() && value.int64_param() >= 0) {
    priority = static_cast<uint64_t>(value.int64_param());
  } else {
    return absl::InvalidArgumentError(
        "invalid value for 'priority' parameter, expected uint64_param or int64_param, >= 0");
  }
  return absl::OkStatus();
}

// tritonclient's `timeout`, in microseconds.
absl::Status ParseTimeout(const Parameters& parameters, absl::Duration& timeout) {
  const auto found = parameters.find("timeout");
  if (found == parameters.end()) return absl::OkStatus();
  if (!found->second.has_int64_param() || found->second.int64_param() < 0) {
    return absl::InvalidArgumentError(
        "invalid value for 'timeout' parameter, expected int64_param of microseconds, >= 0");
  }
  const int64_t timeout_us = found->second.int64_param();
  // 0, Triton's default, means none.
  if (timeout_us > 0) timeout = absl::Microseconds(timeout_us);
  return absl::OkStatus();
}

}  // namespace

absl::Status ParseInferRequest(const ModelInferRequest& message,
                               absl::Span<const OutputTensor> outputs, InferCall& call) {
  call.request.model = message.model_name();
  call.request.version = message.model_version();
  SISKIN_RETURN_IF_ERROR(ParsePriority(message.parameters(), call.request.priority));
  SISKIN_RETURN_IF_ERROR(ParseTimeout(message.parameters(), call.request.timeout));
  SISKIN_RETURN_IF_ERROR(CheckInputs(message));
  SISKIN_RETURN_IF_ERROR(ParseInput(message, call));
  return ParseOutputs(message, outputs, call.outputs);
}

}  // namespace siskin::rpc
