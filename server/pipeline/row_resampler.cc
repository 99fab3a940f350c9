#include "server/pipeline/row_resampler.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace siskin::pipeline {
namespace {

constexpr size_t kAlignedFloats = AlignedBuffer::kAlignment / sizeof(float);

absl::Status ZimgError(const RowResampler::Geometry& geometry) {
  char message[128] = "";
  zimg_get_last_error(message, sizeof(message));
  return absl::InvalidArgumentError(absl::StrCat("the image cannot be resampled from ",
                                                 geometry.length, " to ", geometry.output_rows,
                                                 " pixels: ", message));
}

zimg_image_format PlaneFormat(unsigned width, unsigned height) {
  zimg_image_format format;
  zimg_image_format_default(&format, ZIMG_API_VERSION);
  format.width = width;
  format.height = height;
  format.pixel_type = ZIMG_PIXEL_FLOAT;
  return format;
}

zimg_graph_builder_params FilterParams(models::Interpolation filter) {
  zimg_graph_builder_params params;
  zimg_graph_builder_params_default(&params, ZIMG_API_VERSION);
  if (filter == models::Interpolation::kBicubic) {
    params.resample_filter = ZIMG_RESIZE_BICUBIC;
    params.filter_param_a = 0;  // b and c of Mitchell and Netravali; PIL's a is -c
    params.filter_param_b = 0.5;
  } else {
    params.resample_filter = ZIMG_RESIZE_BILINEAR;
  }
  return params;
}

// What zimg's callback needs to produce a row.
struct RowSource {
  RowResampler::LoadRow load;
  const RowResampler::Geometry& geometry;
  int border;
  size_t stride;
  float* buffer;
  unsigned mask;
};

// Of a row outside the image: whether the part that becomes the output takes it in, whole.
bool IsBlackBar(const RowResampler::Geometry& geometry, int row_index) {
  return row_index >= geometry.start && row_index + 1 <= geometry.start + geometry.length;
}

// Rows of zeros needed above and below the image: its black bars, and the filter's reach.
int BorderOf(const RowResampler::Geometry& geometry) {
  const double above = -geometry.start;
  const double below = geometry.start + geometry.length - geometry.rows;
  const int bars = static_cast<int>(std::ceil(std::max({above, below, 0.0})));
  return bars + RowResampler::Margin(geometry.length, geometry.output_rows, geometry.filter);
}

int LoadInputRow(void* user, unsigned i, unsigned left, unsigned right) {
  const RowSource& source = *static_cast<const RowSource*>(user);
  float* row = source.buffer + (i & source.mask) * source.stride;
  const RowResampler::Geometry& geometry = source.geometry;
  const int row_index = static_cast<int>(i) - source.border;
  const bool in_image = row_index >= 0 && row_index < geometry.rows;
  const unsigned columns = geometry.columns;
  if (left < columns) {
    const unsigned end = std::min(right, columns);
    if (in_image) {
      source.load(row_index, static_cast<int>(left), static_cast<int>(end), row);
    } else {
      std::fill(row + left, row + end, 0.0f);
    }
  }
  if (right > columns) {
    const bool counts = in_image || IsBlackBar(geometry, row_index);
    std::fill(row + std::max(left, columns), row + right, counts ? 1.0f : 0.0f);
  }
  return 0;
}

void RestoreWeights(const RowResampler::Geometry& geometry, const FloatRows& rows) {
  for (int i = 0; i < geometry.output_rows; ++i) {
    float* row = rows.row(i);
    const float inside = row[geometry.columns];
    if (std::abs(inside - 1) < 1e-5f) continue;
    const float factor = 1 / inside;
    for (int column = 0; column < geometry.columns; ++column) row[column] *= factor;
  }
}

}  // namespace

void* AlignedBuffer::Reserve(size_t bytes) {
  if (bytes > size_) {
    memory_.reset();  // first, so that old and new are never held together
    size_ = 0;
    memory_.reset(static_cast<std::byte*>(::operator new (bytes, std::align_val_t{kAlignment})));
    size_ = bytes;
  }
  return memory_.get();
}

int RowResampler::Margin(double length, int output_rows, models::Interpolation filter) {
  const double scale = std::max(length / output_rows, 1.0);
  const double radius = filter == models::Interpolation::kBicubic ? 2 : 1;
  return static_cast<int>(std::ceil(radius * scale)) + 1;
}

absl::StatusOr<RowResampler::Filter> RowResampler::MakeFilter(const Geometry& geometry) {
  if (geometry.rows < 1 || geometry.rows > kMaxRows) {
    return absl::InvalidArgumentError(absl::StrCat("the image cannot be resampled: it has ",
                                                   geometry.rows, " pixels a side, expected 1 to ",
                                                   kMaxRows));
  }
  Filter filter;
  filter.geometry = geometry;
  filter.border = BorderOf(geometry);
  filter.stride = (geometry.columns + kAlignedFloats) / kAlignedFloats * kAlignedFloats;
  const unsigned width = static_cast<unsigned>(filter.stride);
  zimg_image_format source = PlaneFormat(width, geometry.rows + 2 * filter.border);
  source.active_region.top = filter.border + geometry.start;
  source.active_region.height = geometry.length;
  const zimg_image_format target = PlaneFormat(width, geometry.output_rows);
  const zimg_graph_builder_params params = FilterParams(geometry.filter);
  filter.graph.reset(zimg_filter_graph_build(&source, &target, &params));
  if (filter.graph == nullptr ||
      zimg_filter_graph_get_tmp_size(filter.graph.get(), &filter.scratch_bytes) !=
          ZIMG_ERROR_SUCCESS ||
      zimg_filter_graph_get_input_buffering(filter.graph.get(), &filter.input_rows) !=
          ZIMG_ERROR_SUCCESS) {
    return ZimgError(geometry);
  }
  return filter;
}

absl::StatusOr<const RowResampler::Filter*> RowResampler::FindFilter(const Geometry& geometry) {
  const auto found = std::find_if(filters_.begin(), filters_.end(), [&](const Filter& filter) {
    return filter.geometry == geometry;
  });
  if (found != filters_.end()) {
    std::rotate(found, found + 1, filters_.end());
    return &filters_.back();
  }
  SISKIN_ASSIGN_OR_RETURN(Filter filter, MakeFilter(geometry));
  if (filters_.size() == kMaxFilters) filters_.erase(filters_.begin());
  filters_.push_back(std::move(filter));
  return &filters_.back();
}

absl::StatusOr<FloatRows> RowResampler::Run(const Geometry& geometry, LoadRow load,
                                            AlignedBuffer& output) {
  SISKIN_ASSIGN_OR_RETURN(const Filter* filter, FindFilter(geometry));
  const size_t row_bytes = filter->stride * sizeof(float);
  const unsigned mask = zimg_select_buffer_mask(filter->input_rows);
  const size_t buffered_rows =
      mask == ZIMG_BUFFER_MAX ? geometry.rows + 2 * filter->border : size_t{mask} + 1;
  RowSource source = {load,
                      geometry,
                      filter->border,
                      filter->stride,
                      static_cast<float*>(input_.Reserve(buffered_rows * row_bytes)),
                      mask};
  const FloatRows rows = {static_cast<float*>(output.Reserve(geometry.output_rows * row_bytes)),
                          filter->stride};

  zimg_image_buffer_const input = {};
  input.version = ZIMG_API_VERSION;
  input.plane[0] = {source.buffer, static_cast<ptrdiff_t>(row_bytes), mask};
  zimg_image_buffer target = {};
  target.version = ZIMG_API_VERSION;
  target.plane[0] = {rows.data, static_cast<ptrdiff_t>(row_bytes), ZIMG_BUFFER_MAX};
  void* scratch = scratch_.Reserve(filter->scratch_bytes);
  if (zimg_filter_graph_process(filter->graph.get(), &input, &target, scratch, LoadInputRow,
                                &source, nullptr, nullptr) != ZIMG_ERROR_SUCCESS) {
    return ZimgError(geometry);
  }
  RestoreWeights(geometry, rows);
  return rows;
}

}  // namespace siskin::pipeline
