// The published facts of a network, from the reference tables and from a graph, in one form.
#ifndef SISKIN_TESTS_MODELS_LAYER_FACTS_H_
#define SISKIN_TESTS_MODELS_LAYER_FACTS_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "models/model_spec.h"
#include "ops/graph.h"

namespace siskin::testing {

struct LayerFacts {
  // A line a layer, as in <net>.layers.tsv: key, op, cin, cout, k, stride, padding, dilation,
  // groups, bias, bn_key, bn_eps, act, in_hw, out_hw, macs. Sums, concatenations and pools are
  // shortened to their kind and shape, since the tables name them freely; what only moves channels
  // is left out.
  std::vector<std::string> layers;
  bool has_pools = false;  // some tables leave the pools out, but for the global one
  // Checkpoint key -> shape, without num_batches_tracked.
  std::map<std::string, std::string> keys;
  int64_t trainable = 0;  // parameters
  int64_t multiply_adds = 0;
};

// From <stem>.layers.tsv and <stem>.keys.tsv.
LayerFacts ReadFacts(const std::string& stem);

// From a graph, with the names of `style`.
LayerFacts FactsOf(const ops::Graph& graph, const models::KeyStyle& style, bool with_pools);

}  // namespace siskin::testing

#endif  // SISKIN_TESTS_MODELS_LAYER_FACTS_H_
