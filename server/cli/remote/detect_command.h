// What `siskin detect` prints.
#ifndef SISKIN_SERVER_CLI_REMOTE_DETECT_COMMAND_H_
#define SISKIN_SERVER_CLI_REMOTE_DETECT_COMMAND_H_

#include <ostream>
#include <vector>

#include "models/face_decoder.h"
#include "nlohmann/json_fwd.hpp"
#include "server/cli/remote/photo_command.h"

namespace siskin::cli {

struct DetectedFaces : PhotoAnswer {
  static Summary Titles() { return {"faces", "best score"}; }

  // A table of the faces.
  void Print(std::ostream& out) const override;
  Summary Summarise() const override;
  // "image" {"width", "height"} and "faces" [{"score", "box", "key_points"}].
  nlohmann::ordered_json ToJson() const override;

  int width = 0;  // of the upright photo
  int height = 0;
  std::vector<models::Face> faces;  // in its pixels, best first
};

}  // namespace siskin::cli

#endif  // SISKIN_SERVER_CLI_REMOTE_DETECT_COMMAND_H_
