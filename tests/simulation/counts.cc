#include "tests/simulation/counts.h"

namespace siskin::simulation {

void Counts::Add(const Counts& other) {
  schedules += other.schedules;
  disturbed += other.disturbed;
  cut += other.cut;
  models_removed += other.models_removed;
  events += other.events;
  batches += other.batches;
  requests += other.requests;
  images += other.images;
  accepted += other.accepted;
  completed += other.completed;
  late += other.late;
  trials += other.trials;
  promised += other.promised;
  broken += other.broken;
  shared += other.shared;
  shared_broken += other.shared_broken;
  overdue += other.overdue;
  for (size_t i = 0; i < refused.size(); ++i) refused[i] += other.refused[i];
  for (size_t i = 0; i < failed.size(); ++i) failed[i] += other.failed[i];
}

std::ostream& operator<<(std::ostream& out, const Counts& counts) {
  out << counts.schedules << " schedules, " << counts.events << " events, " << counts.requests
      << " requests of " << counts.images << " images, " << counts.batches << " batches\n"
      << counts.disturbed << " schedules with disturbed lanes, " << counts.cut
      << " that end in the middle, " << counts.models_removed << " models removed\n"
      << counts.accepted << " images accepted, " << counts.completed << " completed, "
      << counts.late << " of them late; " << counts.trials << " trials\n"
      << "exact schedules with one model: of " << counts.promised
      << " images accepted with a deadline " << counts.broken << " were not in time\n"
      << "exact schedules with several models: of " << counts.shared
      << " images accepted with a deadline " << counts.shared_broken << " were not in time\n"
      << counts.overdue << " images without a deadline waited until their turn had come\n";
  for (const Rejection reason : kAllRejections) {
    const size_t i = static_cast<size_t>(reason);
    if (counts.refused[i] + counts.failed[i] == 0) continue;
    out << ToString(reason) << ": " << counts.refused[i] << " refused, " << counts.failed[i]
        << " failed\n";
  }
  return out;
}

}  // namespace siskin::simulation
