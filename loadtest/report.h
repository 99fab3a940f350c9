// What a run found, for people and for programs.
#ifndef SISKIN_LOADTEST_REPORT_H_
#define SISKIN_LOADTEST_REPORT_H_

#include <string>

#include "absl/strings/string_view.h"
#include "loadtest/options.h"
#include "loadtest/runner.h"

namespace siskin::loadtest {

// One JSON object, indented, ending with a newline. README.md lists its fields.
std::string ReportJson(const Options& options, const RunResult& result);

// A few lines of text.
std::string ReportText(const Options& options, const RunResult& result);

// "measuring 3.2 s  812 req/s  p50 9.61 ms  p99 14.20 ms"
std::string ProgressLine(absl::string_view what, const Stats& stats);

// Whether every request of the run, and at least one while measuring, was answered rightly.
bool Succeeded(const Stats& stats);

}  // namespace siskin::loadtest

#endif  // SISKIN_LOADTEST_REPORT_H_
