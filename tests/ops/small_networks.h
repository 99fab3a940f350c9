// Networks small enough for the naive reference, with every operator and awkward sizes.
#ifndef SISKIN_TESTS_OPS_SMALL_NETWORKS_H_
#define SISKIN_TESTS_OPS_SMALL_NETWORKS_H_

#include "absl/status/statusor.h"
#include "ops/graph.h"
#include "ops/net.h"

namespace siskin::testing {

struct SmallNetworkOptions {
  ops::PaddingRule padding = ops::PaddingRule::kSymmetric;
  int height = 17;
  int width = 23;
  int channels = 7;  // of the first convolution
  int classes = 5;
};

// Stem, an inverted residual block with its shortcut, a strided one without, a head: MobileNetV2 in
// miniature.
absl::StatusOr<ops::Graph> SmallResidualNetwork(const SmallNetworkOptions& options = {});

}  // namespace siskin::testing

#endif  // SISKIN_TESTS_OPS_SMALL_NETWORKS_H_
