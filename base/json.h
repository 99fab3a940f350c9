// JSON as text. nlohmann/json.hpp takes the compiler a second to read and several to write text
// with: headers name its types with json_fwd.hpp, and its serializer is compiled here alone.
#ifndef SISKIN_BASE_JSON_H_
#define SISKIN_BASE_JSON_H_

#include <string>

#include "nlohmann/json_fwd.hpp"

namespace siskin {

struct JsonStyle {
  int indent = -1;     // spaces a level; -1: all on one line
  bool ascii = false;  // other characters as \u escapes
};

// Bytes that are not UTF-8, as file names and quoted requests may have them, become U+FFFD.
std::string JsonText(const nlohmann::ordered_json& json, JsonStyle style = {});

}  // namespace siskin

#endif  // SISKIN_BASE_JSON_H_
