// How `siskin simulate` shows what it found.
#ifndef SISKIN_SERVER_CLI_LOCAL_SIMULATION_ANSWER_H_
#define SISKIN_SERVER_CLI_LOCAL_SIMULATION_ANSWER_H_

#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "server/simulation/costs.h"
#include "server/simulation/fleet.h"
#include "server/simulation/report.h"

namespace siskin::cli {

// What was asked for.
enum class Question { kWhatIf, kLargestRate, kFewestReplicas };

struct SimulationAnswer {
  Question question = Question::kWhatIf;
  std::vector<simulation::NamedModel> models;
  simulation::FleetOptions fleet;  // of the run
  std::string balancing;           // as its flag has it
  std::optional<double> rate;      // that was drawn; without it there was a trace
  simulation::Report report;
  std::optional<double> price;  // of a replica, an hour
};

void PrintTable(const SimulationAnswer& answer, std::ostream& out);
void PrintJson(const SimulationAnswer& answer, std::ostream& out);

}  // namespace siskin::cli

#endif  // SISKIN_SERVER_CLI_LOCAL_SIMULATION_ANSWER_H_
