#include "server/cli/remote/detect_command.h"

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "nlohmann/json.hpp"
#include "server/cli/commands.h"
#include "server/cli/remote/face_drawing.h"
#include "server/pipeline/face_json.h"
#include "siskin/v1/face_detector.grpc.pb.h"

namespace siskin::cli {
namespace {

constexpr CommandLine::Info kDetect = {
    .name = "detect",
    .description = "Find faces in photos with a running server",
    .footer =
        R"(One file gives its faces, in pixels of the upright photo; several give a line each. A folder
stands for every .jpg, .jpeg, .png and .webp below it. --draw takes one photo.
Exit codes: 0 all answered, 1 some failed, 2 bad arguments, 4 no server answers.

Examples:
  siskin detect photo.jpg --draw out.png
  siskin detect --model blazeface_back --min-score 0.5 holiday-photos/
  siskin detect --json *.jpg | jq -c '[.file, (.faces | length)]'
)",
};

struct DetectFlags {
  PhotoFlags photos;
  float min_score = 0;  // 0: the model's own
  int max_faces = 0;    // 0: all
  std::string draw;     // empty: not drawn
};

std::string Pixels(float value) { return absl::StrFormat("%.1f", value); }

models::Point ToPoint(const v1::Point& point) { return {point.x(), point.y()}; }

models::Face ToFace(const v1::Face& face) {
  const v1::KeyPoints& points = face.key_points();
  return {.min = {face.box().xmin(), face.box().ymin()},
          .max = {face.box().xmax(), face.box().ymax()},
          .key_points = {ToPoint(points.right_eye()), ToPoint(points.left_eye()),
                         ToPoint(points.nose()), ToPoint(points.mouth()),
                         ToPoint(points.right_ear()), ToPoint(points.left_ear())},
          .score = face.score()};
}

Outcome DetectInPhoto(v1::FaceDetector::Stub& stub, const DetectFlags& flags,
                      const std::string& file) {
  v1::DetectRequest request;
  request.set_min_score(flags.min_score);
  request.set_max_faces(static_cast<uint32_t>(flags.max_faces));
  v1::DetectResponse response;
  Outcome outcome = CallWithPhoto(stub, &v1::FaceDetector::Stub::Detect, std::move(request), file,
                                  flags.photos, response);
  if (!outcome.status.ok()) return outcome;
  auto answer = std::make_shared<DetectedFaces>();
  answer->width = static_cast<int>(response.image_width());
  answer->height = static_cast<int>(response.image_height());
  for (const v1::Face& face : response.faces()) answer->faces.push_back(ToFace(face));
  // A drawing that fails is an error of the file.
  if (!flags.draw.empty()) outcome.status = DrawFacesToFile(file, answer->faces, flags.draw);
  outcome.answer = std::move(answer);
  return outcome;
}

int Detect(const DetectFlags& flags, const Console& console) {
  const auto files = ListPhotos(flags.photos.paths);
  if (!files.ok()) return Fail(console, files.status(), kExitUsage);
  if (!flags.draw.empty() && files->size() != 1) {
    return Fail(console, absl::StrCat("--draw takes one photo, not ", files->size()), kExitUsage);
  }
  const auto channel = Connect(flags.photos);
  if (!channel.ok()) return Fail(console, channel.status(), kExitUnreachable);
  const auto stub = v1::FaceDetector::NewStub(*channel);
  const auto call = [&](size_t i) { return DetectInPhoto(*stub, flags, (*files)[i]); };
  return RunPhotoCalls(files->size(), flags.photos, call, DetectedFaces::Titles(), console);
}

}  // namespace

void DetectedFaces::Print(std::ostream& out) const {
  if (faces.empty()) {
    out << "no face\n";
    return;
  }
  constexpr auto kRight = Table::Align::kRight;
  Table table({{"score", kRight},
               {"left", kRight},
               {"top", kRight},
               {"right", kRight},
               {"bottom", kRight}});
  for (const models::Face& face : faces) {
    table.AddRow({Percent(face.score), Pixels(face.min.x), Pixels(face.min.y), Pixels(face.max.x),
                  Pixels(face.max.y)});
  }
  table.Print(out);
}

Summary DetectedFaces::Summarise() const {
  return {absl::StrCat(faces.size()), faces.empty() ? "-" : Percent(faces.front().score)};
}

nlohmann::ordered_json DetectedFaces::ToJson() const {
  return {{"image", {{"width", width}, {"height", height}}},
          {"faces", pipeline::FacesToJson(faces)}};
}

void AddDetectCommand(CommandLine& siskin) {
  auto values = std::make_shared<DetectFlags>();
  Flags flags = siskin.AddCommand(
      kDetect, [values](const Console& console) { return Detect(*values, console); });
  AddPhotoFlags(values->photos, flags);
  flags
      .Add("--min-score", values->min_score,
           "Report faces from this score on, 0 to 1 (default: the model's own)")
      .ValueName("SCORE")
      .Range(0.0, 1.0);
  flags.Add("--max-faces", values->max_faces, "Report the best N only (default: all)")
      .ValueName("N")
      .Range(1, 1 << 20);
  flags.Add("--draw", values->draw, "Write the photo with its faces marked to this PNG file")
      .ValueName("OUT.png");
}

}  // namespace siskin::cli
