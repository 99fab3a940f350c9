#include "server/metrics/server_series.h"

#include <string>

#include "server/metrics/series.h"

namespace siskin::metrics {
namespace {

using prometheus::BuildCounter;
using prometheus::BuildGauge;

}  // namespace

ServerSeries::ServerSeries(prometheus::Registry& registry, const Metrics::Options& options)
    : time_to_ready_(Register(registry, BuildGauge(), "siskin_time_to_ready_seconds",
                              "From the start of the process until it was ready to serve.")),
      lane_busy_(Register(registry, BuildCounter(), "siskin_lane_busy_seconds_total",
                          "Time that a lane spent with batches; its rate is the lane's use.")),
      grpc_bytes_(Register(registry, BuildCounter(), "siskin_grpc_bytes_total",
                           "Messages of RPCs, without HTTP/2 framing.")),
      lanes_(Register(registry, BuildGauge(), "siskin_lanes",
                      "Executor threads, each running one batch at a time.")
                 .Add({})),
      received_bytes_(grpc_bytes_.Add({{"direction", "received"}})),
      sent_bytes_(grpc_bytes_.Add({{"direction", "sent"}})) {
  Register(registry, BuildGauge(), "siskin_build_info",
           "1, labelled with what this server was built from and runs on.")
      .Add({{"version", options.version}, {"onednn", options.onednn}, {"isa", options.isa}})
      .Set(1);
}

void ServerSeries::CountMessage(Direction direction, int64_t bytes) const {
  (direction == Direction::kReceived ? received_bytes_ : sent_bytes_)
      .Increment(static_cast<double>(bytes));
}

void ServerSeries::CountLaneBusy(int lane, absl::Duration busy) const {
  if (static_cast<size_t>(lane) < busy_.size()) busy_[lane]->Increment(Seconds(busy));
}

void ServerSeries::SetLanes(int lanes) {
  lanes_.Set(lanes);
  for (int lane = static_cast<int>(busy_.size()); lane < lanes; ++lane) {
    busy_.push_back(&lane_busy_.Add({{"lane", std::to_string(lane)}}));
  }
}

void ServerSeries::SetTimeToReady(double seconds) { time_to_ready_.Add({}).Set(seconds); }

}  // namespace siskin::metrics
