#include "server/cli/progress_bar.h"

#include <algorithm>
#include <utility>

namespace siskin::cli {
namespace {

constexpr int kCells = 32;

}  // namespace

ProgressBar::ProgressBar(std::ostream& out, bool enabled, int64_t total, std::string unit)
    : out_(out),
      enabled_(enabled),
      total_(std::max<int64_t>(total, 1)),
      unit_(unit.empty() ? "" : " " + std::move(unit)) {}

void ProgressBar::Clear() {
  if (drawn_permille_ >= 0) out_ << "\r\033[K" << std::flush;
  drawn_permille_ = -1;
}

void ProgressBar::Update(int64_t done) {
  const int permille = static_cast<int>(1000 * done / total_);
  if (!enabled_ || permille == drawn_permille_) return;
  drawn_permille_ = permille;
  const int filled = kCells * permille / 1000;
  out_ << "\r[" << std::string(filled, '#') << std::string(kCells - filled, '.') << "] "
       << permille / 10 << " %  " << done << " of " << total_ << unit_ << std::flush;
}

}  // namespace siskin::cli
