// The series of the server as a whole. Internal to this folder.
#ifndef SISKIN_SERVER_METRICS_SERVER_SERIES_H_
#define SISKIN_SERVER_METRICS_SERVER_SERIES_H_

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/registry.h>

#include <cstdint>
#include <vector>

#include "absl/time/time.h"
#include "server/metrics/metrics.h"

namespace siskin::metrics {

// Counting (const) is thread-safe; setting needs exclusive access.
class ServerSeries {
 public:
  ServerSeries(prometheus::Registry& registry, const Metrics::Options& options);

  void CountMessage(Direction direction, int64_t bytes) const;
  void CountLaneBusy(int lane, absl::Duration busy) const;

  void SetLanes(int lanes);
  void SetTimeToReady(double seconds);

 private:
  prometheus::Family<prometheus::Gauge>& time_to_ready_;
  prometheus::Family<prometheus::Counter>& lane_busy_;
  prometheus::Family<prometheus::Counter>& grpc_bytes_;
  prometheus::Gauge& lanes_;
  prometheus::Counter& received_bytes_;
  prometheus::Counter& sent_bytes_;
  std::vector<prometheus::Counter*> busy_;  // by lane
};

}  // namespace siskin::metrics

#endif  // SISKIN_SERVER_METRICS_SERVER_SERIES_H_
