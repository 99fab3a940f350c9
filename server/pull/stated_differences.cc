#include "server/pull/stated_differences.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "base/status_macros.h"
#include "models/catalog.h"

namespace siskin::pull {
namespace {

template <typename T>
void KeepDifference(const std::optional<T>& stated, const T& found, std::optional<T>& kept) {
  if (stated.has_value() && *stated != found) kept = stated;
}

bool IsPublished(const models::ModelSpec* spec, double width) {
  if (spec == nullptr) return false;
  const std::vector<double> published = spec->PublishedWidths();
  return std::count(published.begin(), published.end(), width) > 0;
}

}  // namespace

absl::StatusOr<models::LoadRequest> StatedDifferences(const ops::Checkpoint& checkpoint,
                                                      const models::LoadRequest& stated) {
  models::LoadRequest short_request;
  short_request.architecture = stated.architecture;
  short_request.name_hint = stated.name_hint;
  const models::CatalogMatch identity = models::FindByName(stated.architecture);
  // Published widths are found by the shapes of the weights.
  if (stated.width.has_value() && !IsPublished(identity.spec, *stated.width)) {
    short_request.width = stated.width;
  }
  // Without a variant's name the folder's name would count, which may change.
  if (identity.variant == nullptr) short_request.resolution = stated.resolution;
  SISKIN_ASSIGN_OR_RETURN(models::BoundModel model, models::LoadModel(checkpoint, short_request));
  if (stated.architecture.empty()) short_request.architecture = model.spec->architecture;
  KeepDifference(stated.padding, model.options.padding, short_request.padding);
  KeepDifference(stated.batch_norm_epsilon, model.options.batch_norm_epsilon,
                 short_request.batch_norm_epsilon);
  KeepDifference(stated.resolution, model.options.resolution, short_request.resolution);
  // The publisher's rule for resizing depends on the resolution.
  SISKIN_ASSIGN_OR_RETURN(model, models::LoadModel(checkpoint, short_request));
  const models::LoadRequest::InputOverrides& input = stated.input;
  KeepDifference(input.rule, model.input.rule, short_request.input.rule);
  KeepDifference(input.resize_to, model.input.resize_to, short_request.input.resize_to);
  KeepDifference(input.crop_fraction, model.input.crop_fraction, short_request.input.crop_fraction);
  KeepDifference(input.interpolation, model.input.interpolation, short_request.input.interpolation);
  KeepDifference(input.color_order, model.input.color_order, short_request.input.color_order);
  KeepDifference(input.mean, model.input.mean, short_request.input.mean);
  KeepDifference(input.std, model.input.std, short_request.input.std);
  return short_request;
}

}  // namespace siskin::pull
