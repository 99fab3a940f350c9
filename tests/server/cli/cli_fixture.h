// Runs `siskin` in this process, and makes the files it works on.
#ifndef SISKIN_TESTS_SERVER_CLI_CLI_FIXTURE_H_
#define SISKIN_TESTS_SERVER_CLI_CLI_FIXTURE_H_

#include <filesystem>
#include <string>
#include <vector>

namespace siskin::testing {

// The smallest network of the catalogue: fast to make, to compile and to run.
inline constexpr char kTinyModel[] = "mobilenet_v1_0.25_128";

struct CliResult {
  int exit_code = -1;
  std::string out;
  std::string err;
};

// RunCli({"bench", "--json"})
CliResult RunCli(std::vector<std::string> arguments);

// A folder of its own, removed with everything in it.
class TempFolder {
 public:
  TempFolder();
  ~TempFolder();
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;

  std::string path() const { return path_.string(); }
  std::string operator/(const std::string& relative) const { return (path_ / relative).string(); }

 private:
  std::filesystem::path path_;
};

// All of these make the folders above `path`.
void WriteText(const std::string& path, const std::string& text);
// A valid photo of `side` x `side` pixels.
void WritePng(const std::string& path, int side);
// A checkpoint of kTinyModel with random weights.
void WriteTinyCheckpoint(const std::string& path);
// Two inputs of kTinyModel and what it answers, for `bench --check`. `scale` 1 gives the right
// answers.
void WriteGolden(const std::string& path, float scale);

// A TCP port of this machine that refuses connections, for as long as the object lives.
class RefusingPort {
 public:
  RefusingPort();
  ~RefusingPort();
  RefusingPort(const RefusingPort&) = delete;
  RefusingPort& operator=(const RefusingPort&) = delete;
  std::string address() const;

 private:
  int socket_;
  int port_;
};

}  // namespace siskin::testing

#endif  // SISKIN_TESTS_SERVER_CLI_CLI_FIXTURE_H_
