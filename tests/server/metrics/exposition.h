// Reads what Metrics::Scrape writes.
#ifndef SISKIN_TESTS_SERVER_METRICS_EXPOSITION_H_
#define SISKIN_TESTS_SERVER_METRICS_EXPOSITION_H_

#include <cstdlib>
#include <optional>
#include <string>

#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace siskin::testing {

// The value of `series`, spelt as in the exposition; labels are in alphabetic order there.
inline std::optional<double> Sample(const std::string& exposition, const std::string& series) {
  for (absl::string_view line : absl::StrSplit(exposition, '\n')) {
    if (absl::ConsumePrefix(&line, series + " ")) {
      return std::strtod(std::string(line).c_str(), nullptr);
    }
  }
  return std::nullopt;
}

}  // namespace siskin::testing

#endif  // SISKIN_TESTS_SERVER_METRICS_EXPOSITION_H_
