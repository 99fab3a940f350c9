// Resamples the rows of an image, that is along one axis; antialiased, with PIL's weights.
//
// zimg does the arithmetic. What is added here is the treatment of borders: zimg mirrors the image
// at its edges, whereas PIL drops the weights that fall outside and scales up the others. Rows of
// zeros are therefore put around the image, and a column of ones beside it: what becomes of the
// ones is the share of the weights that fell inside, by which each output row is divided. Black
// bars around the image (a letterbox) are such rows with a one: they count as inside.
#ifndef SISKIN_SERVER_PIPELINE_ROW_RESAMPLER_H_
#define SISKIN_SERVER_PIPELINE_ROW_RESAMPLER_H_

#include <zimg.h>

#include <cstddef>
#include <memory>
#include <new>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "models/input_contract.h"

namespace siskin::pipeline {

// Memory as zimg's vector code needs it; grows, never shrinks.
class AlignedBuffer {
 public:
  static constexpr size_t kAlignment = 64;

  // At least `bytes`; what they hold is unspecified.
  void* Reserve(size_t bytes);

 private:
  struct Free {
    void operator()(std::byte* memory) const {
      ::operator delete (memory, std::align_val_t{kAlignment});
    }
  };
  std::unique_ptr<std::byte, Free> memory_;
  size_t size_ = 0;
};

// Rows of floats in a buffer.
struct FloatRows {
  float* data = nullptr;
  size_t stride = 0;  // floats from a row to the next
  float* row(int i) const { return data + i * stride; }
};

// Keeps buffers and the filters of the last few geometries. Not thread-safe.
class RowResampler {
 public:
  struct Geometry {
    int rows = 0;     // of the source, 1..kMaxRows
    int columns = 0;  // number of independent columns, whatever they mean
    // The part that becomes the output: [start, start + length). Where it reaches beyond
    // [0, rows), the source is black.
    double start = 0;
    double length = 0;
    int output_rows = 0;
    models::Interpolation filter = models::Interpolation::kBilinear;

    friend bool operator==(const Geometry&, const Geometry&) = default;
  };
  static constexpr int kMaxRows = 65535;  // bounds the filter's weights

  // How many rows beyond [start, start + length] have a weight in the output, at most.
  static int Margin(double length, int output_rows, models::Interpolation filter);

  // Writes columns [left, right) of a source row to `row`, which is the row's column 0; may write
  // any other column of [0, columns) too. Called in ascending order of rows, more than once for a
  // row if zimg works in strips.
  using LoadRow = absl::FunctionRef<void(int row_index, int left, int right, float* row)>;

  // Fills the first geometry.columns of output_rows rows of `output`; the result points into it.
  // INVALID_ARGUMENT if zimg has no filter for the geometry.
  absl::StatusOr<FloatRows> Run(const Geometry& geometry, LoadRow load, AlignedBuffer& output);

 private:
  struct FreeGraph {
    void operator()(zimg_filter_graph* graph) const { zimg_filter_graph_free(graph); }
  };
  // A geometry made ready to run.
  struct Filter {
    Geometry geometry;
    std::unique_ptr<zimg_filter_graph, FreeGraph> graph;
    int border = 0;     // rows of zeros above and below
    size_t stride = 0;  // columns, the ones, and padding
    size_t scratch_bytes = 0;
    unsigned input_rows = 0;  // zimg's window on the source
  };
  static constexpr size_t kMaxFilters = 8;

  static absl::StatusOr<Filter> MakeFilter(const Geometry& geometry);
  absl::StatusOr<const Filter*> FindFilter(const Geometry& geometry);

  std::vector<Filter> filters_;  // most recently used last
  AlignedBuffer input_;
  AlignedBuffer scratch_;
};

}  // namespace siskin::pipeline

#endif  // SISKIN_SERVER_PIPELINE_ROW_RESAMPLER_H_
