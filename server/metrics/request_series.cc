#include "server/metrics/request_series.h"

#include <algorithm>
#include <utility>

namespace siskin::metrics {

RequestSeries::RequestSeries(const Families& families, std::string model)
    : families_(families), model_(std::move(model)) {
  for (const Rejection reason : kAllRejections) {
    rejected_[static_cast<size_t>(reason)] =
        Child(families.rejected, {{"model", model_}, {"reason", ToString(reason)}});
  }
}

size_t RequestSeries::IndexOf(absl::StatusCode code) {
  const auto index = static_cast<size_t>(code);
  return index < kCodes ? index : static_cast<size_t>(absl::StatusCode::kUnknown);
}

// A walk: there are few versions and methods. rows_.size() if there is none.
size_t RequestSeries::FindRow(std::string_view version, std::string_view method) const {
  const auto row = std::find_if(rows_.begin(), rows_.end(), [&](const Row& row) {
    return row.version == version && row.method == method;
  });
  return row - rows_.begin();
}

bool RequestSeries::Count(std::string_view version, std::string_view method, absl::StatusCode code,
                          absl::Duration duration) const {
  const size_t row = FindRow(version, method);
  const size_t index = IndexOf(code);
  if (row == rows_.size() || rows_[row].counts[index] == nullptr) return false;
  rows_[row].counts[index]->Increment();
  durations_[index]->Observe(Seconds(duration));
  return true;
}

void RequestSeries::CountRejected(Rejection reason) const {
  rejected_[static_cast<size_t>(reason)]->Increment();
}

void RequestSeries::Add(std::string_view version, std::string_view method, absl::StatusCode code) {
  const size_t row = FindRow(version, method);
  if (row == rows_.size()) rows_.push_back({std::string(version), std::string(method), {}});
  const size_t index = IndexOf(code);
  if (rows_[row].counts[index] != nullptr) return;
  const std::string name = absl::StatusCodeToString(static_cast<absl::StatusCode>(index));
  rows_[row].counts[index] = Child(families_.requests, {{"model", model_},
                                                        {"version", rows_[row].version},
                                                        {"method", rows_[row].method},
                                                        {"code", name}});
  if (durations_[index] != nullptr) return;
  durations_[index] =
      Child(families_.request_duration, {{"model", model_}, {"code", name}}, kSecondsBuckets);
}

void RequestSeries::RemoveVersion(std::string_view version) {
  std::erase_if(rows_, [&](const Row& row) { return row.version == version; });
}

}  // namespace siskin::metrics
