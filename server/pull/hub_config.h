// What the config files of a model on the hub say: its network, its input, its labels.
#ifndef SISKIN_SERVER_PULL_HUB_CONFIG_H_
#define SISKIN_SERVER_PULL_HUB_CONFIG_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "models/model_loader.h"

namespace siskin::pull {

struct HubModel {
  models::LoadRequest load;         // what is stated, be it the default or not
  std::vector<std::string> labels;  // of the classes, without a background row; empty: none stated
};

// `config` is a config.json of timm ("architecture", "pretrained_cfg") or of transformers
// ("model_type": mobilenet_v1 or mobilenet_v2); `preprocessor` the preprocessor_config.json that
// the latter comes with, or empty. INVALID_ARGUMENT: another network, or an input that the server
// cannot make; says which field.
absl::StatusOr<HubModel> ReadHubConfig(std::string_view config, std::string_view preprocessor);

}  // namespace siskin::pull

#endif  // SISKIN_SERVER_PULL_HUB_CONFIG_H_
