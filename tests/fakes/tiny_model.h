// A small network with random weights: 32 x 32 pixels in, a few classes out, a fraction of a
// millisecond to run.
#ifndef SISKIN_TESTS_FAKES_TINY_MODEL_H_
#define SISKIN_TESTS_FAKES_TINY_MODEL_H_

#include <memory>
#include <string>
#include <utility>

#include "models/model_loader.h"
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

}  // namespace siskin::testing

#endif  // SISKIN_TESTS_FAKES_TINY_MODEL_H_
