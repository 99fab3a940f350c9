// What the scheduler knows of a model's costs, seen from outside: through BatchQueue::Costs.
#ifndef SISKIN_TESTS_SIMULATION_COST_WATCH_H_
#define SISKIN_TESTS_SIMULATION_COST_WATCH_H_

#include <string>

#include "absl/time/time.h"
#include "server/batching/cost_model.h"

namespace siskin::simulation {

class CostWatch {
 public:
  CostWatch() = default;
  CostWatch(batching::CostModel costs, int max_batch_size);

  // The costs are now `costs`, since a batch of `size` took `took`. What is wrong with that; empty
  // if nothing is.
  std::string Update(batching::CostModel costs, int size, absl::Duration took);

  bool known() const { return costs_.known(); }
  absl::Duration Cost(int images) const { return costs_.Cost(images); }
  // The smallest batch size that brings as many images a second as any, to 2 %; computed here.
  int best_batch_size() const { return best_batch_size_; }
  int best_shared_batch_size() const { return best_shared_batch_size_; }  // to 10 %
  absl::Duration cost_per_image() const { return cost_per_image_; }       // in batches of that size

 private:
  void Look();  // at costs_
  int FindBestBatchSize(double as_good) const;

  batching::CostModel first_;
  batching::CostModel costs_;
  int max_batch_size_ = 1;
  int best_batch_size_ = 1;
  int best_shared_batch_size_ = 1;
  absl::Duration cost_per_image_;
};

}  // namespace siskin::simulation

#endif  // SISKIN_TESTS_SIMULATION_COST_WATCH_H_
