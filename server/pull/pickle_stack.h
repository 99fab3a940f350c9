// The memory of the pickle machine: values, the stack with its marks, and the memo. Every place
// taken is counted, since opcodes of a byte or two can ask for much.
#ifndef SISKIN_SERVER_PULL_PICKLE_STACK_H_
#define SISKIN_SERVER_PULL_PICKLE_STACK_H_

#include <cstdint>
#include <deque>
#include <unordered_map>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/pull/pickle_value.h"

namespace siskin::pull {

// INVALID_ARGUMENT: what the pickle asks for is not there. RESOURCE_EXHAUSTED: more than
// kMaxPickleValues places.
class PickleStack {
 public:
  using Values = std::vector<PickleValue*>;

  // `values` owns what is pushed and outlives the stack.
  explicit PickleStack(std::deque<PickleValue>& values) : values_(values) {}

  absl::Status Push(PickleValue value);
  absl::Status Mark();
  absl::StatusOr<PickleValue*> Top() const;
  absl::StatusOr<Values> Pop(size_t count);
  absl::StatusOr<Values> PopToMark();  // and the mark
  bool empty() const { return stack_.empty() && marks_.empty(); }

  absl::Status Remember(uint32_t index);  // the top
  absl::Status Recall(uint32_t index);    // onto the top

  absl::Status Charge(size_t places);

 private:
  // What was pushed before the last mark is out of reach until that mark is popped.
  size_t Reachable() const { return stack_.size() - (marks_.empty() ? 0 : marks_.back()); }

  std::deque<PickleValue>& values_;
  Values stack_;
  std::vector<size_t> marks_;  // sizes of the stack
  std::unordered_map<uint32_t, PickleValue*> memo_;
  size_t charged_ = 0;
};

}  // namespace siskin::pull

#endif  // SISKIN_SERVER_PULL_PICKLE_STACK_H_
