// How outcomes of `siskin classify` look.
#ifndef SISKIN_SERVER_CLI_CLASSIFY_REPORT_H_
#define SISKIN_SERVER_CLI_CLASSIFY_REPORT_H_

#include <ostream>
#include <vector>

#include "server/cli/classify_client.h"

namespace siskin::cli {

// One file: where its time went, and a table of its best classes.
void PrintOutcome(const Outcome& outcome, std::ostream& out);

// Several files: a row each, with the best class or the error.
void PrintOutcomes(const std::vector<Outcome>& outcomes, std::ostream& out);

// One JSON object on one line: "file" and either "error" {"code", "message"} or "model", "version",
// "classifications", "timing_ms", "batch_size" and, if there is one, "warning".
void PrintOutcomeJson(const Outcome& outcome, std::ostream& out);

}  // namespace siskin::cli

#endif  // SISKIN_SERVER_CLI_CLASSIFY_REPORT_H_
