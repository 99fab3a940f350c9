// The most load, or the least replicas, with which objectives are met. `meets` runs a simulation:
// what meets them at some rate, or with some replicas, is taken to meet them at every lower rate,
// and with more.
#ifndef SISKIN_SERVER_SIMULATION_SEARCH_H_
#define SISKIN_SERVER_SIMULATION_SEARCH_H_

#include <optional>

#include "absl/functional/function_ref.h"

namespace siskin::simulation {

// How much below the largest rate the one that is found may be, as a part of `most`.
inline constexpr double kRateStep = 1.0 / 1024;

// Of the rates up to `most`; nullopt if not even the lowest that is tried, kRateStep of it, does.
std::optional<double> LargestRate(double most, absl::FunctionRef<bool(double rate)> meets);

// From 1 to `most`, doubling until enough is found; nullopt if not even `most` does.
std::optional<int> LeastReplicas(int most, absl::FunctionRef<bool(int replicas)> meets);

}  // namespace siskin::simulation

#endif  // SISKIN_SERVER_SIMULATION_SEARCH_H_
