// SPDX-License-Identifier: Apache-2.0
#include "activation/encoders/image.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/rng.h"
#include "core/store.h"
#include "tests/support/no_alloc.h"

namespace gyrus {
namespace {

using testing::Each;
using testing::HasSubstr;

constexpr uint32_t kWarmup = 20;

ModalitySpec Images(uint32_t rows, uint32_t columns) {
  return {.name = "eye", .kind = ModalityKind::kImage, .rows = rows, .columns = columns};
}

ImageEncoderSpec Small() {
  return {.banks = {{.patch_size = 3, .patches = 5, .grid = 2},
                    {.patch_size = 5, .patches = 33, .grid = 1}},
          .raw_grid = 3,
          .draw_from = kWarmup};
}

// An encoder with its blocks, scratch and vector.
class Eye {
 public:
  Eye(const ImageEncoderSpec& spec, const ModalitySpec& modality, uint64_t seed = 1) {
    encoder_ = *ImageEncoder::Create({.name = "image", .modality = "eye", .kind = spec}, modality,
                                     seed, &builder_);
    std::vector<TableSpec> tables;
    for (const PlanBuilder::Table& table : builder_.tables()) tables.push_back(table.spec);
    if (!tables.empty()) store_ = *Store::Create(tables, {});
    scratch_.resize(builder_.head_scratch_bytes() / 64 + 1);
    activity_.head_scratch = std::as_writable_bytes(std::span(scratch_));
    vector_.resize(encoder_->shape().outputs, NAN);
  }

  // The vector, or nothing while it is absent.
  std::optional<std::vector<float>> Encode(const std::vector<uint8_t>& pixels) {
    Encoding encoding = Blank();
    EncodeInto(pixels, &encoding);
    if (!encoding.present) return std::nullopt;
    return vector_;
  }

  void EncodeInto(const std::vector<uint8_t>& pixels, Encoding* encoding) {
    const StepContext context{.view = store().Draft(), .activity = &activity_};
    encoder_->Encode(context, {.present = true, .pixels = pixels}, encoding);
  }

  void Learn(const std::vector<uint8_t>& pixels) {
    std::optional<Commit> commit = Commit::TryBegin(&store(), {});
    encoder_->Learn({.present = true, .pixels = pixels}, {}, &*commit);
  }

  Encoding Blank() { return {.present = true, .vector = vector_, .contexts = {}, .selectors = {}}; }
  const Encoder& encoder() const { return *encoder_; }

  // All bytes of a table's blocks.
  std::string BytesOf(const std::string& name) {
    std::string bytes;
    for (uint32_t t = 0; t < store().num_tables(); ++t) {
      const TableSpec& spec = store().spec(t);
      if (spec.name != name) continue;
      for (uint32_t i = 0; i < spec.blocks; ++i) {
        const std::byte* const block = store().Draft().table(t).Read(i);
        bytes.append(reinterpret_cast<const char*>(block), spec.layout.block_bytes());
      }
    }
    return bytes;
  }

 private:
  struct alignas(64) Line {
    std::byte bytes[64];
  };

  // An encoder without blocks still needs some view.
  Store& store() {
    if (store_ == nullptr) {
      const TableSpec any[] = {
          {.name = "any", .layout = *BlockLayout::Create({{.name = "any"}}), .blocks = 1}};
      store_ = *Store::Create(any, {});
    }
    return *store_;
  }

  PlanBuilder builder_;
  std::unique_ptr<Encoder> encoder_;
  std::unique_ptr<Store> store_;
  std::vector<Line> scratch_;
  Activity activity_;
  std::vector<float> vector_;
};

// Bright bars on black.
std::vector<uint8_t> Picture(const ModalitySpec& modality, uint64_t seed) {
  std::vector<uint8_t> pixels(std::size_t{modality.rows} * modality.columns);
  Rng rng(seed);
  for (int bar = 0; bar < 4; ++bar) {
    const bool upright = rng.Below(2) == 0;
    const uint64_t at = rng.Below(upright ? modality.columns : modality.rows);
    for (std::size_t i = 0; i < pixels.size(); ++i) {
      const std::size_t place = upright ? i % modality.columns : i / modality.columns;
      if (place == at) pixels[i] = static_cast<uint8_t>(100 + rng.Below(150));
    }
  }
  return pixels;
}

void WarmUp(Eye* eye, const ModalitySpec& modality, uint32_t inputs = kWarmup) {
  for (uint32_t i = 0; i < inputs; ++i) eye->Learn(Picture(modality, 100 + i));
}

TEST(ImageEncoderTest, IsAbsentUntilTheLastInputOfTheWarmUpWasLearned) {
  const ModalitySpec modality = Images(11, 9);
  Eye eye(Small(), modality);
  for (uint32_t i = 0; i < kWarmup; ++i) {
    EXPECT_FALSE(eye.Encode(Picture(modality, i)).has_value()) << i;
    eye.Learn(Picture(modality, 100 + i));
  }
  EXPECT_TRUE(eye.Encode(Picture(modality, 0)).has_value());
}

TEST(ImageEncoderTest, ScalesEachPartToUnitDeviationOverTheWarmUp) {
  const ModalitySpec modality = Images(11, 9);
  Eye eye(Small(), modality);
  WarmUp(&eye, modality);
  const std::size_t ends[] = {0, 4 * 5, 4 * 5 + 33, 4 * 5 + 33 + 9};
  ASSERT_EQ(eye.encoder().shape().outputs, ends[3]);
  for (int part = 0; part < 3; ++part) {
    double sum = 0.0, squares = 0.0, count = 0.0;
    for (uint32_t i = 0; i < kWarmup; ++i) {
      const std::vector<float> x = *eye.Encode(Picture(modality, 100 + i));
      for (std::size_t j = ends[part]; j < ends[part + 1]; ++j) {
        sum += x[j];
        squares += x[j] * x[j];
        count += 1.0;
      }
    }
    EXPECT_NEAR(squares / count - sum / count * sum / count, 1.0, 1e-4) << "part " << part;
  }
}

TEST(ImageEncoderTest, StandsStillOnceSettledAndForgetsTheWarmUp) {
  const ModalitySpec modality = Images(11, 9);
  Eye eye(Small(), modality);
  WarmUp(&eye, modality);
  const std::vector<float> before = *eye.Encode(Picture(modality, 7));
  EXPECT_THAT(eye.BytesOf("image.warmup"), testing::Contains(testing::Ne('\0')));

  WarmUp(&eye, modality, 3 * kWarmup);

  EXPECT_EQ(*eye.Encode(Picture(modality, 7)), before);
  EXPECT_THAT(eye.BytesOf("image.warmup"), Each('\0'));
  EXPECT_THAT(eye.BytesOf("image.work"), Each('\0'));
}

TEST(ImageEncoderTest, DrawsTheSamePatchesForTheSameSeedOnly) {
  const ModalitySpec modality = Images(11, 9);
  std::string patches[3];
  const uint64_t seeds[] = {1, 1, 2};
  for (int i = 0; i < 3; ++i) {
    Eye eye(Small(), modality, seeds[i]);
    WarmUp(&eye, modality);
    patches[i] = eye.BytesOf("image.patches0") + eye.BytesOf("image.patches1");
  }
  EXPECT_EQ(patches[0], patches[1]);
  EXPECT_NE(patches[0], patches[2]);
}

TEST(ImageEncoderTest, DrawsPatchesOfUnitLengthAndZeroSum) {
  const ModalitySpec modality = Images(11, 9);
  Eye eye(Small(), modality);
  WarmUp(&eye, modality);
  const std::string bytes = eye.BytesOf("image.patches1");
  std::vector<float> taps(25 * 64);
  ASSERT_GE(bytes.size(), taps.size() * sizeof(float));
  std::memcpy(taps.data(), bytes.data(), taps.size() * sizeof(float));
  for (std::size_t k = 0; k < 64; ++k) {
    float sum = 0.0F, squares = 0.0F;
    for (std::size_t t = 0; t < 25; ++t) {
      sum += taps[t * 64 + k];
      squares += taps[t * 64 + k] * taps[t * 64 + k];
    }
    EXPECT_NEAR(sum, 0.0F, 1e-5F);
    EXPECT_NEAR(squares, k < 33 ? 1.0F : 0.0F, 1e-3F);
  }
}

TEST(ImageEncoderTest, EncodesWithoutAllocation) {
  const ModalitySpec modality = Images(11, 9);
  Eye eye(Small(), modality);
  WarmUp(&eye, modality);
  const std::vector<uint8_t> pixels = Picture(modality, 1);
  Encoding encoding = eye.Blank();
  eye.EncodeInto(pixels, &encoding);
  test::NoAllocScope scope;
  eye.EncodeInto(pixels, &encoding);
  EXPECT_EQ(scope.count(), 0);
}

TEST(ImageEncoderTest, StaysFiniteOnBlankImagesAndOddSizes) {
  const ModalitySpec sizes[] = {Images(5, 5), Images(5, 40), Images(33, 6), Images(28, 28)};
  for (const ModalitySpec& modality : sizes) {
    Eye seeing(Small(), modality);
    WarmUp(&seeing, modality);
    Eye blind(Small(), modality);
    const std::vector<uint8_t> black(std::size_t{modality.rows} * modality.columns, 0);
    const std::vector<uint8_t> white(black.size(), 255);
    for (uint32_t i = 0; i < kWarmup; ++i) blind.Learn(black);
    for (const auto& pixels : {black, white, Picture(modality, 3)}) {
      EXPECT_THAT(*seeing.Encode(pixels),
                  Each(testing::Truly([](float x) { return std::isfinite(x); })));
      EXPECT_THAT(*blind.Encode(pixels),
                  Each(testing::Truly([](float x) { return std::isfinite(x); })));
    }
  }
}

TEST(ImageEncoderTest, WithoutBanksIsTheMeanOfEachCellFromTheStart) {
  Eye eye({.banks = {}, .raw_grid = 2}, Images(2, 4));
  EXPECT_EQ(*eye.Encode({0, 255, 51, 51, 255, 0, 51, 153}),
            (std::vector<float>{127.5F / 255, 51.0F / 255, 127.5F / 255, 102.0F / 255}));
}

TEST(ImageEncoderTest, RefusesWhatDoesNotFit) {
  const auto refusal = [](const ImageEncoderSpec& spec, const ModalitySpec& modality) {
    PlanBuilder builder;
    return std::string(
        ImageEncoder::Create({.name = "image", .modality = "", .kind = spec}, modality, 1, &builder)
            .status()
            .message());
  };
  EXPECT_THAT(refusal({}, {.name = "ear", .kind = ModalityKind::kReals}),
              HasSubstr("modality \"ear\" is not of images"));
  EXPECT_THAT(refusal({}, Images(6, 9)),
              HasSubstr("banks[0]: grid must be in [1, 2] (positions along a side), got 4"));
  EXPECT_THAT(refusal({.banks = {{}, {.patch_size = 17}}}, Images(8, 9)),
              HasSubstr("banks[1]: patch_size must be in [2, 8] for images of 8 x 9, got 17"));
  EXPECT_THAT(refusal({.banks = {{.patch_size = 3, .patches = 0}}}, Images(8, 8)),
              HasSubstr("patches must be in [1, 4096], got 0"));
  EXPECT_THAT(refusal({.banks = {{.patch_size = 3, .grid = 7}}}, Images(8, 8)),
              HasSubstr("grid must be in [1, 6]"));
  EXPECT_THAT(refusal({.banks = {}, .raw_grid = 0}, Images(8, 8)),
              HasSubstr("raw_grid must be in [1, 8], got 0"));
  EXPECT_THAT(refusal({.threshold = NAN}, Images(28, 28)), HasSubstr("threshold must be"));
  EXPECT_THAT(refusal({.epsilon = 0.0F}, Images(28, 28)), HasSubstr("epsilon must be"));
  EXPECT_THAT(refusal({.draw_from = 0}, Images(28, 28)), HasSubstr("draw_from must be"));
}

}  // namespace
}  // namespace gyrus
