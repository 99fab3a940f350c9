// Text for people: aligned tables and readable numbers.
#ifndef SISKIN_SERVER_CLI_TABLE_H_
#define SISKIN_SERVER_CLI_TABLE_H_

#include <cstdint>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

namespace siskin::cli {

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
  bool empty() const { return rows_.empty(); }

 private:
  std::vector<size_t> Widths() const;

  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

// Characters of UTF-8 text: bytes that start one. Wide characters count as one.
size_t DisplayWidth(std::string_view text);

// `text` with control characters replaced by '?', so that a file name or label cannot move the
// cursor or break a table.
std::string Printable(std::string_view text);

std::string HumanCount(int64_t count);  // "3.50 M"
std::string HumanBytes(int64_t bytes);  // "13.4 MiB"

}  // namespace siskin::cli

#endif  // SISKIN_SERVER_CLI_TABLE_H_
