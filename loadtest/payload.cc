#include "loadtest/payload.h"

#include <grpcpp/support/slice.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <random>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "siskin/v1/classifier.pb.h"

namespace siskin::loadtest {
namespace {

static_assert(std::endian::native == std::endian::little, "tensors travel little endian");

// Several, so that answers given to the wrong request of a batch do not all look alike.
constexpr int kTensorPayloads = 4;

// More than a server takes, and well below what a protobuf message can hold.
constexpr uintmax_t kMaxImageBytes = 256 << 20;

// Waves with a little noise in -1..1: patterns a network tells apart, unlike plain noise.
std::vector<float> MakePattern(const std::vector<int64_t>& shape, int seed) {
  std::mt19937 random(static_cast<uint32_t>(seed));
  std::uniform_real_distribution<float> uniform(-1.0f, 1.0f);
  std::vector<float> values;
  values.reserve(static_cast<size_t>(shape[0] * shape[1] * shape[2]));
  for (int64_t c = 0; c < shape[0]; ++c) {
    const float fx = 0.2f * uniform(random);
    const float fy = 0.2f * uniform(random);
    const float phase = 3.14f * uniform(random);
    for (int64_t y = 0; y < shape[1]; ++y) {
      for (int64_t x = 0; x < shape[2]; ++x) {
        const float angle = fx * static_cast<float>(x) + fy * static_cast<float>(y) + phase;
        values.push_back(0.8f * std::sin(angle) + 0.2f * uniform(random));
      }
    }
  }
  return values;
}

void SetTensor(const Options& options, int seed, v1::Tensor& tensor) {
  const std::vector<float> values = MakePattern(options.shape, seed);
  tensor.mutable_shape()->Add(options.shape.begin(), options.shape.end());
  std::string& data = *tensor.mutable_data();
  if (options.payload == PayloadKind::kFp32) {
    tensor.set_data_type(v1::Tensor::FP32);
    data.resize(values.size() * sizeof(float));
    std::memcpy(data.data(), values.data(), data.size());
    return;
  }
  tensor.set_data_type(v1::Tensor::UINT8);
  data.reserve(values.size());
  for (float value : values) {
    data.push_back(static_cast<char>(static_cast<uint8_t>(127.5f + 127.0f * value)));
  }
}

absl::StatusOr<std::string> ReadFile(const std::string& path) {
  std::error_code error;
  const uintmax_t size = std::filesystem::file_size(path, error);
  if (error || size == 0 || size > kMaxImageBytes) {
    return absl::NotFoundError(absl::StrCat(path, ": expected a file of 1 to ", kMaxImageBytes,
                                            " bytes", error ? ": " + error.message() : ""));
  }
  std::string content(size, '\0');
  std::ifstream file(path, std::ios::binary);
  if (!file.read(content.data(), static_cast<std::streamsize>(size))) {
    return absl::NotFoundError(absl::StrCat(path, ": cannot be read"));
  }
  return content;
}

Payload Serialize(const v1::ClassifyRequest& request) {
  const grpc::Slice slice(request.SerializeAsString());
  return {request.id(), grpc::ByteBuffer(&slice, 1)};
}

}  // namespace

absl::StatusOr<std::vector<Payload>> MakePayloads(const Options& options) {
  const bool images = options.payload == PayloadKind::kImage;
  const int count = images ? static_cast<int>(options.images.size()) : kTensorPayloads;
  std::vector<Payload> payloads;
  for (int i = 0; i < count; ++i) {
    v1::ClassifyRequest request;
    request.set_model(options.model);
    request.set_version(options.version);
    request.set_id(absl::StrCat("payload-", i));
    if (images) {
      absl::StatusOr<std::string> image = ReadFile(options.images[static_cast<size_t>(i)]);
      if (!image.ok()) return image.status();
      request.set_image(*std::move(image));
    } else {
      SetTensor(options, i, *request.mutable_tensor());
    }
    payloads.push_back(Serialize(request));
  }
  return payloads;
}

}  // namespace siskin::loadtest
