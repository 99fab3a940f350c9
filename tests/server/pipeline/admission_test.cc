#include "server/pipeline/admission.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <utility>
#include <vector>

#include "base/clock.h"

namespace siskin::pipeline {
namespace {

const MonotonicTime kNow = MonotonicTime() + absl::Hours(1);

absl::StatusOr<Permit> Admit(Admission& admission, int64_t bytes = 10) {
  return admission.Admit(bytes, MonotonicTime::InfiniteFuture(), kNow);
}

TEST(AdmissionTest, APermitCountsUntilItIsGivenBack) {
  Admission admission({.max_requests = 2, .max_bytes = 100});
  {
    auto first = Admit(admission, 30);
    auto second = Admit(admission, 40);
    ASSERT_TRUE(first.ok() && second.ok());
    EXPECT_EQ(admission.requests(), 2);
    EXPECT_EQ(admission.bytes(), 70);
    first->Release();
    first->Release();  // again: no effect
    EXPECT_EQ(admission.requests(), 1);
    EXPECT_EQ(admission.bytes(), 40);
  }
  EXPECT_EQ(admission.requests(), 0);
  EXPECT_EQ(admission.bytes(), 0);
}

TEST(AdmissionTest, APermitMoves) {
  Admission admission({.max_requests = 3, .max_bytes = 100});
  Permit outer;
  {
    Permit inner = *Admit(admission, 30);
    outer = std::move(inner);
  }
  EXPECT_EQ(admission.bytes(), 30);
  outer = *Admit(admission, 50);  // gives the first one back
  EXPECT_EQ(admission.requests(), 1);
  EXPECT_EQ(admission.bytes(), 50);
  outer = Permit();
  EXPECT_EQ(admission.requests(), 0);
}

TEST(AdmissionTest, TooManyRequestsAreRefused) {
  Admission admission({.max_requests = 1, .max_bytes = 100});
  auto first = Admit(admission);
  ASSERT_TRUE(first.ok());
  EXPECT_EQ(Admit(admission).status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(admission.requests(), 1);
  EXPECT_EQ(admission.bytes(), 10);
  first->Release();
  EXPECT_TRUE(Admit(admission).ok());
}

TEST(AdmissionTest, TooManyBytesAreRefused) {
  Admission admission({.max_requests = 10, .max_bytes = 100});
  auto first = Admit(admission, 60);
  ASSERT_TRUE(first.ok());
  EXPECT_EQ(Admit(admission, 41).status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(admission.requests(), 1);
  EXPECT_EQ(admission.bytes(), 60);
  EXPECT_TRUE(Admit(admission, 40).ok());
}

TEST(AdmissionTest, WhatCanNeverFitIsInvalid) {
  Admission admission({.max_requests = 10, .max_bytes = 100});
  EXPECT_EQ(Admit(admission, 101).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(Admit(admission, 100).ok());
}

TEST(AdmissionTest, AHopelessDeadlineIsRefused) {
  Admission admission({});
  EXPECT_EQ(admission.Admit(1, kNow, kNow).status().code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_EQ(admission.requests(), 0);
  EXPECT_TRUE(admission.Admit(1, kNow + absl::Nanoseconds(1), kNow).ok());
}

TEST(AdmissionTest, ClosedAdmitsNothing) {
  Admission admission({});
  auto before = Admit(admission);
  ASSERT_TRUE(before.ok());
  admission.Close();
  EXPECT_EQ(Admit(admission).status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(admission.requests(), 1);
  before->Release();
  EXPECT_EQ(admission.requests(), 0);
}

TEST(AdmissionTest, IsIdleOnceTheLastPermitIsGivenBack) {
  Admission admission({.max_requests = 10, .max_bytes = 100});
  auto first = Admit(admission);
  auto second = Admit(admission);
  admission.Close();
  first->Release();
  EXPECT_FALSE(Admit(admission).ok());      // refused for being closed
  EXPECT_FALSE(Admit(admission, 95).ok());  // refused for its bytes
  EXPECT_FALSE(admission.WaitUntilIdle(MonotonicTime()));
  std::thread last([&second] { second->Release(); });
  EXPECT_TRUE(admission.WaitUntilIdle(MonotonicTime::InfiniteFuture()));
  EXPECT_EQ(admission.requests(), 0);
  last.join();
}

TEST(AdmissionTest, IsIdleAtOnceWithNothingInFlight) {
  Admission admission({});
  admission.Close();
  admission.Close();  // again: no effect
  EXPECT_TRUE(admission.WaitUntilIdle(MonotonicTime()));
  EXPECT_FALSE(Admit(admission).ok());
}

TEST(AdmissionTest, EveryDrainBecomesIdle) {
  for (int round = 0; round < 200; ++round) {
    Admission admission({.max_requests = 2, .max_bytes = 15});
    std::vector<std::thread> threads;
    for (int t = 0; t < 3; ++t) {
      threads.emplace_back([&admission] {
        while (Admit(admission).status().code() != absl::StatusCode::kUnavailable) {
        }
      });
    }
    admission.Close();
    EXPECT_TRUE(admission.WaitUntilIdle(MonotonicTime::InfiniteFuture()));
    for (std::thread& thread : threads) thread.join();
  }
}

TEST(AdmissionTest, LimitsHoldUnderConcurrency) {
  Admission admission({.max_requests = 3, .max_bytes = 25});  // so 2 at 10 bytes each
  std::atomic<int> inside{0}, most{0}, admitted{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 5000; ++i) {
        auto permit = Admit(admission);
        if (!permit.ok()) continue;
        const int now_inside = ++inside;
        for (int seen = most; seen < now_inside && !most.compare_exchange_weak(seen, now_inside);) {
        }
        ++admitted;
        --inside;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_GT(admitted, 0);
  EXPECT_LE(most, 2);
  EXPECT_EQ(admission.requests(), 0);
  EXPECT_EQ(admission.bytes(), 0);
}

}  // namespace
}  // namespace siskin::pipeline
