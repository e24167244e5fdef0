// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "activation/brain_spec.h"
#include "activation/encoder.h"
#include "activation/plan_builder.h"
#include "core/kernels/patches.h"

namespace gyrus {

// Responses of frozen patches, drawn from the first inputs, pooled over a grid.
//
// Vector: [bank 0 | bank 1 | ... | raw]; a bank's part is (grid^2, patches), cell by cell, as
// kernels::PoolPatches makes it; the raw part is the mean pixel in [0, 1] of each of raw_grid^2
// cells. Each part is divided by its standard deviation over the warm-up, one number per part.
//
// The first draw_from inputs are the warm-up: they are kept, verbatim and never merged, and the
// vector is absent, so that areas on it sleep and heads answer with what they know without it.
// The learner's step that brings the last of them settles: it draws all patches and scales at
// once. From then on nothing moves any more; each of the next draw_from steps erases one of the
// inputs kept. Without banks there is nothing to settle: the raw part, as it is, from the start.
//
// A patch is cut from a random place of a random warm-up input, skipped if |x - mean x| is below
// min_contrast, and accepted if its cosine with each patch so far is below 0.8 (0.02 more after
// every 2,000 rejected). If 200,000 draws do not fill a bank (a blank warm-up), random patches do.
// Settling takes the time of encoding draw_from inputs and a little: about 0.1 s for 1,000 of
// 28 x 28 with the default banks, in the learner, never in a step.
class ImageEncoder final : public Encoder {
 public:
  // Returns InvalidArgument if the modality is not of images or an option is outside its range.
  static absl::StatusOr<std::unique_ptr<Encoder>> Create(const EncoderSpec& spec,
                                                         const ModalitySpec& modality,
                                                         uint64_t seed, PlanBuilder* builder);

  void Encode(const StepContext& context, const Value& value,
              Encoding* encoding) const noexcept override;
  void Learn(const Value& value, const Encoding& encoding, Commit* commit) const noexcept override;

 private:
  struct Bank {
    kernels::PatchBank shape;
    uint32_t table = 0;  // One block: the taps.
    std::size_t taps() const { return shape.patch_size * shape.patch_size; }
    std::size_t stride() const { return kernels::PatchStride(shape.patches); }
    std::size_t outputs() const { return shape.grid * shape.grid * shape.patches; }
    std::span<const float> Taps(const View& view) const {
      return {view.table(table).As<float>(0), taps() * stride()};
    }
  };

  ImageEncoder(EncodingShape shape, const ImageEncoderSpec& spec, const ModalitySpec& modality,
               uint64_t seed);

  absl::Status AddTables(const EncoderSpec& spec, PlanBuilder* builder);
  void Features(const View& view, std::span<const uint8_t> pixels, std::span<float> scratch,
                std::span<float> features) const noexcept;
  void RawMeans(std::span<const uint8_t> pixels, std::span<float> means) const noexcept;
  void Settle(Commit* commit) const noexcept;
  void DrawPatches(std::size_t bank, Commit* commit) const noexcept;
  void CutPatch(const Bank& bank, std::span<const uint8_t> pixels, std::size_t at,
                std::span<float> x) const noexcept;
  void SetScales(Commit* commit) const noexcept;
  std::span<const uint8_t> Kept(const View& view, uint32_t input) const noexcept;

  ImageEncoderSpec spec_;
  uint32_t rows_;
  uint32_t columns_;
  uint64_t seed_;
  std::vector<Bank> banks_;
  uint32_t progress_ = 0;  // One block: inputs seen, then the scale of each part.
  uint32_t kept_ = 0;      // A block per warm-up input.
  uint32_t work_ = 0;      // One block of the learner: a vector, the kernel's scratch, cosines.
  std::size_t work_floats_ = 0;
  std::size_t scratch_offset_ = 0;
};

}  // namespace gyrus
