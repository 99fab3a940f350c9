// How outcomes of `siskin classify` look.
#ifndef SISKIN_SERVER_CLI_CLASSIFY_REPORT_H_
#define SISKIN_SERVER_CLI_CLASSIFY_REPORT_H_

#include <ostream>
#include <vector>

#include "server/cli/classify_client.h"

namespace siskin::cli {

// One file: where its time went, and a table of its best classes.
void PrintOutcome(const Classified& outcome, std::ostream& out);

// Several files: a row each, with the best class or the error.
void PrintOutcomes(const std::vector<Classified>& outcomes, std::ostream& out);

// As PrintJson, with "classifications".
void PrintOutcomeJson(const Classified& outcome, std::ostream& out);

}  // namespace siskin::cli

#endif  // SISKIN_SERVER_CLI_CLASSIFY_REPORT_H_
