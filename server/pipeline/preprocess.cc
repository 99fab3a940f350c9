#include "server/pipeline/preprocess.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "server/pipeline/row_resampler.h"

namespace siskin::pipeline {
namespace {

using models::InputContract;

constexpr int kChannels = 3;

// What happens along one side of the image as it is stored.
struct Axis {
  int begin = 0;  // the pixels that may be looked at: [begin, begin + size)
  int size = 0;
  double start = 0;  // of those, the part that becomes the output: [start, start + length)
  double length = 0;
  int output = 0;        // pixels of the output along this axis
  ptrdiff_t origin = 0;  // where in a plane the first of them goes, and from each to the next
  ptrdiff_t step = 0;
};

// torchvision: the short side becomes `resize_to`, the long one in proportion, rounded down; then
// the central `output` pixels, an odd pixel going where Python's round (half to even) puts it.
Axis ResizeThenCrop(int side, int other_side, int resize_to, int output) {
  const int64_t resized = side <= other_side ? resize_to : int64_t{resize_to} * side / other_side;
  const double offset = std::nearbyint(static_cast<double>(resized - output) / 2);
  const double scale = static_cast<double>(side) / static_cast<double>(resized);
  return {.size = side, .start = offset * scale, .length = output * scale, .output = output};
}

// TF-slim: the image is cropped to the central fraction, rounded as its central_crop does, before
// it is resized, so that nothing outside is looked at.
Axis CropThenResize(int side, double fraction, int output) {
  const int begin = static_cast<int>((side - side * fraction) / 2);
  const int size = side - 2 * begin;
  return {.begin = begin, .size = size, .length = static_cast<double>(size), .output = output};
}

// MediaPipe: black on both sides of the short one, an odd pixel of it at the end.
Axis LetterboxThenResize(int side, int other_side, int output) {
  const int square = std::max(side, other_side);
  const int before = (square - side) / 2;
  return {.size = side,
          .start = static_cast<double>(-before),
          .length = static_cast<double>(square),
          .output = output};
}

Axis MakeAxis(const InputContract& contract, int side, int other_side, int output) {
  switch (contract.rule) {
    case models::ResizeRule::kShortSideThenCrop:
      return ResizeThenCrop(side, other_side, contract.resize_to, output);
    case models::ResizeRule::kCropFraction:
      return CropThenResize(side, contract.crop_fraction, output);
    case models::ResizeRule::kLetterbox:
      return LetterboxThenResize(side, other_side, output);
    case models::ResizeRule::kStretch:
      break;
  }
  return {.size = side, .length = static_cast<double>(side), .output = output};
}

// The axis of a side that is stored from its far end: it is read from there, and written backwards.
void Reverse(Axis& axis, int side) {
  axis.begin = side - axis.begin - axis.size;
  axis.start = axis.size - axis.start - axis.length;
  axis.origin = (axis.output - 1) * axis.step;
  axis.step = -axis.step;
}

// Leaves out the pixels that have no weight in the output.
void Trim(Axis& axis, models::Interpolation filter) {
  const int margin = RowResampler::Margin(axis.length, axis.output, filter);
  const int first = std::max(0, static_cast<int>(std::floor(axis.start)) - margin);
  const int last =
      std::min(axis.size, static_cast<int>(std::ceil(axis.start + axis.length)) + margin);
  axis.begin += first;
  axis.size = last - first;
  axis.start -= first;
}

struct Axes {
  Axis rows;
  Axis columns;
};

// The crop is that of the upright image; it is expressed for the image as stored, and undoing the
// orientation is left to the order in which the output is written.
Axes MakeAxes(const RgbImage& image, const InputContract& contract) {
  const bool swapped = image.sides_swapped();
  Axes axes;
  axes.rows =
      MakeAxis(contract, image.height, image.width, swapped ? contract.width : contract.height);
  axes.columns =
      MakeAxis(contract, image.width, image.height, swapped ? contract.height : contract.width);
  axes.rows.step = swapped ? 1 : contract.width;
  axes.columns.step = swapped ? contract.width : 1;
  if (image.rows_reversed()) Reverse(axes.rows, image.height);
  if (image.columns_reversed()) Reverse(axes.columns, image.width);
  Trim(axes.rows, contract.interpolation);
  Trim(axes.columns, contract.interpolation);
  return axes;
}

// Which way first? PIL goes along the columns first and clamps in between, which shows where the
// bicubic filter overshoots. The bilinear one does not: there it is rows first, which reads memory
// in order. Either way panoramas are made smaller before they are made larger, so that what lies
// between the passes stays below a few times the image.
bool RowsFirst(const Axis& rows, const Axis& columns, models::Interpolation filter) {
  constexpr int64_t kPreference = 8;
  const int64_t rows_first_size = int64_t{rows.output} * columns.size;
  const int64_t columns_first_size = int64_t{columns.output} * rows.size;
  return filter == models::Interpolation::kBicubic
             ? kPreference * rows_first_size < columns_first_size
             : rows_first_size <= kPreference * columns_first_size;
}

// The bicubic filter overshoots at edges.
float Clamp(float value) { return std::clamp(value, 0.0f, 255.0f); }

// Calls `write(pixel)` for each pixel touched by the channels [left, right).
template <typename Write>
void ForEachPixel(int left, int right, Write write) {
  const int last = (right + kChannels - 1) / kChannels;
  for (int pixel = left / kChannels; pixel < last; ++pixel) write(pixel);
}

// value = (p - mean) / std, as a multiplication and an addition.
struct Normalisation {
  Normalisation(float mean, float std) : factor(1 / std), offset(-mean / std) {}
  float operator()(float value) const { return value * factor + offset; }
  float factor;
  float offset;
};

// `pixels` has a row for each output pixel of `outer`, and in it the channels of each of `inner`.
void WritePlanes(const FloatRows& pixels, const Axis& outer, const Axis& inner,
                 const InputContract& contract, absl::Span<float> planes) {
  const size_t area = size_t{1} * contract.width * contract.height;
  for (int p = 0; p < kChannels; ++p) {
    const int channel = contract.color_order == models::ColorOrder::kBgr ? kChannels - 1 - p : p;
    const Normalisation normalise(contract.mean[p], contract.std[p]);
    float* plane = planes.data() + p * area + outer.origin + inner.origin;
    for (int i = 0; i < outer.output; ++i) {
      const float* in = pixels.row(i) + channel;
      float* out = plane + i * outer.step;
      for (int j = 0; j < inner.output; ++j, in += kChannels, out += inner.step) {
        *out = normalise(Clamp(*in));
      }
    }
  }
}

}  // namespace

struct Preprocessor::Impl {
  // Resamples along `first`, then along `second`. The strides are bytes from pixel to pixel.
  absl::Status Resample(const uint8_t* pixels, const Axis& first, size_t first_stride,
                        const Axis& second, size_t second_stride, const InputContract& contract,
                        absl::Span<float> planes);

  RowResampler resampler;
  AlignedBuffer half_done;
  AlignedBuffer done;
};

absl::Status Preprocessor::Impl::Resample(const uint8_t* pixels, const Axis& first,
                                          size_t first_stride, const Axis& second,
                                          size_t second_stride, const InputContract& contract,
                                          absl::Span<float> planes) {
  const uint8_t* origin = pixels + first.begin * first_stride + second.begin * second_stride;
  const auto load_pixels = [&](int index, int left, int right, float* row) {
    const uint8_t* line = origin + index * first_stride;
    if (second_stride == kChannels) {
      std::copy(line + left, line + right, row + left);
      return;
    }
    ForEachPixel(left, right, [&](int pixel) {
      std::copy_n(line + pixel * second_stride, kChannels, row + pixel * kChannels);
    });
  };
  SISKIN_ASSIGN_OR_RETURN(const FloatRows half,
                          resampler.Run({first.size, second.size * kChannels, first.start,
                                         first.length, first.output, contract.interpolation},
                                        load_pixels, half_done));

  const auto load_transposed = [&](int index, int left, int right, float* row) {
    ForEachPixel(left, right, [&](int pixel) {
      const float* in = half.row(pixel) + index * kChannels;
      std::transform(in, in + kChannels, row + pixel * kChannels, Clamp);
    });
  };
  SISKIN_ASSIGN_OR_RETURN(const FloatRows all,
                          resampler.Run({second.size, first.output * kChannels, second.start,
                                         second.length, second.output, contract.interpolation},
                                        load_transposed, done));
  WritePlanes(all, second, first, contract, planes);
  return absl::OkStatus();
}

PhotoRegion InputRegion(ImageSize upright, const InputContract& contract) {
  const Axis x = MakeAxis(contract, upright.width, upright.height, contract.width);
  const Axis y = MakeAxis(contract, upright.height, upright.width, contract.height);
  return {
      .left = x.begin + x.start, .top = y.begin + y.start, .width = x.length, .height = y.length};
}

Preprocessor::Preprocessor() : impl_(std::make_unique<Impl>()) {}
Preprocessor::~Preprocessor() = default;

absl::Status Preprocessor::Run(const RgbImage& image, const InputContract& contract,
                               absl::Span<float> planes) {
  const int64_t bytes = int64_t{kChannels} * image.width * image.height;
  if (image.width <= 0 || image.height <= 0 || static_cast<int64_t>(image.pixels.size()) < bytes) {
    return absl::InvalidArgumentError(absl::StrCat("an image of ", image.width, " x ", image.height,
                                                   " pixels with ", image.pixels.size(),
                                                   " bytes has no content"));
  }
  const auto [rows, columns] = MakeAxes(image, contract);
  const size_t pixel_stride = kChannels;
  const size_t row_stride = pixel_stride * image.width;
  if (RowsFirst(rows, columns, contract.interpolation)) {
    return impl_->Resample(image.pixels.data(), rows, row_stride, columns, pixel_stride, contract,
                           planes);
  }
  return impl_->Resample(image.pixels.data(), columns, pixel_stride, rows, row_stride, contract,
                         planes);
}

}  // namespace siskin::pipeline
