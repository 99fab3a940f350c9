// A small network with random weights: 32 x 32 pixels in, a few classes out, a fraction of a
// millisecond to run.
#ifndef SISKIN_TESTS_FAKES_TINY_MODEL_H_
#define SISKIN_TESTS_FAKES_TINY_MODEL_H_

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "models/model_loader.h"
#include "ops/bind.h"
#include "ops/net.h"
#include "server/engine/loaded_model.h"

namespace siskin::testing {

inline constexpr int kTinySide = 32;
inline constexpr int kTinyPixels = kTinySide * kTinySide;
inline constexpr int kTinyClasses = 5;

inline absl::StatusOr<models::BoundModel> TinyNetwork(uint64_t seed = 1) {
  models::LoadRequest request;
  request.architecture = "mobilenet_v1";
  request.width = 0.25;
  request.resolution = kTinySide;
  request.classes = kTinyClasses;
  return models::RandomModel(request, seed);
}

// Dies where the error is if the model does not compile.
inline std::shared_ptr<const engine::LoadedModel> TinyModel(int max_batch_size,
                                                            const std::string& name = "tiny",
                                                            uint64_t seed = 1) {
  engine::LoadedModel::Options options;
  options.name = name;
  options.max_batch_size = max_batch_size;
  return engine::LoadedModel::Compile(TinyNetwork(seed).value(), std::move(options)).value();
}

// A face detector: eight anchors, two in the middle of each quarter of its 32 x 32 pixels.
inline constexpr int kTinyAnchors = 8;
inline constexpr int kTinyFaceOutputs = kTinyAnchors * 17;

inline absl::StatusOr<ops::Graph> TinyFaceGraph(int outputs = kTinyFaceOutputs) {
  ops::Net net("tiny_faces", {});
  ops::Tensor x = net.Input({3, kTinySide, kTinySide});
  x = net.ConvBn(x, {.key = "conv", .out_channels = 4, .kernel = 3, .stride = 2, .bias = true});
  x = net.Flatten(x, "flatten");
  return net.Finish(net.Linear(x, {.key = "head", .out_features = outputs}));
}

inline models::BoundModel TinyFaceNetwork(int outputs = kTinyFaceOutputs) {
  static const auto* spec = new models::ModelSpec{
      .architecture = "tiny_faces",
      .title = "tiny faces",
      .output = models::OutputKind::kFaceDetection,
      .faces = {.grids = {{.stride = 16, .anchors = 2}}, .score_threshold = 0.75f}};
  models::BoundModel model;
  model.spec = spec;
  model.input = models::InputPreset("blaze", kTinySide).value();
  model.graph = ops::BindRandom(TinyFaceGraph(outputs).value(), /*seed=*/1);
  return model;
}

inline std::shared_ptr<const engine::LoadedModel> TinyFaceDetector(
    const std::string& name = "faces") {
  engine::LoadedModel::Options options;
  options.name = name;
  options.max_batch_size = 1;
  return engine::LoadedModel::Compile(TinyFaceNetwork(), std::move(options)).value();
}

// Outputs that say: one face, of probability 0.9933, in the middle of the upper right quarter, a
// quarter of the input wide and an eighth high, its key points in its middle.
inline std::vector<float> TinyFaceOutputs() {
  std::vector<float> outputs(kTinyFaceOutputs, -9);
  constexpr int kAnchor = 2;
  outputs[kAnchor] = 5;
  float* box = &outputs[kTinyAnchors + 16 * kAnchor];
  std::fill_n(box, 16, 0.0f);
  box[2] = kTinySide / 4.f;
  box[3] = kTinySide / 8.f;
  return outputs;
}

}  // namespace siskin::testing

#endif  // SISKIN_TESTS_FAKES_TINY_MODEL_H_
