#include "server/simulation/replica.h"

#include <algorithm>

#include "base/status_macros.h"

namespace siskin::simulation {

Nanoseconds EndOf(absl::Span<const Disturbance> disturbances, Nanoseconds start, Nanoseconds work) {
  Nanoseconds now = start;
  for (const Disturbance& disturbance : disturbances) {
    if (disturbance.to <= now) continue;
    const Nanoseconds before = std::max<Nanoseconds>(disturbance.from - now, 0);
    if (work <= before) break;
    work -= before;
    now += before;
    if (disturbance.slowness > 0) {
      const Nanoseconds room = disturbance.to - now;
      const auto slowed =
          static_cast<Nanoseconds>(static_cast<double>(work) * disturbance.slowness);
      if (slowed <= room) return now + slowed;
      work -= static_cast<Nanoseconds>(static_cast<double>(room) / disturbance.slowness);
    }
    now = disturbance.to;
  }
  return now + work;
}

Replica::Replica(const ReplicaOptions& options, VirtualTime& time, ReplicaObserver* observer)
    : time_(time),
      observer_(observer),
      jitter_(options.jitter),
      random_(options.seed),
      lanes_(options.lanes),
      scheduler_(std::make_unique<batching::Scheduler>(time)) {
  scheduler_->SetLanes(options.lanes);
  for (const Disturbance& disturbance : options.disturbances) {
    lanes_[disturbance.lane].disturbances.push_back(disturbance);
  }
}

Replica::~Replica() {
  for (Lane& lane : lanes_) lane.batch = batching::Batch();
  queues_.clear();
  scheduler_.reset();
}

absl::StatusOr<std::shared_ptr<batching::BatchQueue>> Replica::AddModel(const ServedModel& model) {
  SISKIN_ASSIGN_OR_RETURN(auto queue, scheduler_->AddQueue(model.queue, &model));
  queues_.push_back(queue);
  return queue;
}

bool Replica::AnythingWaits() const {
  return std::any_of(queues_.begin(), queues_.end(),
                     [](const auto& queue) { return queue->size() > 0; });
}

bool Replica::HasWork() const {
  const auto busy = [](const Lane& lane) { return lane.busy; };
  return std::any_of(lanes_.begin(), lanes_.end(), busy) || AnythingWaits();
}

int Replica::LaneToOffer() const {
  int free = -1;
  for (size_t i = 0; i < lanes_.size(); ++i) {
    if (lanes_[i].reports) return static_cast<int>(i);
    if (!lanes_[i].busy) free = static_cast<int>(i);
  }
  return free;
}

// One refusal is enough for all free lanes: nothing changes between two of them.
void Replica::OfferWork() {
  next_due_ = MonotonicTime::InfiniteFuture();
  while (true) {
    const int lane = LaneToOffer();
    if (lane < 0) break;
    if (!lanes_[lane].reports && !AnythingWaits()) break;
    if (!Offer(lane)) break;
  }
  if (observer_ != nullptr) observer_->Offered(next_due_);
  const Nanoseconds due = SinceStart(next_due_);
  if (due < look_at_) {
    look_at_ = std::max(due, time_.now());
    time_.Schedule(look_at_, *this, kLook, 0);
  }
}

bool Replica::Offer(int index) {
  Lane& lane = lanes_[index];
  lane.reports = false;
  if (!scheduler_->TakeBatch(lane.batch, index, next_due_)) return false;
  lane.busy = true;
  lane.ended = 0;
  lane.taken = time_.now();
  ++totals_.batches;
  totals_.images += static_cast<int64_t>(lane.batch.tasks.size());
  if (observer_ != nullptr) observer_->Started(lane.batch, index);
  StartPlan(lane);
  return true;
}

// As engine::Lane: the largest plan first, each prepared, run and answered before the next.
void Replica::StartPlan(Lane& lane) {
  const auto& tasks = lane.batch.tasks;
  const BatchTimes& truth = static_cast<const ServedModel*>(lane.batch.owner)->truth;
  lane.running = truth.PlanFor(static_cast<int>(tasks.size() - lane.ended));
  Nanoseconds prepare = 0;
  for (size_t i = 0; i < lane.running; ++i) {
    prepare += static_cast<ReplicaTask&>(*tasks[lane.ended + i]).true_prepare();
  }
  lane.compute_started = EndOf(lane.disturbances, time_.now(), prepare);
  Nanoseconds compute = truth.Draw(static_cast<int>(lane.running), random_);
  if (jitter_ > 0) {
    compute += static_cast<Nanoseconds>(static_cast<double>(compute) * jitter_ * random_.Uniform());
  }
  time_.Schedule(EndOf(lane.disturbances, lane.compute_started, compute), *this, kPlanEnds,
                 static_cast<int>(&lane - lanes_.data()));
}

void Replica::EndPlan(int index) {
  Lane& lane = lanes_[index];
  const Nanoseconds now = time_.now();
  const absl::Duration took = absl::Nanoseconds(now - lane.compute_started);
  const int size = static_cast<int>(lane.running);
  lane.batch.queue->Observe(size, took);
  if (observer_ != nullptr) observer_->PlanEnded(lane.batch, size, took);
  for (; lane.running > 0; --lane.running) {
    static_cast<ReplicaTask&>(*lane.batch.tasks[lane.ended++]).Complete();
  }
  if (lane.ended < lane.batch.tasks.size()) return StartPlan(lane);
  lane.busy = false;
  lane.reports = true;
  totals_.busy += now - lane.taken;
  if (observer_ != nullptr) observer_->LaneIsFree(index);
}

void Replica::CompleteRunning() {
  for (Lane& lane : lanes_) {
    while (lane.busy && lane.ended < lane.batch.tasks.size()) {
      static_cast<ReplicaTask&>(*lane.batch.tasks[lane.ended++]).Complete();
    }
  }
}

void Replica::Handle(int kind, int index) {
  if (kind == kPlanEnds) {
    EndPlan(index);
  } else {
    look_at_ = kNever;
  }
  OfferWork();
}

}  // namespace siskin::simulation
