#include "base/thread_priority.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <thread>

namespace siskin {
namespace {

TEST(ThreadPriorityTest, GivesWayAlone) {
  const int before = ThreadNice();
  int inside = 0;
  std::thread thread([&] {
    GiveWay(3);
    inside = ThreadNice();
  });
  thread.join();
  EXPECT_EQ(inside, std::min(before + 3, 19));
  EXPECT_EQ(ThreadNice(), before);
}

TEST(ThreadPriorityTest, EndsAtTheLowest) {
  int inside = 0;
  std::thread thread([&] {
    GiveWay(100);
    inside = ThreadNice();
  });
  thread.join();
  EXPECT_EQ(inside, 19);
}

}  // namespace
}  // namespace siskin
