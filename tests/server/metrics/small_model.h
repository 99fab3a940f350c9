// A compiled model for tests that need one but do not run it.
#ifndef SISKIN_TESTS_SERVER_METRICS_SMALL_MODEL_H_
#define SISKIN_TESTS_SERVER_METRICS_SMALL_MODEL_H_

#include <memory>
#include <string>
#include <utility>

#include "models/model_loader.h"
#include "server/engine/loaded_model.h"

namespace siskin::testing {

// As small as a network of the catalogue gets. Null if it cannot be compiled.
inline std::shared_ptr<const engine::LoadedModel> SmallModel(const std::string& name,
                                                             const std::string& version = "1") {
  models::LoadRequest request;
  request.architecture = "mobilenet_v1";
  request.width = 0.25;
  request.resolution = 32;
  request.classes = 2;
  auto bound = models::RandomModel(request);
  if (!bound.ok()) return nullptr;
  engine::LoadedModel::Options options;
  options.name = name;
  options.version = version;
  options.max_batch_size = 1;
  auto model = engine::LoadedModel::Compile(*std::move(bound), options);
  return model.ok() ? *model : nullptr;
}

}  // namespace siskin::testing

#endif  // SISKIN_TESTS_SERVER_METRICS_SMALL_MODEL_H_
