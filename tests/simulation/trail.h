// What happened in a run, in words: written only when a failed run is run again.
#ifndef SISKIN_TESTS_SIMULATION_TRAIL_H_
#define SISKIN_TESTS_SIMULATION_TRAIL_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "tests/simulation/scenario.h"

namespace siskin::simulation {

// "1.25ms", "never".
inline std::string Text(Nanoseconds time) {
  return time == kNever ? "never" : absl::FormatDuration(absl::Nanoseconds(time));
}

// Without the payloads, whose order is random.
inline std::string Text(const absl::Status& status) {
  return status.ToString(absl::StatusToStringMode::kWithNoExtraData);
}

class Trail {
 public:
  explicit Trail(bool on) : on_(on) {}
  bool on() const { return on_; }
  const std::string& text() const { return text_; }

  template <typename... Parts>
  void Add(Nanoseconds time, const Parts&... parts) {
    if (on_) absl::StrAppend(&text_, Text(time), "  ", parts..., "\n");
  }

 private:
  const bool on_;
  std::string text_;
};

}  // namespace siskin::simulation

#endif  // SISKIN_TESTS_SIMULATION_TRAIL_H_
