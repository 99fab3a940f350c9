// One line on a terminal that fills up as work is done.
#ifndef SISKIN_SERVER_CLI_PROGRESS_BAR_H_
#define SISKIN_SERVER_CLI_PROGRESS_BAR_H_

#include <cstdint>
#include <ostream>
#include <string>

namespace siskin::cli {

// Draws only when the picture changes. Not thread-safe.
class ProgressBar {
 public:
  // `unit` follows the numbers: "KiB".
  ProgressBar(std::ostream& out, bool enabled, int64_t total, std::string unit = "");
  ~ProgressBar() { Clear(); }
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  void Update(int64_t done);
  void Clear();  // wipes the line; the next Update draws it again

 private:
  std::ostream& out_;
  const bool enabled_;
  const int64_t total_;
  const std::string unit_;
  int drawn_permille_ = -1;
};

}  // namespace siskin::cli

#endif  // SISKIN_SERVER_CLI_PROGRESS_BAR_H_
