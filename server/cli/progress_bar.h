// One line on a terminal that fills up as work is done.
#ifndef SISKIN_SERVER_CLI_PROGRESS_BAR_H_
#define SISKIN_SERVER_CLI_PROGRESS_BAR_H_

#include <ostream>

namespace siskin::cli {

// Draws only when the picture changes. Not thread-safe.
class ProgressBar {
 public:
  ProgressBar(std::ostream& out, bool enabled, int total);
  ~ProgressBar() { Clear(); }
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  void Update(int done);
  void Clear();  // wipes the line; the next Update draws it again

 private:
  std::ostream& out_;
  const bool enabled_;
  const int total_;
  int drawn_permille_ = -1;
};

}  // namespace siskin::cli

#endif  // SISKIN_SERVER_CLI_PROGRESS_BAR_H_
