#include "tests/models/model_files.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <iostream>

#include "models/catalog.h"
#include "ops/bind.h"

namespace siskin::testing {
namespace {

constexpr uint64_t kSeed = 7;

template <typename T>
T OrDie(absl::StatusOr<T> value) {
  if (value.ok()) return *std::move(value);
  std::cerr << "test set-up: " << value.status() << std::endl;
  std::abort();
}

}  // namespace

RandomNetwork MakeNetwork(const std::string& architecture, const std::string& key_style,
                          double width, int classes, const std::string& form, int resolution) {
  RandomNetwork network;
  network.spec = models::FindArchitecture(architecture);
  network.style = network.spec->FindKeyStyle(key_style);
  network.options = OptionsOf(*network.spec, *network.style);
  network.options.width = width;
  if (resolution > 0) network.options.resolution = resolution;
  network.options.classes = classes;
  network.options.form = form;
  network.graph = ops::BindRandom(OrDie(network.spec->Build(network.options)), kSeed);
  return network;
}

StoredModel Store(const ops::Graph& graph, const models::KeyStyle& style) {
  StoredModel model;
  for (const ops::Parameter& parameter : graph.parameters) {
    const size_t dot = parameter.key.rfind('.');
    const auto values = parameter.data.values();
    model[style.LayerName(parameter.key.substr(0, dot)) + parameter.key.substr(dot)] = {
        parameter.shape, {values.begin(), values.end()}};
  }
  return model;
}

ops::Checkpoint WriteAndOpen(const StoredModel& model, const Metadata& metadata) {
  std::vector<ops::NamedTensor> tensors;
  for (const auto& [key, tensor] : model) tensors.push_back({key, tensor.shape, tensor.values});
  const auto path = std::filesystem::path(::testing::TempDir()) /
                    ("siskin_models_" + std::to_string(getpid()) + ".safetensors");
  if (absl::Status written = ops::WriteCheckpoint(path.string(), tensors, metadata);
      !written.ok()) {
    std::cerr << "test set-up: " << written << std::endl;
    std::abort();
  }
  ops::Checkpoint checkpoint = OrDie(ops::Checkpoint::Open(path.string()));
  std::filesystem::remove(path);  // the map stays
  return checkpoint;
}

}  // namespace siskin::testing
