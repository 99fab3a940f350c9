// What every list says about a network, and how it is written as JSON.
#ifndef SISKIN_SERVER_CLI_NETWORK_FACTS_H_
#define SISKIN_SERVER_CLI_NETWORK_FACTS_H_

#include <cstdint>
#include <ostream>
#include <string>

#include "absl/status/statusor.h"
#include "models/model_loader.h"
#include "nlohmann/json.hpp"

namespace siskin::cli {

using Json = nlohmann::ordered_json;

struct NetworkFacts {
  std::string architecture;
  std::string variant;
  std::string key_style;
  std::string input;  // "3x224x224"
  int64_t parameters = 0;
  int64_t multiply_adds = 0;
  int64_t weight_bytes = 0;
};

NetworkFacts FactsOf(const models::BoundModel& model);
absl::StatusOr<NetworkFacts> FactsOf(const models::ModelSpec& spec, const models::Variant& variant);

Json ToJson(const NetworkFacts& facts);
// Indented. Strings that are not UTF-8 are made so.
void WriteJson(const Json& document, std::ostream& out);

}  // namespace siskin::cli

#endif  // SISKIN_SERVER_CLI_NETWORK_FACTS_H_
