// How RPCs ended: the series of one model, or of no model. Internal to this folder.
#ifndef SISKIN_SERVER_METRICS_REQUEST_SERIES_H_
#define SISKIN_SERVER_METRICS_REQUEST_SERIES_H_

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "base/rejection.h"
#include "server/metrics/families.h"
#include "server/metrics/series.h"

namespace siskin::metrics {

// A combination of version, method and code gets its series with Add; every rejection has one from
// the start. Counting (const) is thread-safe; adding and removing need exclusive access.
class RequestSeries {
 public:
  RequestSeries(const Families& families, std::string model);

  // False if the combination has no series yet.
  bool Count(std::string_view version, std::string_view method, absl::StatusCode code,
             absl::Duration duration) const;
  void CountRejected(Rejection reason) const;

  void Add(std::string_view version, std::string_view method, absl::StatusCode code);
  void RemoveVersion(std::string_view version);

 private:
  static constexpr size_t kCodes = static_cast<size_t>(absl::StatusCode::kUnauthenticated) + 1;

  struct Row {
    std::string version;
    std::string method;
    std::array<Series<prometheus::Counter>, kCodes> counts;
  };

  static size_t IndexOf(absl::StatusCode code);
  size_t FindRow(std::string_view version, std::string_view method) const;

  const Families& families_;
  const std::string model_;
  std::vector<Row> rows_;
  std::array<Series<prometheus::Histogram>, kCodes> durations_;
  std::array<Series<prometheus::Counter>, kAllRejections.size()> rejected_;
};

}  // namespace siskin::metrics

#endif  // SISKIN_SERVER_METRICS_REQUEST_SERIES_H_
