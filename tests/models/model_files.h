// Checkpoints made of random networks, for loading them again.
#ifndef SISKIN_TESTS_MODELS_MODEL_FILES_H_
#define SISKIN_TESTS_MODELS_MODEL_FILES_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "models/model_spec.h"
#include "ops/checkpoint.h"
#include "ops/graph.h"

namespace siskin::testing {

// Tensors by file key, easily spoilt.
struct StoredTensor {
  std::vector<int64_t> shape;
  std::vector<float> values;
};
using StoredModel = std::map<std::string, StoredTensor>;
using Metadata = std::map<std::string, std::string>;

// A network of `architecture` in one of its key styles, with random weights and the style's own
// conventions, at its usual resolution unless one is given. Fails the test if it cannot be built.
struct RandomNetwork {
  const models::ModelSpec* spec = nullptr;
  const models::KeyStyle* style = nullptr;
  models::BuildOptions options;
  ops::Graph graph;  // bound
};
RandomNetwork MakeNetwork(const std::string& architecture, const std::string& key_style,
                          double width, int classes = 1000, const std::string& form = "",
                          int resolution = 0);

// The tensors as that code base stores them, with its num_batches_tracked left out.
StoredModel Store(const ops::Graph& graph, const models::KeyStyle& style);

// Through a file of the test's temporary folder, which is removed at once.
ops::Checkpoint WriteAndOpen(const StoredModel& model, const Metadata& metadata = {});

}  // namespace siskin::testing

#endif  // SISKIN_TESTS_MODELS_MODEL_FILES_H_
