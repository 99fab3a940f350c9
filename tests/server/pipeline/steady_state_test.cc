// What a lane takes from the heap once it is warm: no input, no activation, no output, no pixels.
//
// Only lanes are looked at. A request brings its payload and takes its answer along: those are
// allocated where it arrives. A codec has working memory of its own for each file (for a baseline
// JPEG, well below the size of its pixels), and a photo of a new size gets new filters.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <functional>
#include <memory>
#include <new>
#include <utility>
#include <variant>
#include <vector>

#include "absl/synchronization/notification.h"
#include "base/clock.h"
#include "server/engine/lane_pool.h"
#include "server/pipeline/inference.h"
#include "server/pipeline/top_k.h"
#include "tests/fakes/allocations.h"
#include "tests/fakes/jpeg_photo.h"

namespace siskin::pipeline {
namespace {

using ::siskin::testing::AllocationsOfThisThread;
using ::siskin::testing::JpegPhoto;

// The smallest tensor of the model below: the 256 values after its pooling.
constexpr size_t kTensorBytes = 1024;
// Less than its input, 3 x 128 x 128 values, and less than the pixels of any photo below.
constexpr size_t kImageBytes = size_t{128} << 10;
// A batch of seven runs as the plans of four, two and one: as all there are.
constexpr int kBatch = 7;

using Files = std::vector<std::vector<uint8_t>>;

ImagesInput Photos(const Files& files) { return {{files.begin(), files.end()}}; }

// Allocations so far by one thread.
struct Heap {
  int tensors = AllocationsOfThisThread(kTensorBytes);
  int images = AllocationsOfThisThread(kImageBytes);
};

// Looks at the heap of the lane that takes it; there is nothing to compute.
class Look : public engine::InferenceTask {
 public:
  Look(Heap& heap, absl::Notification& seen)
      : InferenceTask(MonotonicTime::InfiniteFuture(), nullptr), heap_(heap), seen_(seen) {}

  absl::Status Prepare(absl::Span<float>) override { return absl::CancelledError(); }
  void Complete(absl::Span<const float>, const engine::TaskTiming&) override {}
  void Fail(const absl::Status&) override {
    heap_ = Heap();
    seen_.Notify();
  }

 private:
  Heap& heap_;
  absl::Notification& seen_;
};

std::shared_ptr<const engine::LoadedModel> CompileModel() {
  models::LoadRequest request;
  request.architecture = "mobilenet_v1_0.25_128";
  return engine::LoadedModel::Compile(models::RandomModel(request, /*seed=*/1).value(),
                                      {.name = "model", .max_batch_size = kBatch})
      .value();
}

class SteadyStateTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { model_ = CompileModel(); }
  static void TearDownTestSuite() { model_.reset(); }

  void SetUp() override {
    lanes_ = engine::LanePool::Start({.lanes = 1, .cpus = {}}, scheduler_, nullptr).value();
    ASSERT_TRUE(lanes_->Prepare(model_).ok());
    // A batch closes when it is full.
    auto queue = scheduler_.AddQueue(
        {.limits = {.max_batch_size = kBatch, .max_delay = absl::Hours(1)}}, model_.get());
    singles_ = scheduler_.AddQueue({.limits = {.max_batch_size = 1}}, model_.get()).value();
    ASSERT_TRUE(registry_.Declare("model", "1").ok());
    ASSERT_TRUE(registry_.Transition("model", "1", engine::ModelState::kWarming).ok());
    ASSERT_TRUE(registry_.Publish("model", "1", {model_, *std::move(queue)}).ok());
  }

  void TearDown() override {
    scheduler_.Drain();
    lanes_.reset();
  }

  // Runs a request of kBatch images and returns the lane's heap after it.
  Heap Run(std::variant<ImagesInput, TensorView> input) {
    InferenceRequest request;
    request.input = std::move(input);
    absl::Notification done;
    inference_.Start(request, [&done](const absl::StatusOr<InferenceResult>& result) {
      EXPECT_TRUE(result.ok()) << result.status();
      EXPECT_EQ(TopK(result->outputs, 5).size(), 5u);
      done.Notify();
    });
    done.WaitForNotification();
    return AskLane();
  }

  // The heap of the lane, seen from there once it has done what it was given before.
  Heap AskLane() {
    Heap heap;
    absl::Notification seen;
    std::unique_ptr<batching::Task> look = std::make_unique<Look>(heap, seen);
    EXPECT_TRUE(singles_->Enqueue(look).ok());
    seen.WaitForNotification();
    return heap;
  }

  static std::shared_ptr<const engine::LoadedModel> model_;

  engine::ModelRegistry registry_;
  Admission admission_{{}};
  Inference inference_{registry_, admission_, ImageLimits{}, kBatch, nullptr};
  batching::Scheduler scheduler_;
  std::shared_ptr<batching::BatchQueue> singles_;
  std::unique_ptr<engine::LanePool> lanes_;
};

std::shared_ptr<const engine::LoadedModel> SteadyStateTest::model_;

TEST_F(SteadyStateTest, TensorsTakeNothing) {
  const std::vector<uint8_t> payload(sizeof(float) * kBatch * 3 * 128 * 128);
  const TensorView tensor = {TensorType::kFloat32, {kBatch, 3, 128, 128}, payload};
  const Heap before = AskLane();
  for (int i = 0; i < 5; ++i) EXPECT_EQ(Run(tensor).tensors, before.tensors);
}

TEST_F(SteadyStateTest, PixelValuesTakeNothing) {
  const std::vector<uint8_t> payload(kBatch * 3 * 128 * 128);
  const TensorView tensor = {TensorType::kUint8, {kBatch, 128, 128, 3}, payload};
  const Heap before = AskLane();
  for (int i = 0; i < 5; ++i) EXPECT_EQ(Run(tensor).tensors, before.tensors);
}

TEST_F(SteadyStateTest, PhotosTakeWhatTheirDecoderTakes) {
  Files files;
  for (int i = 0; i < kBatch; ++i) {
    files.push_back(i % 2 == 0 ? JpegPhoto(481, 359) : JpegPhoto(307, 401));
  }
  RgbImage image;
  const auto decode_all = [&] {
    for (const auto& file : files) EXPECT_TRUE(DecodeImage(file, ImageLimits{}, image).ok());
    return Heap();
  };
  const Heap cold = decode_all();
  const Heap warm = decode_all();
  EXPECT_EQ(warm.images, cold.images);
  const int decoder = warm.tensors - cold.tensors;

  const Heap before = Run(Photos(files));
  for (int i = 1; i <= 5; ++i) {
    const Heap after = Run(Photos(files));
    EXPECT_EQ(after.tensors - before.tensors, i * decoder);
    EXPECT_EQ(after.images, before.images);
  }
}

TEST_F(SteadyStateTest, PhotosOfNewSizesTakeNothingOfTheSizeOfAnImage) {
  const Heap before = Run(Photos(Files(kBatch, JpegPhoto(640, 480))));
  for (int i = 0; i < 5; ++i) {
    Files files;
    for (int j = 0; j < kBatch; ++j) {
      files.push_back(JpegPhoto(600 - 20 * i - 2 * j, 450 - 15 * i - 3 * j));
    }
    EXPECT_EQ(Run(Photos(files)).images, before.images);
  }
}

// The first photo of its size is another matter: the tests above could fail.
TEST_F(SteadyStateTest, ALargerPhotoIsNoticed) {
  const Heap before = Run(Photos(Files(kBatch, JpegPhoto(320, 240))));
  EXPECT_GT(Run(Photos(Files(kBatch, JpegPhoto(640, 480)))).images, before.images);
}

TEST(AllocationsTest, EveryWayIsCountedByItsSize) {
#ifdef __SANITIZE_THREAD__
  GTEST_SKIP() << "ThreadSanitizer does not tell of aligned_alloc and posix_memalign";
#endif
  void* volatile memory = nullptr;  // so that nothing is optimised away
  const std::function<void()> ways[] = {
      [&] { memory = malloc(kImageBytes); },
      [&] { memory = calloc(kImageBytes / 8, 8); },
      [&] { memory = realloc(nullptr, kImageBytes); },
      [&] { memory = aligned_alloc(64, kImageBytes); },
      [&] {
        void* aligned = nullptr;
        if (posix_memalign(&aligned, 64, kImageBytes) == 0) memory = aligned;
      },
  };
  const int larger = AllocationsOfThisThread(2 * kImageBytes);
  for (const auto& allocate : ways) {
    const Heap before;
    allocate();
    free(memory);
    EXPECT_EQ(Heap().images, before.images + 1);
  }
  EXPECT_EQ(AllocationsOfThisThread(2 * kImageBytes), larger);
  const Heap before;
  memory = new char[kImageBytes];
  delete[] static_cast<char*>(memory);
  memory = ::operator new (kImageBytes, std::align_val_t{64});
  ::operator delete (memory, std::align_val_t{64});
  EXPECT_EQ(Heap().images, before.images + 2);
}

}  // namespace
}  // namespace siskin::pipeline
