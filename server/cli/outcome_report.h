// What the outcomes of all photo commands look like.
#ifndef SISKIN_SERVER_CLI_OUTCOME_REPORT_H_
#define SISKIN_SERVER_CLI_OUTCOME_REPORT_H_

#include <ostream>
#include <string>

#include "nlohmann/json.hpp"
#include "server/cli/photo_call.h"

namespace siskin::cli {

using Json = nlohmann::ordered_json;

std::string Milliseconds(absl::Duration duration);  // "1.5 ms"
std::string Percent(double fraction);               // "12.34 %"
std::string ErrorText(const absl::Status& status);  // "NOT_FOUND: no such file"

// "photo.jpg: mobilenet_v2 version 1, 9.1 ms (queue ...)" and an empty line, or the error.
void PrintHeading(const Outcome& outcome, std::ostream& out);

// One JSON object on one line: "file" and either "error" {"code", "message"} or "model", "version",
// the fields of `answer`, "timing_ms", "batch_size" and, if there is one, "warning".
void PrintJson(const Outcome& outcome, const Json& answer, std::ostream& out);

}  // namespace siskin::cli

#endif  // SISKIN_SERVER_CLI_OUTCOME_REPORT_H_
