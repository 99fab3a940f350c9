#include "server/simulation/report.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace siskin::simulation {
namespace {

// The smallest that is not below a part of at least `part` of them (nearest rank). A hair less, so
// that 0.999 of 1000 is the 999th.
Nanoseconds Quantile(const std::vector<Nanoseconds>& sorted, double part) {
  if (sorted.empty()) return 0;
  const auto rank =
      static_cast<size_t>(std::ceil(part * static_cast<double>(sorted.size()) - 1e-6));
  return sorted[std::clamp<size_t>(rank, 1, sorted.size()) - 1];
}

}  // namespace

absl::StatusOr<Objective> ParseObjective(const std::string& text) {
  const std::pair<std::string, std::string> parts = absl::StrSplit(text, absl::MaxSplits('=', 1));
  double percent = 0;
  absl::Duration limit;
  if (!absl::StartsWith(text, "p") || !absl::SimpleAtod(parts.first.substr(1), &percent) ||
      !(percent > 0 && percent < 100) || !absl::ParseDuration(parts.second, &limit) ||
      limit <= absl::ZeroDuration() || limit > absl::Hours(1)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "expected a percentile and the time within which it is to be, as p99=25ms, got '", text,
        "'"));
  }
  return Objective{parts.first, percent / 100, absl::ToInt64Nanoseconds(limit)};
}

bool Report::met() const {
  return std::all_of(objectives.begin(), objectives.end(),
                     [](const ObjectiveResult& result) { return result.met(); });
}

double Report::CostOfMillion(double price) const {
  if (in_time == 0) return std::numeric_limits<double>::infinity();
  return price * machine_seconds / 3600 * 1e6 / static_cast<double>(in_time);
}

Report Summarize(const FleetRun& run, Nanoseconds deadline,
                 absl::Span<const Objective> objectives) {
  Report report;
  report.requests = static_cast<int64_t>(run.outcomes.size());
  std::vector<Nanoseconds> in_time;
  for (const Outcome& outcome : run.outcomes) {
    if (outcome.rejection.has_value()) {
      ++report.rejected[static_cast<size_t>(*outcome.rejection)];
    } else if (outcome.latency > deadline) {
      ++report.late;
    } else {
      in_time.push_back(outcome.latency);
    }
  }
  std::sort(in_time.begin(), in_time.end());
  report.in_time = static_cast<int64_t>(in_time.size());
  report.seconds = static_cast<double>(run.end) * 1e-9;
  report.p50 = Quantile(in_time, 0.5);
  report.p90 = Quantile(in_time, 0.9);
  report.p99 = Quantile(in_time, 0.99);
  report.p999 = Quantile(in_time, 0.999);
  report.utilization = run.busy_seconds / run.lane_seconds;
  report.mean_batch =
      static_cast<double>(run.images) / static_cast<double>(std::max<int64_t>(run.batches, 1));
  report.mean_replicas = run.machine_seconds / report.seconds;
  report.most_replicas = run.most_replicas;
  report.machine_seconds = run.machine_seconds;
  const auto all = static_cast<double>(run.outcomes.size());
  std::vector<Nanoseconds>& with_refused = in_time;
  with_refused.resize(run.outcomes.size(), kNever);
  for (const Objective& objective : objectives) {
    const auto within = std::upper_bound(with_refused.begin(), with_refused.end(), objective.limit);
    report.objectives.push_back({objective,
                                 static_cast<double>(within - with_refused.begin()) / all,
                                 Quantile(with_refused, objective.part)});
  }
  return report;
}

}  // namespace siskin::simulation
