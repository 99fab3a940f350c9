#include "server/cli/console.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

namespace siskin::cli {
namespace {

std::string Print(const Table& table) {
  std::ostringstream out;
  table.Print(out);
  return out.str();
}

TEST(TableTest, AlignsColumns) {
  Table table({{"name"}, {"count", Table::Align::kRight}, {"note"}});
  table.AddRow({"a", "1", "x"});
  table.AddRow({"longer", "1234567", ""});
  EXPECT_EQ(Print(table),
            "name      count  note\n"
            "a             1  x\n"
            "longer  1234567  \n");
}

TEST(TableTest, MissingCellsAreEmpty) {
  Table table({{"a"}, {"b"}, {"c"}});
  table.AddRow({"1"});
  EXPECT_EQ(Print(table), "a  b  c\n1     \n");
}

TEST(TableTest, MeasuresCharactersNotBytes) {
  Table table({{"k"}, {"v"}});
  table.AddRow({"zürich", "1"});
  table.AddRow({"munich", "2"});
  EXPECT_EQ(Print(table), "k       v\nzürich  1\nmunich  2\n");
}

TEST(TableTest, ControlCharactersCannotBreakIt) {
  Table table({{"file"}});
  table.AddRow({"a\nb\033[2J\x7f"});
  EXPECT_EQ(Print(table), "file\na?b?[2J?\n");
}

TEST(TableTest, CountsAreReadable) {
  EXPECT_EQ(HumanCount(0), "0");
  EXPECT_EQ(HumanCount(999), "999");
  EXPECT_EQ(HumanCount(3'504'872), "3.50 M");
  EXPECT_EQ(HumanCount(41'000'000), "41.0 M");
  EXPECT_EQ(HumanCount(568'740'352), "569 M");
}

TEST(TableTest, BytesAreReadable) {
  EXPECT_EQ(HumanBytes(12), "12 B");
  EXPECT_EQ(HumanBytes(1536), "1.50 KiB");
  EXPECT_EQ(HumanBytes(int64_t{14} << 20), "14.0 MiB");
}

TEST(ProgressBarTest, DrawsChangesAndWipesItself) {
  std::ostringstream out;
  {
    ProgressBar bar(out, /*enabled=*/true, 4);
    bar.Update(2);
    const std::string half = out.str();
    EXPECT_THAT(half, ::testing::HasSubstr("50 %  2 of 4"));
    bar.Update(2);
    EXPECT_EQ(out.str(), half);
  }
  EXPECT_THAT(out.str(), ::testing::EndsWith("\r\033[K"));
}

TEST(ProgressBarTest, CountsPastTheRangeOfIntInAUnit) {
  std::ostringstream out;
  ProgressBar bar(out, /*enabled=*/true, int64_t{8} << 30, "KiB");
  bar.Update(int64_t{6} << 30);
  EXPECT_THAT(out.str(), ::testing::HasSubstr("75 %  6442450944 of 8589934592 KiB"));
}

TEST(ProgressBarTest, DisabledDrawsNothing) {
  std::ostringstream out;
  {
    ProgressBar bar(out, /*enabled=*/false, 4);
    bar.Update(4);
  }
  EXPECT_EQ(out.str(), "");
}

}  // namespace
}  // namespace siskin::cli
