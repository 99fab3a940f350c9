// Where a command writes and how: errors, tables, readable numbers, JSON, a progress bar; and how
// it ends.
#ifndef SISKIN_SERVER_CLI_CONSOLE_H_
#define SISKIN_SERVER_CLI_CONSOLE_H_

#include <cstdint>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "nlohmann/json_fwd.hpp"

namespace siskin::cli {

// Results go to `out`, everything about the run (errors, warnings, progress) to `err`.
struct Console {
  std::ostream& out;
  std::ostream& err;
  bool interactive = false;  // `err` is a terminal: progress is worth drawing
};

enum ExitCode : int {
  kExitOk = 0,
  kExitFailed = 1,       // the command ran, and the answer is no
  kExitUsage = 2,        // flags or arguments are wrong
  kExitUnreachable = 4,  // no server answers
};

// Writes "siskin: <message>" to console.err and returns `code`.
int Fail(const Console& console, std::string_view message, ExitCode code = kExitFailed);
int Fail(const Console& console, const absl::Status& status, ExitCode code = kExitFailed);

// Columns as wide as their widest cell, two spaces apart, measured in characters rather than bytes.
class Table {
 public:
  enum class Align { kLeft, kRight };
  struct Column {
    std::string title;
    Align align = Align::kLeft;
  };

  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

  // Missing cells are empty. REQUIRES: no more cells than columns.
  void AddRow(std::vector<std::string> cells);
  void Print(std::ostream& out) const;

 private:
  std::vector<size_t> Widths() const;

  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

// `text` with control characters replaced by '?', so that a file name or label cannot move the
// cursor or break a table.
std::string Printable(std::string_view text);

std::string HumanCount(int64_t count);  // "3.50 M"
std::string HumanBytes(int64_t bytes);  // "13.4 MiB"

// Writes `document` indented, or as one line that is flushed. Strings that are not UTF-8, as names
// of files need not be, are made so.
void WriteJson(const nlohmann::ordered_json& document, std::ostream& out);
void WriteJsonLine(const nlohmann::ordered_json& document, std::ostream& out);

// One line on a terminal that fills up as work is done. Draws only when the picture changes. Not
// thread-safe.
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

#endif  // SISKIN_SERVER_CLI_CONSOLE_H_
