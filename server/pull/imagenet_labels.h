// The 1000 classes of ImageNet-1k, a line each: server/pull/imagenet_1k_labels.txt, which CMake
// puts into the binary.
//
// The list is that of google-coral/test_data (imagenet_labels.txt, Apache-2.0) without its
// background class; the words are those of WordNet, copyright Princeton University.
#ifndef SISKIN_SERVER_PULL_IMAGENET_LABELS_H_
#define SISKIN_SERVER_PULL_IMAGENET_LABELS_H_

namespace siskin::pull {

inline constexpr int kImageNetClasses = 1000;
extern const char kImageNetLabels[];

}  // namespace siskin::pull

#endif  // SISKIN_SERVER_PULL_IMAGENET_LABELS_H_
