#include "tests/simulation/scenario.h"

#include <algorithm>
#include <utility>

#include "absl/time/time.h"
#include "server/simulation/random.h"

namespace siskin::simulation {
namespace {

using batching::BatchCost;
using batching::CostModel;

// Draws the parts of a scenario, in a fixed order: each draw depends on all before it.
class Drawer {
 public:
  explicit Drawer(uint64_t seed) : random_(seed) { scenario_.seed = seed; }

  Scenario Draw() {
    scenario_.exact = random_.Chance(0.4);
    scenario_.lanes = random_.Between(1, 4);
    scenario_.models.resize(random_.Chance(0.4) ? 1 : random_.Between(2, 4));
    for (Model& model : scenario_.models) DrawModel(model);
    DrawArrivals();
    DrawEnd();
    if (!scenario_.exact) {
      DrawChurn();
      DrawDisturbances();
    }
    return std::move(scenario_);
  }

 private:
  void DrawModel(Model& model) {
    batching::QueueOptions& queue = model.queue;
    queue.limits.max_batch_size = random_.Between(1, kMostBatch);
    if (random_.Chance(0.25)) {
      DrawFixedPolicy(queue.limits);
      if (random_.Chance(0.5)) DrawPriorities(queue);
    }
    queue.in_order = random_.Chance(0.1);
    queue.capacity = random_.Chance(0.3) ? random_.Between(1, 8) : random_.Between(9, 64);
    if (random_.Chance(0.7)) queue.weight = random_.LogUniform(0.25, 4);
    if (random_.Chance(0.2)) queue.target_delay = absl::Milliseconds(random_.Between(1, 200));
    model.truth = DrawCurve(queue.limits.max_batch_size);
    queue.costs = DrawMeasurement(model.truth);
  }

  void DrawFixedPolicy(batching::BatchLimits& limits) {
    limits.max_delay = absl::Nanoseconds(
        random_.Chance(0.3) ? 0
                            : static_cast<Nanoseconds>(random_.LogUniform(0.1, 50) * kMillisecond));
    if (!random_.Chance(0.4)) return;
    for (int size = 1; size <= limits.max_batch_size; ++size) {
      if (random_.Chance(0.3)) limits.preferred_batch_sizes.push_back(size);
    }
  }

  void DrawPriorities(batching::QueueOptions& queue) {
    queue.priorities.emplace();
    std::vector<batching::LevelPolicy>& levels = queue.priorities->levels;
    levels.resize(random_.Between(1, 3));
    queue.priorities->default_level = random_.Between(1, static_cast<int>(levels.size()));
    for (batching::LevelPolicy& level : levels) {
      if (random_.Chance(0.5)) level.timeout_action = batching::TimeoutAction::kDelay;
      if (random_.Chance(0.6)) level.default_timeout = absl::Nanoseconds(DrawTimeout());
      level.allow_timeout_override = random_.Chance(0.5);
      if (random_.Chance(0.4)) level.max_queue_size = random_.Between(1, 8);
    }
  }

  Nanoseconds DrawTimeout() {
    return static_cast<Nanoseconds>(random_.LogUniform(0.1, 500) * kMillisecond);
  }

  // Plans of the sizes 1, 2, 4, 8, as the engine makes them; sometimes of others.
  std::vector<int> DrawSizes(int largest) {
    std::vector<int> sizes = {1};
    const bool odd = random_.Chance(0.2);
    for (int size = 2; size <= largest; ++size) {
      if (odd ? random_.Chance(0.4) : (size & (size - 1)) == 0) sizes.push_back(size);
    }
    return sizes;
  }

  BatchTimes DrawCurve(int largest) {
    const double single = random_.LogUniform(0.5, 100) * kMillisecond;
    // Flat: a batch costs as much as an image. Linear: with a fixed part. Convex: it does not pay.
    const int shape = random_.Below(3);
    const double fixed = shape == 0 ? random_.Uniform(0.9, 1) : random_.Uniform(0, 0.9);
    const double bend = shape == 2 ? random_.Uniform(0, 0.2) : 0;
    std::vector<BatchCost> costs;
    for (const int size : DrawSizes(largest)) {
      const double relative = (fixed + (1 - fixed) * size) * (1 + bend * (size - 1));
      costs.push_back({size, absl::Nanoseconds(static_cast<Nanoseconds>(single * relative))});
    }
    return BatchTimes(costs);
  }

  CostModel DrawMeasurement(const BatchTimes& truth) {
    if (scenario_.exact) return CostModel(truth.Costs());
    if (random_.Chance(0.1)) return CostModel();
    const double error = random_.Chance(0.3) ? 1 : random_.LogUniform(0.4, 2.5);
    std::vector<BatchCost> measured = truth.Costs();
    for (BatchCost& cost : measured) cost.cost *= error * random_.Uniform(0.95, 1.05);
    return CostModel(std::move(measured));
  }

  void DrawArrivals() {
    const std::vector<Model>& models = scenario_.models;
    const int count = random_.Between(20, 60);
    const int most_images = random_.Chance(0.5) ? 1 : random_.Between(2, kMostImages);
    DrawRegime();
    double work = 0;  // how long all lanes need for a request, on average
    for (const Model& model : models) {
      const double images = (1 + most_images) / 2.0;
      const double rate = model.truth.Rate(model.queue.limits.max_batch_size) * scenario_.lanes;
      work += images / rate / static_cast<double>(models.size());
    }
    const double gap = work / random_.LogUniform(0.2, 10);
    double now = 0;
    int burst = 0;
    for (int i = 0; i < count; ++i) {
      if (burst > 0) {
        --burst;
        now += random_.Chance(0.5) ? 0 : gap / 50;
      } else {
        if (random_.Chance(0.06)) burst = random_.Between(2, 16);
        now += gap * random_.Exponential() * (random_.Chance(0.03) ? 30 : 1);
      }
      scenario_.arrivals.push_back(DrawArrival(static_cast<Nanoseconds>(now), most_images));
    }
  }

  // What the requests of this schedule have in common.
  void DrawRegime() {
    deadlines_ = static_cast<Deadlines>(random_.Below(5));
    cancelled_ = !scenario_.exact && random_.Chance(0.4) ? random_.Uniform(0.05, 0.5) : 0;
    prepare_ = random_.Chance(0.3) ? random_.LogUniform(0.02, 2) : 0;
    prepare_error_ = scenario_.exact || random_.Chance(0.5) ? 1 : random_.LogUniform(0.3, 3);
    hot_model_ =
        random_.Chance(0.3) ? random_.Below(static_cast<int>(scenario_.models.size())) : -1;
  }

  Arrival DrawArrival(Nanoseconds now, int most_images) {
    Arrival arrival;
    arrival.time = now;
    arrival.model = hot_model_ >= 0 && random_.Chance(0.7)
                        ? hot_model_
                        : random_.Below(static_cast<int>(scenario_.models.size()));
    arrival.images = random_.Between(1, most_images);
    const BatchTimes& truth = scenario_.models[arrival.model].truth;
    const double single = static_cast<double>(truth.Mean(1));
    arrival.deadline = DrawDeadline(now, static_cast<Nanoseconds>(single));
    if (random_.Chance(prepare_)) {
      arrival.prepare = static_cast<Nanoseconds>(single * random_.Uniform(0, 1) * prepare_);
      arrival.true_prepare =
          static_cast<Nanoseconds>(static_cast<double>(arrival.prepare) * prepare_error_);
    }
    arrival.priority = random_.Below(5);  // one more than there ever are
    if (random_.Chance(0.2)) arrival.timeout = DrawTimeout();
    if (random_.Chance(cancelled_)) {
      arrival.cancelled_at =
          now + static_cast<Nanoseconds>(single * random_.Exponential() * random_.Between(0, 8));
    }
    return arrival;
  }

  Nanoseconds DrawDeadline(Nanoseconds now, Nanoseconds single) {
    Deadlines kind = deadlines_;
    if (kind == Deadlines::kMixed) kind = static_cast<Deadlines>(random_.Below(4));
    switch (kind) {
      case Deadlines::kNone:
        return kNever;
      case Deadlines::kShort:
        // Multiples of what an image takes meet predictions to the nanosecond.
        if (random_.Chance(0.2)) return now + single * random_.Between(1, 6);
        return now + static_cast<Nanoseconds>(single * random_.LogUniform(0.5, 12));
      case Deadlines::kLong:
        return now + static_cast<Nanoseconds>(random_.LogUniform(0.1, 5) * kSecond);
      case Deadlines::kPassed:
        if (random_.Chance(0.7)) return now + random_.Between(8, 64) * single;
        return now - (random_.Chance(0.5) ? 0 : random_.Between(0, 3) * single);
      case Deadlines::kMixed:
        break;
    }
    return kNever;
  }

  Nanoseconds Sometime() {
    return static_cast<Nanoseconds>(random_.Uniform(0, 1.2) *
                                    static_cast<double>(scenario_.arrivals.back().time + 1));
  }

  void DrawEnd() {
    if (random_.Chance(0.25)) scenario_.drained_at = Sometime();
    if (random_.Chance(0.05)) scenario_.destroyed_at = Sometime();
  }

  void DrawChurn() {
    if (!random_.Chance(0.3)) return;
    for (Model& model : scenario_.models) {
      if (random_.Chance(0.3)) model.added_at = Sometime();
      if (random_.Chance(0.4)) model.removed_at = std::max(Sometime(), model.added_at);
    }
  }

  void DrawDisturbances() {
    if (random_.Chance(0.3)) scenario_.jitter = random_.Uniform(0, 1);
    if (!random_.Chance(0.5)) return;
    for (int lane = 0; lane < scenario_.lanes; ++lane) {
      Nanoseconds from = 0;
      for (int count = random_.Below(3); count > 0; --count) {
        from += Sometime();
        const Nanoseconds to =
            from + static_cast<Nanoseconds>(random_.LogUniform(1, 1500) * kMillisecond);
        const double slowness = random_.Chance(0.4) ? 0 : random_.Uniform(1, 5);
        scenario_.disturbances.push_back({lane, from, to, slowness});
        from = to;
      }
    }
  }

  // kPassed: some have passed, the others are far away.
  enum class Deadlines { kNone, kShort, kLong, kPassed, kMixed };

  Random random_;
  Scenario scenario_;
  Deadlines deadlines_ = Deadlines::kNone;
  double cancelled_ = 0;      // part of the requests
  double prepare_ = 0;        // to make an input, beside running it alone
  double prepare_error_ = 1;  // truth / expectation
  int hot_model_ = -1;        // gets most requests
};

}  // namespace

Scenario DrawScenario(uint64_t seed) { return Drawer(seed).Draw(); }

}  // namespace siskin::simulation
