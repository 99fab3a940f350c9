#include "server/batching/queue_settings.h"

#include "absl/strings/str_cat.h"

namespace siskin::batching {
namespace {

BatchPolicy ResolvePolicy(const QueueSettings& model, const QueueDefaults& server,
                          absl::Duration delay) {
  if (model.policy.has_value()) return *model.policy;
  const bool waits = delay > absl::ZeroDuration() || !model.preferred_batch_sizes.empty();
  return waits ? BatchPolicy::kFixed : server.policy.value_or(BatchPolicy::kAuto);
}

}  // namespace

const char* ToString(BatchPolicy policy) { return policy == BatchPolicy::kAuto ? "auto" : "fixed"; }

BatchPolicy PolicyOf(const BatchLimits& limits) {
  return limits.automatic() ? BatchPolicy::kAuto : BatchPolicy::kFixed;
}

QueueOptions Resolve(const QueueSettings& model, const QueueDefaults& server) {
  QueueOptions options;
  BatchLimits& limits = options.limits;
  limits.max_batch_size =
      server.max_batch_size.value_or(model.max_batch_size.value_or(limits.max_batch_size));
  const absl::Duration delay =
      server.max_delay.value_or(model.max_delay.value_or(absl::ZeroDuration()));
  if (ResolvePolicy(model, server, delay) == BatchPolicy::kFixed) limits.max_delay = delay;
  limits.preferred_batch_sizes = model.preferred_batch_sizes;
  options.capacity = model.capacity.value_or(options.capacity);
  options.weight = model.weight.value_or(options.weight);
  options.target_delay =
      model.target_delay.value_or(server.target_delay.value_or(options.target_delay));
  options.in_order = model.in_order;
  options.priorities = model.priorities;
  return options;
}

absl::Status CheckLanes(const QueueSettings& model, int lanes) {
  if (model.num_batch_threads.value_or(lanes) == lanes) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("num_batch_threads is ", *model.num_batch_threads, ", the server has ", lanes,
                   " lanes, which serve all models; set their number with siskin serve --lanes, "
                   "and leave num_batch_threads out"));
}

}  // namespace siskin::batching
