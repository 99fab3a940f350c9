// A compiled plan with the memory to run it, for tests.
#ifndef SISKIN_TESTS_REFERENCE_PLAN_RUNNER_H_
#define SISKIN_TESTS_REFERENCE_PLAN_RUNNER_H_

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "ops/plan.h"

namespace siskin::testing {

struct PlanRunner {
  explicit PlanRunner(std::shared_ptr<const ops::Plan> compiled)
      : plan(std::move(compiled)), arena(plan->arena_bytes()) {
    auto made = plan->MakeWorkspace(arena.bytes());
    EXPECT_TRUE(made.ok()) << made.status();
    workspace = *std::move(made);
  }

  // REQUIRES: as many images as the plan's batch.
  std::vector<float> Run(absl::Span<const float> images) {
    std::copy(images.begin(), images.end(), workspace->input().begin());
    EXPECT_TRUE(plan->Run(*workspace).ok());
    return {workspace->output().begin(), workspace->output().end()};
  }

  std::shared_ptr<const ops::Plan> plan;
  ops::Arena arena;
  std::unique_ptr<ops::Workspace> workspace;
};

}  // namespace siskin::testing

#endif  // SISKIN_TESTS_REFERENCE_PLAN_RUNNER_H_
