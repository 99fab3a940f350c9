// How outcomes of `siskin detect` look.
#ifndef SISKIN_SERVER_CLI_DETECT_REPORT_H_
#define SISKIN_SERVER_CLI_DETECT_REPORT_H_

#include <ostream>
#include <vector>

#include "server/cli/detect_client.h"

namespace siskin::cli {

// One file: where its time went, and a table of its faces.
void PrintOutcome(const Detected& outcome, std::ostream& out);

// Several files: a row each, with the number of faces or the error.
void PrintOutcomes(const std::vector<Detected>& outcomes, std::ostream& out);

// As PrintJson, with "image" {"width", "height"} and "faces" [{"score", "box", "key_points"}].
void PrintOutcomeJson(const Detected& outcome, std::ostream& out);

}  // namespace siskin::cli

#endif  // SISKIN_SERVER_CLI_DETECT_REPORT_H_
