#include "server/pull/pickle_stack.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "server/pull/pickle.h"

namespace siskin::pull {

absl::Status PickleStack::Push(PickleValue value) {
  stack_.push_back(&values_.emplace_back(std::move(value)));
  return Charge(1);
}

absl::Status PickleStack::Mark() {
  marks_.push_back(stack_.size());
  return Charge(1);
}

absl::StatusOr<PickleValue*> PickleStack::Top() const {
  if (Reachable() == 0) return absl::InvalidArgumentError("needs a value, but there is none");
  return stack_.back();
}

absl::StatusOr<PickleStack::Values> PickleStack::Pop(size_t count) {
  if (Reachable() < count) {
    return absl::InvalidArgumentError(
        absl::StrCat("needs ", count, " values, but there are ", Reachable()));
  }
  Values values(stack_.end() - static_cast<std::ptrdiff_t>(count), stack_.end());
  stack_.resize(stack_.size() - count);
  return values;
}

absl::StatusOr<PickleStack::Values> PickleStack::PopToMark() {
  if (marks_.empty()) return absl::InvalidArgumentError("needs a mark, but there is none");
  absl::StatusOr<Values> values = Pop(Reachable());
  marks_.pop_back();
  return values;
}

absl::Status PickleStack::Remember(uint32_t index) {
  SISKIN_ASSIGN_OR_RETURN(PickleValue * top, Top());
  memo_[index] = top;
  return Charge(1);
}

absl::Status PickleStack::Recall(uint32_t index) {
  const auto found = memo_.find(index);
  if (found == memo_.end()) {
    return absl::InvalidArgumentError(absl::StrCat("nothing was remembered as ", index));
  }
  stack_.push_back(found->second);
  return Charge(1);
}

absl::Status PickleStack::Charge(size_t places) {
  charged_ += places;
  if (charged_ <= kMaxPickleValues) return absl::OkStatus();
  return absl::ResourceExhaustedError(
      absl::StrCat("more than ", kMaxPickleValues, " values: these are no weights"));
}

}  // namespace siskin::pull
