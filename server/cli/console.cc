#include "server/cli/console.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/json.h"

namespace siskin::cli {
namespace {

constexpr std::string_view kGap = "  ";
constexpr int kProgressCells = 32;

// Characters of UTF-8 text: bytes that start one. Wide characters count as one.
size_t DisplayWidth(std::string_view text) {
  return std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; });
}

void PrintCell(std::ostream& out, const std::string& cell, Table::Align align, size_t width,
               bool last) {
  const std::string padding(width - DisplayWidth(cell), ' ');
  if (align == Table::Align::kRight) {
    out << padding << cell;
  } else {
    out << cell << (last ? "" : padding);  // no trailing blanks
  }
  out << (last ? "\n" : kGap);
}

// `value` divided by the largest power of `base` it holds: 3 digits and the unit.
std::string Scaled(int64_t value, double base, const std::array<const char*, 5>& units) {
  double scaled = static_cast<double>(value);
  size_t unit = 0;
  while (std::abs(scaled) >= base && unit + 1 < units.size()) {
    scaled /= base;
    ++unit;
  }
  if (unit == 0) return absl::StrCat(value, units[0]);
  const int decimals = scaled < 10 ? 2 : scaled < 100 ? 1 : 0;
  return absl::StrFormat("%.*f %s", decimals, scaled, units[unit]);
}

}  // namespace

int Fail(const Console& console, std::string_view message, ExitCode code) {
  console.err << "siskin: " << message << "\n";
  return code;
}

int Fail(const Console& console, const absl::Status& status, ExitCode code) {
  return Fail(console, std::string(status.message()), code);
}

void Table::AddRow(std::vector<std::string> cells) {
  assert(cells.size() <= columns_.size());
  cells.resize(columns_.size());
  for (std::string& cell : cells) cell = Printable(cell);
  rows_.push_back(std::move(cells));
}

std::vector<size_t> Table::Widths() const {
  std::vector<size_t> widths;
  for (const Column& column : columns_) widths.push_back(DisplayWidth(column.title));
  for (const auto& row : rows_) {
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], DisplayWidth(row[i]));
  }
  return widths;
}

void Table::Print(std::ostream& out) const {
  const std::vector<size_t> widths = Widths();
  const size_t last = columns_.size() - 1;
  for (size_t i = 0; i <= last; ++i) {
    PrintCell(out, columns_[i].title, columns_[i].align, widths[i], i == last);
  }
  for (const auto& row : rows_) {
    for (size_t i = 0; i <= last; ++i) {
      PrintCell(out, row[i], columns_[i].align, widths[i], i == last);
    }
  }
}

std::string Printable(std::string_view text) {
  std::string printable(text);
  std::replace_if(
      printable.begin(), printable.end(),
      [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }, '?');
  return printable;
}

std::string HumanCount(int64_t count) { return Scaled(count, 1000, {"", "k", "M", "G", "T"}); }

std::string HumanBytes(int64_t bytes) {
  return Scaled(bytes, 1024, {" B", "KiB", "MiB", "GiB", "TiB"});
}

void WriteJson(const nlohmann::ordered_json& document, std::ostream& out) {
  out << JsonText(document, {.indent = 2}) << "\n";
}

void WriteJsonLine(const nlohmann::ordered_json& document, std::ostream& out) {
  out << JsonText(document) << "\n" << std::flush;
}

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
  const int filled = kProgressCells * permille / 1000;
  out_ << "\r[" << std::string(filled, '#') << std::string(kProgressCells - filled, '.') << "] "
       << permille / 10 << " %  " << done << " of " << total_ << unit_ << std::flush;
}

}  // namespace siskin::cli
