// What a network is: its paper, its published variants, the checkpoints that fit, and how it is
// built.
//
// A family (one file, one function) describes all its widths and resolutions. Building is pure:
// options in, graph out, no I/O.
#ifndef SISKIN_MODELS_MODEL_SPEC_H_
#define SISKIN_MODELS_MODEL_SPEC_H_

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "models/dilation_pattern.h"
#include "models/face_contract.h"
#include "models/input_contract.h"
#include "ops/graph.h"
#include "ops/net.h"

namespace siskin::models {

// How a width multiplier makes channel counts. The rules agree at every published width; they part
// at others (see ScaleChannels).
enum class ChannelRule {
  kMultipleOf8,         // to a multiple of 8, at most 10 % down (torchvision, timm)
  kTruncated,           // towards zero (TF-slim's and HF's MobileNetV1)
  kRoundedMultipleOf8,  // to the nearest integer, then as kMultipleOf8 (HF's MobileNetV2)
};

// Everything that distinguishes two networks of one family.
struct BuildOptions {
  double width = 1.0;    // width multiplier, alpha of the papers
  int resolution = 224;  // pixels a side
  int classes = 1000;
  // A published network of the family that differs from the others in more than width: the "h" of
  // MobileNetV1 with a head convolution, the "g8" of ShuffleNetV1 with eight groups. Empty: the
  // usual one.
  std::string form = "";
  // The code base whose network it is, where they differ; a KeyStyle's name. Empty: the first.
  std::string key_style = "";
  ops::PaddingRule padding = ops::PaddingRule::kSymmetric;
  double batch_norm_epsilon = 1e-5;
  ChannelRule channel_rule = ChannelRule::kMultipleOf8;
  // Of a network with ModelSpec::has_dilation_patterns, one for each inception convolution. Empty:
  // the form's.
  std::vector<DilationPattern> dilation_patterns = {};
};

inline constexpr int kMinResolution = 32;  // the total stride of most families
inline constexpr int kMaxResolution = 1024;
inline constexpr double kMaxWidth = 4.0;
inline constexpr int kMaxClasses = 1 << 20;

// A published code base whose checkpoints load: how it names layers, and the conventions that its
// weights were trained with. The defaults are PyTorch's.
struct KeyStyle {
  std::string name;  // "timm", "torchvision", "hf-google"
  // Maps a canonical layer name to this style's; unset when the names are the canonical ones.
  std::function<std::string(std::string_view layer)> layer_name = nullptr;
  ops::PaddingRule padding = ops::PaddingRule::kSymmetric;
  double batch_norm_epsilon = 1e-5;
  ChannelRule channel_rule = ChannelRule::kMultipleOf8;
  bool background_class = false;  // ImageNet heads have 1001 rows; row 0 is "background"
  std::string input_preset;       // see InputPreset
  // Keys of the published files that no answer needs begin like this: "AuxLogits.".
  std::vector<std::string> ignorable_prefixes = {};

  std::string LayerName(std::string_view canonical) const;
};

// One published set of weights: a row of the registry.
struct Variant {
  std::string name;            // "mobilenet_v1_0.25_128", "mobilenetv1_100h"
  std::string key_style = "";  // in a family's table, empty: the first one
  double width = 1.0;
  int resolution = 0;                    // in a family's table, 0: the network's
  std::string form = "";                 // see BuildOptions
  std::string input_preset = "";         // empty: the key style's
  std::optional<double> published_top1;  // percent on ImageNet-1k validation
  std::string source;                    // where the number and the weights are published
};

// What a network answers.
enum class OutputKind {
  kClassification,  // a logit per class
  kFaceDetection,   // raw scores and boxes, see models/face_decoder.h
};
const char* ToString(OutputKind kind);  // "classifier", "face detector"

// Appends the layers of a network behind its image and returns the output. The options are in
// range, and their width and form are published; an empty form is the usual one.
using LayersFunction = std::function<absl::StatusOr<ops::Tensor>(ops::Net& net, ops::Tensor image,
                                                                 const BuildOptions& options)>;

struct ModelSpec {
  std::string architecture;  // "mobilenet_v1"; the name of configs and metadata
  std::string title;         // "MobileNetV1"
  std::string paper;         // authors, title, year, arXiv id
  OutputKind output = OutputKind::kClassification;
  FaceContract faces = {};       // kFaceDetection
  std::string classifier_layer;  // the canonical name of the last linear layer
  int resolution = 224;          // usual for the published weights
  int min_resolution = kMinResolution;
  bool any_width = false;  // a multiplier of any size; else only the published widths exist
  bool has_dilation_patterns = false;  // of its own, or those of BuildOptions
  std::vector<KeyStyle> key_styles;    // the first one's names are canonical
  std::vector<Variant> variants;
  LayersFunction layers;

  // INVALID_ARGUMENT names the option that is out of range or not published, and says which values
  // there are.
  absl::StatusOr<ops::Graph> Build(const BuildOptions& options) const;

  const KeyStyle* FindKeyStyle(std::string_view name) const;  // nullptr if there is none
  std::vector<double> PublishedWidths() const;                // ascending, each once
  std::vector<std::string> PublishedForms() const;            // the same, without the empty one
  // Those that stand for the network: of each form the first one of width 1, at its resolution.
  std::vector<const Variant*> MainVariants() const;
};

// The network as published in a style: its conventions, at width 1, with 1000 classes.
BuildOptions OptionsOf(const ModelSpec& spec, const KeyStyle& style);
// The same for one of its variants.
BuildOptions OptionsOf(const ModelSpec& spec, const KeyStyle& style, const Variant& variant);

}  // namespace siskin::models

#endif  // SISKIN_MODELS_MODEL_SPEC_H_
