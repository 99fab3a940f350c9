// What all series are made with. Internal to this folder, the only one that sees prometheus-cpp.
//
// Owning a series is what keeps it in the exposition: dropping it takes it out.
#ifndef SISKIN_SERVER_METRICS_SERIES_H_
#define SISKIN_SERVER_METRICS_SERIES_H_

#include <prometheus/family.h>
#include <prometheus/histogram.h>
#include <prometheus/labels.h>
#include <prometheus/registry.h>

#include <algorithm>
#include <memory>

#include "absl/time/time.h"

namespace siskin::metrics {

// A child of a family that leaves it when its owner lets go. The family outlives it.
template <typename T>
struct RemoveFromFamily {
  prometheus::Family<T>* family = nullptr;
  void operator()(T* metric) const { family->Remove(metric); }
};
template <typename T>
using Series = std::unique_ptr<T, RemoveFromFamily<T>>;

// REQUIRES: `family` has no child with these labels yet.
template <typename T, typename... Args>
Series<T> Child(prometheus::Family<T>& family, const prometheus::Labels& labels,
                const Args&... args) {
  return {&family.Add(labels, args...), {&family}};
}

template <typename T>
prometheus::Family<T>& Register(prometheus::Registry& registry,
                                prometheus::detail::Builder<T> builder, const char* name,
                                const char* help) {
  return builder.Name(name).Help(help).Register(registry);
}

inline double Seconds(absl::Duration duration) { return absl::ToDoubleSeconds(duration); }

// Bounds of every latency histogram. Of factor 1.25 to 1.5 where a light network's latency lies,
// wider above. Every usual objective (10, 15, 50, 100 ms) is a bound, and the last one is above a
// usual timeout.
inline const prometheus::Histogram::BucketBoundaries kSecondsBuckets = {
    0.0005, 0.001, 0.0015, 0.002, 0.003, 0.004, 0.005, 0.006, 0.008, 0.01, 0.0125, 0.015,
    0.02,   0.025, 0.035,  0.05,  0.075, 0.1,   0.15,  0.25,  0.5,   1,    2.5};

}  // namespace siskin::metrics

#endif  // SISKIN_SERVER_METRICS_SERIES_H_
