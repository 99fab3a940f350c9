// Damaged files give an error or tensors, and never a crash: most useful under `make test-asan`.
#include <gtest/gtest.h>

#include <cstdint>
#include <random>

#include "server/pull/files.h"
#include "server/pull/torch_file.h"

namespace siskin::pull {
namespace {

constexpr int kMutants = 4000;
constexpr int kMostChanges = 4;

class TorchMutationTest : public ::testing::TestWithParam<const char*> {};

TEST_P(TorchMutationTest, NeverCrashes) {
  const auto original = ReadFile(std::string(SISKIN_PULL_DATA "/") + GetParam());
  ASSERT_TRUE(original.ok()) << original.status();
  std::mt19937 random(7);
  int accepted = 0;
  for (int i = 0; i < kMutants; ++i) {
    std::vector<uint8_t> mutant = *original;
    const int changes = 1 + static_cast<int>(random() % kMostChanges);
    for (int change = 0; change < changes; ++change) {
      uint8_t& byte = mutant[random() % mutant.size()];
      // A flipped bit, or one of the numbers that limits are made of.
      constexpr uint8_t kExtremes[] = {0x00, 0x7f, 0x80, 0xff};
      byte = random() % 2 == 0 ? byte ^ (1 << random() % 8) : kExtremes[random() % 4];
    }
    accepted += ReadTorchFile(mutant).ok() ? 1 : 0;
  }
  // Both happen: the values themselves may be anything.
  EXPECT_GT(accepted, 0);
  EXPECT_LT(accepted, kMutants);
}

INSTANTIATE_TEST_SUITE_P(Files, TorchMutationTest,
                         ::testing::Values("state.pth", "state.legacy.pth", "training.pth",
                                           "training.legacy.pth", "module_state.legacy.pth"),
                         [](const auto& info) { return "File" + std::to_string(info.index); });

}  // namespace
}  // namespace siskin::pull
