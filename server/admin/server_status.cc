#include "server/admin/server_status.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/json.h"
#include "nlohmann/json.hpp"
#include "server/batching/queue_json.h"

namespace siskin::admin {
namespace {

using Json = nlohmann::ordered_json;

Json InputOf(const models::InputContract& input) {
  Json out = {{"width", input.width}, {"height", input.height}};
  switch (input.rule) {
    case models::ResizeRule::kShortSideThenCrop:
      out["resize"] = "short side, then the centre";
      out["resize_to"] = input.resize_to;
      break;
    case models::ResizeRule::kCropFraction:
      out["resize"] = "the centre, stretched";
      out["crop_fraction"] = input.crop_fraction;
      break;
    case models::ResizeRule::kStretch:
      out["resize"] = "stretched";
      break;
    case models::ResizeRule::kLetterbox:
      out["resize"] = "letterboxed";
      break;
  }
  out["interpolation"] =
      input.interpolation == models::Interpolation::kBilinear ? "bilinear" : "bicubic";
  out["color_order"] = input.color_order == models::ColorOrder::kRgb ? "RGB" : "BGR";
  out["mean"] = input.mean;
  out["std"] = input.std;
  return out;
}

Json CostsOf(const batching::BatchQueue& queue) {
  std::vector<batching::BatchCost> costs = queue.Costs();
  std::sort(costs.begin(), costs.end(),
            [](const auto& a, const auto& b) { return a.batch_size < b.batch_size; });
  Json out = Json::array();
  for (const batching::BatchCost& cost : costs) {
    out.push_back({{"batch_size", cost.batch_size}, {"ms", absl::ToDoubleMilliseconds(cost.cost)}});
  }
  return out;
}

void AddServable(const engine::Servable& servable, Json& out) {
  const engine::LoadedModel& model = *servable.model;
  const models::BuildOptions& options = model.build_options();
  out["title"] = model.spec().title;
  out["architecture"] = model.spec().architecture;
  out["width"] = options.width;
  if (!options.form.empty()) out["form"] = options.form;
  out["key_style"] = model.key_style();
  out["random_weights"] = model.random_weights();
  out["task"] = ToString(model.spec().output);
  if (model.spec().output == models::OutputKind::kClassification) out["classes"] = model.outputs();
  out["labels"] = !model.labels().empty();
  out["input"] = InputOf(model.input());
  out["batching"] = batching::ToJson(servable.queue->options());
  out["costs"] = CostsOf(*servable.queue);
  out["predicted_wait_ms"] = absl::ToDoubleMilliseconds(servable.queue->PredictedWait());
  out["weight_bytes"] = model.weight_bytes();
  out["arena_bytes"] = model.arena_bytes();
}

Json ModelOf(const engine::VersionStatus& status, const engine::ModelRegistry& registry) {
  Json out = {
      {"name", status.model}, {"version", status.version}, {"state", ToString(status.state)}};
  if (!status.reason.ok()) out["reason"] = std::string(status.reason.message());
  // Not those that were ready a moment ago.
  const auto servable = registry.Resolve(status.model, status.version);
  if (servable.ok()) AddServable(**servable, out);
  return out;
}

}  // namespace

std::string ServerStatus(const ServerFacts& facts, const engine::ModelRegistry& registry,
                         bool ready, MonotonicTime now) {
  Json models = Json::array();
  for (const engine::VersionStatus& status : registry.List()) {
    models.push_back(ModelOf(status, registry));
  }
  const Json out = {
      {"server",
       {{"version", facts.version},
        {"onednn", facts.onednn},
        {"isa", facts.isa},
        {"ready", ready},
        {"uptime_seconds", absl::ToDoubleSeconds(now - facts.start)},
        {"lanes", facts.lanes}}},
      {"limits",
       {{"max_photo_bytes", facts.max_photo_bytes}, {"max_in_flight", facts.max_in_flight}}},
      {"models", std::move(models)}};
  // Reasons may quote a file's bytes, which need not be UTF-8.
  return JsonText(out) + "\n";
}

}  // namespace siskin::admin
