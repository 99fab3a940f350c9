// No step of any network falls back on oneDNN's reference kernels, which are orders of magnitude
// slower. Also run with DNNL_MAX_CPU_ISA=AVX2: machines differ in which kernels they have.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <string>
#include <vector>

#include "models/catalog.h"
#include "ops/bind.h"
#include "ops/plan.h"
#include "ops/rewrite.h"

namespace siskin::models {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

struct Case {
  const ModelSpec* spec = nullptr;
  const KeyStyle* style = nullptr;
  const Variant* variant = nullptr;
};

std::vector<Case> Cases() {
  std::vector<Case> cases;
  for (const ModelSpec& spec : Catalog()) {
    for (const Variant* variant : spec.MainVariants()) {
      for (const KeyStyle& style : spec.key_styles) cases.push_back({&spec, &style, variant});
    }
  }
  return cases;
}

std::string NameOf(const ::testing::TestParamInfo<Case>& info) {
  std::string name = info.param.variant->name + "_" + info.param.style->name;
  std::replace_if(
      name.begin(), name.end(), [](char c) { return !std::isalnum(c); }, '_');
  return name;
}

class KernelsTest : public ::testing::TestWithParam<Case> {};

// Each batch size for this machine, and one for a Zen 4, which has rules of its own.
std::vector<ops::PlanOptions> Plans() {
  // References are allowed, so that all of them are found.
  std::vector<ops::PlanOptions> plans = {{.batch_size = 1, .allow_reference = true},
                                         {.batch_size = 8, .allow_reference = true}};
  const ops::CpuTraits zen4 = {.avx512 = true, .splits_512_bit_vectors = true};
  if (ops::DetectCpuTraits().avx512 && ops::DetectCpuTraits() != zen4) {
    plans.push_back({.batch_size = 8, .allow_reference = true, .cpu = zen4});
  }
  return plans;
}

TEST_P(KernelsTest, AreNeverReference) {
  const auto& [spec, style, variant] = GetParam();
  const auto graph = spec->Build(OptionsOf(*spec, *style, *variant));
  ASSERT_TRUE(graph.ok()) << graph.status();
  const auto optimized = ops::Optimize(ops::BindRandom(*graph, 7));
  ASSERT_TRUE(optimized.ok()) << optimized.status();
  const char* limit = std::getenv("DNNL_MAX_CPU_ISA");
  const auto weights = ops::MakePackedWeights();
  for (const ops::PlanOptions& options : Plans()) {
    const auto plan = ops::Plan::Compile(*optimized, options, weights);
    ASSERT_TRUE(plan.ok()) << plan.status();
    EXPECT_FALSE((*plan)->steps().empty());
    for (const ops::Plan::StepInfo& step : (*plan)->steps()) {
      EXPECT_THAT(step.implementation, Not(HasSubstr("ref"))) << step.name;
      if (limit == nullptr) continue;
      EXPECT_THAT(step.implementation, Not(HasSubstr("avx512"))) << step.name;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Catalogue, KernelsTest, ::testing::ValuesIn(Cases()), NameOf);

}  // namespace
}  // namespace siskin::models
