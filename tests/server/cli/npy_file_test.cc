#include "server/cli/remote/npy_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>

#include "tests/server/cli/cli_fixture.h"

namespace siskin::cli {
namespace {

using ::siskin::testing::TempFolder;
using ::testing::HasSubstr;

TEST(NpyFileTest, IsAsNumpyDefinesIt) {
  const TempFolder folder;
  const std::string path = folder / "a.npy";
  ASSERT_TRUE(WriteNpy(path, {{1, 2, 3}, {}, {4, 5, -6.5f}}).ok());
  std::ifstream file(path, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(file), {}};
  ASSERT_GE(bytes.size(), 10u);
  EXPECT_EQ(bytes.substr(0, 8), std::string("\x93NUMPY\x01\x00", 8));
  const size_t data = 10 + static_cast<unsigned char>(bytes[8]) + 256 * bytes[9];
  EXPECT_EQ(data % 64, 0u);
  ASSERT_EQ(bytes.size(), data + 9 * sizeof(float));
  EXPECT_EQ(bytes.substr(10, data - 11).find_last_not_of(' '), bytes.find('}') - 10);
  EXPECT_EQ(bytes[data - 1], '\n');
  EXPECT_THAT(bytes, HasSubstr("{'descr': '<f4', 'fortran_order': False, 'shape': (3, 3), }"));
  float values[9];
  std::memcpy(values, bytes.data() + data, sizeof(values));
  EXPECT_EQ(values[0], 1);
  EXPECT_EQ(values[2], 3);
  EXPECT_TRUE(std::isnan(values[3]) && std::isnan(values[5]));
  EXPECT_EQ(values[8], -6.5f);
}

TEST(NpyFileTest, RefusesWhatIsNoMatrix) {
  const TempFolder folder;
  EXPECT_THAT(std::string(WriteNpy(folder / "a.npy", {{1, 2}, {1}}).message()),
              HasSubstr("embeddings of 1 and of 2 values"));
  EXPECT_EQ(WriteNpy(folder / "a.npy", {{}, {}}).code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(WriteNpy(folder / "nowhere/a.npy", {{1}}).code(), absl::StatusCode::kPermissionDenied);
}

}  // namespace
}  // namespace siskin::cli
