// How an inception convolution (IC-Conv) divides its output channels over dilations, and the format
// that such divisions are published in.
//
//   [
//     {"(0, 0)": 42, "(0, 1)": 5, "(3, 3)": 17},
//     ...
//   ]
//
// One object a convolution, in the order of the network. A key is the dilation of rows and of
// columns, each minus one; a value is the number of output channels with that dilation. The order
// of the keys is the order of the channels and of the layers "conv_list.<i>". Entries of zero
// channels have no layer.
//
// Functions are pure and thread-safe.
#ifndef SISKIN_MODELS_DILATION_PATTERN_H_
#define SISKIN_MODELS_DILATION_PATTERN_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "ops/graph.h"

namespace siskin::models {

struct DilationBranch {
  ops::Size2d dilation;  // 1 is dense
  int channels = 0;      // at least 1

  friend bool operator==(const DilationBranch&, const DilationBranch&) = default;
};
using DilationPattern = std::vector<DilationBranch>;  // of one convolution; not empty

inline constexpr int kMaxPatterns = 1024;
inline constexpr int kMaxDilation = 16;
inline constexpr int kMaxBranchChannels = 1 << 16;

// The patterns of `json`, a file of the name `file`. INVALID_ARGUMENT says where and what is wrong:
// not JSON, not of the format above, a key that occurs twice, a number above the limits, a pattern
// without channels.
absl::StatusOr<std::vector<DilationPattern>> ParseDilationPatterns(std::string_view file,
                                                                   std::string_view json);

// INVALID_ARGUMENT unless there is one pattern for each number of channels, and sums to it.
absl::Status CheckDilationPatterns(absl::Span<const DilationPattern> patterns,
                                   absl::Span<const int> channels);

}  // namespace siskin::models

#endif  // SISKIN_MODELS_DILATION_PATTERN_H_
