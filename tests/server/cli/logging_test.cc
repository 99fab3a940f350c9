#include "server/app/logging.h"

#include <gtest/gtest.h>

#include <sstream>

#include "nlohmann/json.hpp"
#include "spdlog/sinks/ostream_sink.h"
#include "spdlog/spdlog.h"

namespace siskin::app {
namespace {

TEST(LoggingTest, JsonLinesStayJsonWhateverIsLogged) {
  std::ostringstream out;
  spdlog::logger logger("test", std::make_shared<spdlog::sinks::ostream_sink_st>(out));
  logger.set_formatter(MakeJsonFormatter());
  const std::string nasty = "quote \" newline \n bytes \xff\xfe";
  logger.warn(nasty);
  std::string line = out.str();
  ASSERT_EQ(line.back(), '\n');
  line.pop_back();
  EXPECT_EQ(line.find('\n'), std::string::npos);
  const auto json = nlohmann::json::parse(line);
  EXPECT_EQ(json["level"], "warning");
  EXPECT_EQ(json["message"].get<std::string>().substr(0, 15), "quote \" newline");
  EXPECT_EQ(json["time"].get<std::string>().back(), 'Z');
}

TEST(LoggingTest, OptionsAreChecked) {
  EXPECT_TRUE(absl::IsInvalidArgument(SetUpLogging({.level = "loud", .format = "text"})));
  EXPECT_TRUE(absl::IsInvalidArgument(SetUpLogging({.level = "info", .format = "xml"})));
}

}  // namespace
}  // namespace siskin::app
