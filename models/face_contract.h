// How the outputs of a face detector are to be read; models/face_decoder.h does it.
#ifndef SISKIN_MODELS_FACE_CONTRACT_H_
#define SISKIN_MODELS_FACE_CONTRACT_H_

#include <vector>

namespace siskin::models {

struct FaceContract {
  // A square grid of cells over the network's input.
  struct Grid {
    int stride = 1;   // pixels of the input from a cell to the next
    int anchors = 1;  // in each cell, all at its centre
  };
  // The outputs follow them: grid after grid, row after row of cells, anchor after anchor.
  std::vector<Grid> grids;
  float score_threshold = 0.5f;  // probability from which an anchor counts
  float score_clip = 100;        // raw scores are clipped to +-this before the sigmoid
  float min_iou = 0.3f;          // boxes that overlap more are of one face
};

}  // namespace siskin::models

#endif  // SISKIN_MODELS_FACE_CONTRACT_H_
