// Photos to labels through a running server: siskin.v1.Classifier without its wire types.
#ifndef SISKIN_SERVER_CLI_CLASSIFY_CLIENT_H_
#define SISKIN_SERVER_CLI_CLASSIFY_CLIENT_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace siskin::cli {

struct ClassifyOptions {
  std::string model;    // empty: the server's only one
  std::string version;  // empty: the highest
  int top_k = 5;
  absl::Duration timeout = absl::Seconds(10);  // of one request
};

struct Label {
  int index = 0;
  std::string name;  // "class 7" if the model has no labels
  double probability = 0;
};

// What became of one file.
struct Outcome {
  std::string file;
  absl::Status status;  // the rest is empty unless OK
  std::string model;
  std::string version;
  std::vector<Label> labels;  // best first
  std::string warning;        // set: the answer must not be trusted
  absl::Duration queue;       // at the server
  absl::Duration decode;
  absl::Duration compute;
  int batch_size = 0;
  absl::Duration total;  // seen from here, the network included
};

// Thread-safe.
class ClassifyClient {
 public:
  // UNAVAILABLE: nobody answers at `server`.
  static absl::StatusOr<std::unique_ptr<ClassifyClient>> Connect(const std::string& server,
                                                                 ClassifyOptions options);
  virtual ~ClassifyClient() = default;
  virtual Outcome Classify(const std::string& file) = 0;
};

// Classifies `files` with up to `concurrency` requests at a time and hands the outcomes to `take`
// in the order of the files, on the calling thread, as soon as they are known.
void ClassifyFiles(ClassifyClient& client, const std::vector<std::string>& files, int concurrency,
                   const std::function<void(Outcome)>& take);

}  // namespace siskin::cli

#endif  // SISKIN_SERVER_CLI_CLASSIFY_CLIENT_H_
