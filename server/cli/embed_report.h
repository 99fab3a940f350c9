// How outcomes of `siskin embed` look.
#ifndef SISKIN_SERVER_CLI_EMBED_REPORT_H_
#define SISKIN_SERVER_CLI_EMBED_REPORT_H_

#include <ostream>
#include <vector>

#include "server/cli/embed_client.h"

namespace siskin::cli {

// One file: where its time went, how many values there are and the first of them.
void PrintOutcome(const Embedded& outcome, std::ostream& out);

// Several files: a row each, with the number of values or the error.
void PrintOutcomes(const std::vector<Embedded>& outcomes, std::ostream& out);

// As PrintJson, with "embedding" [...].
void PrintOutcomeJson(const Embedded& outcome, std::ostream& out);

}  // namespace siskin::cli

#endif  // SISKIN_SERVER_CLI_EMBED_REPORT_H_
