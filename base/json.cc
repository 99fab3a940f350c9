#include "base/json.h"

#include "nlohmann/json.hpp"

namespace siskin {

std::string JsonText(const nlohmann::ordered_json& json, JsonStyle style) {
  return json.dump(style.indent, ' ', style.ascii,
                   nlohmann::ordered_json::error_handler_t::replace);
}

}  // namespace siskin
