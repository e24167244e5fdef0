// SPDX-License-Identifier: Apache-2.0
#include "activation/encoders/image.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>
#include <utility>
#include <variant>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "core/kernels/matrix.h"
#include "core/kernels/vector.h"
#include "core/rng.h"
#include "core/status_macros.h"

namespace gyrus {
namespace {

constexpr std::size_t kMaxBanks = 8;
constexpr float kFirstCosine = 0.8F;
constexpr float kCosineStep = 0.02F;
constexpr uint32_t kRejectedPerStep = 2000;
constexpr uint32_t kMaxDraws = 200000;

// The block of `progress_`. Scale 0 is the first bank's; the raw part's is the last.
struct Progress {
  uint32_t seen;
  float scales[kMaxBanks + 1];
};

absl::Status CheckBank(const PatchBankSpec& bank, const ModalitySpec& modality) {
  const uint32_t side = std::min(modality.rows, modality.columns);
  const uint32_t limit = std::min<uint32_t>(side, kernels::kMaxPatchSize);
  if (bank.patch_size < 2 || bank.patch_size > limit) {
    return absl::InvalidArgumentError(absl::StrCat("patch_size must be in [2, ", limit,
                                                   "] for images of ", modality.rows, " x ",
                                                   modality.columns, ", got ", bank.patch_size));
  }
  if (bank.patches < 1 || bank.patches > 4096) {
    return absl::InvalidArgumentError(
        absl::StrCat("patches must be in [1, 4096], got ", bank.patches));
  }
  const uint32_t positions = side - bank.patch_size + 1;
  if (bank.grid < 1 || bank.grid > positions) {
    return absl::InvalidArgumentError(absl::StrCat("grid must be in [1, ", positions,
                                                   "] (positions along a side), got ", bank.grid));
  }
  return absl::OkStatus();
}

absl::Status CheckSpec(const ImageEncoderSpec& spec, const ModalitySpec& modality) {
  if (modality.kind != ModalityKind::kImage) {
    return absl::InvalidArgumentError(
        absl::StrCat("modality \"", modality.name, "\" is not of images"));
  }
  if (spec.banks.size() > kMaxBanks) {
    return absl::InvalidArgumentError(
        absl::StrCat("at most ", kMaxBanks, " banks, got ", spec.banks.size()));
  }
  for (std::size_t b = 0; b < spec.banks.size(); ++b) {
    const absl::Status status = CheckBank(spec.banks[b], modality);
    if (!status.ok()) {
      return absl::InvalidArgumentError(absl::StrCat("banks[", b, "]: ", status.message()));
    }
  }
  const uint32_t side = std::min(modality.rows, modality.columns);
  const uint32_t least = spec.banks.empty() ? 1 : 0;
  if (spec.raw_grid < least || spec.raw_grid > side) {
    return absl::InvalidArgumentError(
        absl::StrCat("raw_grid must be in [", least, ", ", side, "], got ", spec.raw_grid));
  }
  if (!(spec.threshold >= 0.0F && spec.threshold < 1.0F)) {
    return absl::InvalidArgumentError(
        absl::StrCat("threshold must be in [0, 1), got ", spec.threshold));
  }
  if (!(spec.epsilon > 0.0F && spec.epsilon <= 1000.0F)) {
    return absl::InvalidArgumentError(
        absl::StrCat("epsilon must be in (0, 1000], got ", spec.epsilon));
  }
  if (!(spec.min_contrast >= 0.0F)) {
    return absl::InvalidArgumentError(
        absl::StrCat("min_contrast must be at least 0, got ", spec.min_contrast));
  }
  if (spec.draw_from < 1 || spec.draw_from > 65536) {
    return absl::InvalidArgumentError(
        absl::StrCat("draw_from must be in [1, 65536], got ", spec.draw_from));
  }
  return absl::OkStatus();
}

// Subtracts the mean and divides by the length. Returns the length that x - mean had.
float Normalise(std::span<float> x) {
  float sum = 0.0F;
  for (const float value : x) sum += value;
  for (float& value : x) value -= sum / static_cast<float>(x.size());
  const float squares = kernels::SumOfSquares(x);
  kernels::Scale(1.0F / std::sqrt(squares + 1e-6F), x);
  return std::sqrt(squares);
}

// The mean and variance of one part over the warm-up.
struct Moments {
  double sum = 0.0;
  double squares = 0.0;
  double count = 0.0;

  void Add(std::span<const float> x) {
    for (const double value : x) {
      sum += value;
      squares += value * value;
    }
    count += static_cast<double>(x.size());
  }
  float Scale() const {
    const double variance = squares / count - (sum / count) * (sum / count);
    return variance > 1e-12 ? static_cast<float>(1.0 / std::sqrt(variance)) : 1.0F;
  }
};

}  // namespace

absl::StatusOr<std::unique_ptr<Encoder>> ImageEncoder::Create(const EncoderSpec& spec,
                                                              const ModalitySpec& modality,
                                                              uint64_t seed, PlanBuilder* builder) {
  const auto& options = std::get<ImageEncoderSpec>(spec.kind);
  GYRUS_RETURN_IF_ERROR(CheckSpec(options, modality));
  uint32_t outputs = options.raw_grid * options.raw_grid;
  for (const PatchBankSpec& bank : options.banks) outputs += bank.grid * bank.grid * bank.patches;
  if (outputs > 65536) {
    return absl::InvalidArgumentError(
        absl::StrCat("banks and raw_grid make ", outputs, " outputs; at most 65536"));
  }
  EncodingShape shape;
  shape.outputs = outputs;
  std::unique_ptr<ImageEncoder> encoder(
      new ImageEncoder(std::move(shape), options, modality, seed));
  if (!options.banks.empty()) GYRUS_RETURN_IF_ERROR(encoder->AddTables(spec, builder));
  return encoder;
}

ImageEncoder::ImageEncoder(EncodingShape shape, const ImageEncoderSpec& spec,
                           const ModalitySpec& modality, uint64_t seed)
    : Encoder(std::move(shape)),
      spec_(spec),
      rows_(modality.rows),
      columns_(modality.columns),
      seed_(seed) {
  for (const PatchBankSpec& bank : spec.banks) {
    banks_.push_back({.shape = {.rows = rows_,
                                .columns = columns_,
                                .patch_size = bank.patch_size,
                                .patches = bank.patches,
                                .grid = bank.grid,
                                .threshold = spec.threshold,
                                .epsilon = spec.epsilon}});
  }
}

absl::Status ImageEncoder::AddTables(const EncoderSpec& spec, PlanBuilder* builder) {
  // Patches are cut from inputs, and readouts stand on them: none of it merges.
  constexpr Merge kMerge = Merge::kNever;
  uint32_t widest = 0;
  for (std::size_t b = 0; b < banks_.size(); ++b) {
    const auto taps = static_cast<uint32_t>(banks_[b].taps());
    const auto stride = static_cast<uint32_t>(banks_[b].stride());
    GYRUS_ASSIGN_OR_RETURN(
        BlockLayout layout,
        BlockLayout::Create({{.name = "taps", .rows = taps, .columns = stride, .merge = kMerge}}));
    banks_[b].table =
        builder->AddTable(absl::StrCat(spec.name, ".patches", b), std::move(layout), 1, 1);
    widest = std::max(widest, stride);
  }
  GYRUS_ASSIGN_OR_RETURN(
      BlockLayout progress,
      BlockLayout::Create({{.name = "seen", .type = ElementType::kU32, .merge = kMerge},
                           {.name = "scales", .columns = kMaxBanks + 1, .merge = kMerge}}));
  progress_ = builder->AddTable(spec.name + ".progress", std::move(progress), 1, 1);
  GYRUS_ASSIGN_OR_RETURN(BlockLayout kept, BlockLayout::Create({{.name = "pixels",
                                                                 .type = ElementType::kU8,
                                                                 .rows = rows_,
                                                                 .columns = columns_,
                                                                 .merge = kMerge}},
                                                               TensorReader::kLearner));
  kept_ = builder->AddTable(spec.name + ".warmup", std::move(kept), spec_.draw_from, 1);
  const std::size_t scratch = kernels::PatchScratch(rows_, columns_);
  work_floats_ = shape().outputs + scratch + widest;
  GYRUS_ASSIGN_OR_RETURN(BlockLayout work,
                         BlockLayout::Create({{.name = "vector_scratch_cosines",
                                               .columns = static_cast<uint32_t>(work_floats_),
                                               .merge = kMerge}},
                                             TensorReader::kLearner));
  work_ = builder->AddTable(spec.name + ".work", std::move(work), 1, 1);
  scratch_offset_ = builder->AddHeadScratch(scratch * sizeof(float));
  return absl::OkStatus();
}

void ImageEncoder::Encode(const StepContext& context, const Value& value,
                          Encoding* encoding) const noexcept {
  const std::span<float> vector = encoding->vector;
  if (banks_.empty()) {
    RawMeans(value.pixels, vector);
    return;
  }
  const Progress& progress = *context.view.table(progress_).As<Progress>(0);
  encoding->present = progress.seen >= spec_.draw_from;
  if (!encoding->present) return;
  auto* const scratch =
      reinterpret_cast<float*>(context.activity->head_scratch.data() + scratch_offset_);
  Features(context.view, value.pixels, {scratch, kernels::PatchScratch(rows_, columns_)}, vector);
  std::size_t at = 0;
  for (std::size_t b = 0; b < banks_.size(); ++b) {
    kernels::Scale(progress.scales[b], vector.subspan(at, banks_[b].outputs()));
    at += banks_[b].outputs();
  }
  kernels::Scale(progress.scales[banks_.size()], vector.subspan(at));
}

// The vector before scaling.
void ImageEncoder::Features(const View& view, std::span<const uint8_t> pixels,
                            std::span<float> scratch, std::span<float> features) const noexcept {
  std::size_t at = 0;
  for (const Bank& bank : banks_) {
    kernels::PoolPatches(bank.shape, bank.Taps(view), pixels, scratch,
                         features.subspan(at, bank.outputs()));
    at += bank.outputs();
  }
  RawMeans(pixels, features.subspan(at));
}

void ImageEncoder::RawMeans(std::span<const uint8_t> pixels,
                            std::span<float> means) const noexcept {
  const std::size_t grid = spec_.raw_grid;
  for (std::size_t cell = 0; cell < means.size(); ++cell) {
    const std::size_t top = cell / grid * rows_ / grid;
    const std::size_t bottom = (cell / grid + 1) * rows_ / grid;
    const std::size_t left = cell % grid * columns_ / grid;
    const std::size_t right = (cell % grid + 1) * columns_ / grid;
    uint32_t sum = 0;
    for (std::size_t r = top; r < bottom; ++r) {
      for (std::size_t c = left; c < right; ++c) sum += pixels[r * columns_ + c];
    }
    const auto count = static_cast<float>((bottom - top) * (right - left));
    means[cell] = static_cast<float>(sum) / (255.0F * count);
  }
}

void ImageEncoder::Learn(const Value& value, const Encoding&, Commit* commit) const noexcept {
  if (banks_.empty()) return;
  const uint32_t seen = commit->view().table(progress_).As<Progress>(0)->seen;
  if (seen == 2 * spec_.draw_from) return;
  commit->As<Progress>({progress_, 0})->seen = seen + 1;
  std::byte* const kept = commit->Write({kept_, seen % spec_.draw_from});
  if (seen >= spec_.draw_from) {
    std::memset(kept, 0, value.pixels.size());
    return;
  }
  std::memcpy(kept, value.pixels.data(), value.pixels.size());
  if (seen + 1 == spec_.draw_from) Settle(commit);
}

void ImageEncoder::Settle(Commit* commit) const noexcept {
  for (std::size_t b = 0; b < banks_.size(); ++b) DrawPatches(b, commit);
  SetScales(commit);
  // Pixels of the last input are still among it.
  std::fill_n(commit->As<float>({work_, 0}), work_floats_, 0.0F);
}

std::span<const uint8_t> ImageEncoder::Kept(const View& view, uint32_t input) const noexcept {
  return {view.table(kept_).As<uint8_t>(input), std::size_t{rows_} * columns_};
}

// Copies the patch at offset `at` of an image, pixels in [0, 1].
void ImageEncoder::CutPatch(const Bank& bank, std::span<const uint8_t> pixels, std::size_t at,
                            std::span<float> x) const noexcept {
  const std::size_t size = bank.shape.patch_size;
  for (std::size_t t = 0; t < x.size(); ++t) {
    x[t] = static_cast<float>(pixels[at + t / size * columns_ + t % size]) / 255.0F;
  }
}

void ImageEncoder::DrawPatches(std::size_t index, Commit* commit) const noexcept {
  const Bank& bank = banks_[index];
  const std::size_t stride = bank.stride();
  const std::span<float> taps(commit->As<float>({bank.table, 0}), bank.taps() * stride);
  float* const work = commit->As<float>({work_, 0});
  const std::span<float> cosines(work + shape().outputs + kernels::PatchScratch(rows_, columns_),
                                 stride);
  Rng rng(seed_, 0x1A6EU + index);
  float room[kernels::kMaxPatchSize * kernels::kMaxPatchSize];
  const std::span<float> x(room, bank.taps());
  std::fill(taps.begin(), taps.end(), 0.0F);
  std::size_t accepted = 0;
  uint32_t rejected = 0;
  for (uint32_t draw = 0; accepted < bank.shape.patches; ++draw) {
    const bool random = draw >= kMaxDraws;
    if (random) {
      for (float& value : x) value = rng.Normal();
      Normalise(x);
    } else {
      const auto input = static_cast<uint32_t>(rng.Below(spec_.draw_from));
      const std::size_t row = rng.Below(rows_ - bank.shape.patch_size + 1);
      const std::size_t column = rng.Below(columns_ - bank.shape.patch_size + 1);
      CutPatch(bank, Kept(commit->view(), input), row * columns_ + column, x);
      const float contrast = Normalise(x);
      if (!(contrast >= spec_.min_contrast && contrast > 0.0F)) continue;
      std::fill(cosines.begin(), cosines.end(), 0.0F);
      kernels::TransposedMatVecAdd(taps, x, cosines);
      const auto steps = static_cast<float>(rejected / kRejectedPerStep);
      const auto best = std::max_element(cosines.begin(), cosines.begin() + accepted);
      if (accepted > 0 && *best >= kFirstCosine + kCosineStep * steps) {
        ++rejected;
        continue;
      }
    }
    for (std::size_t t = 0; t < x.size(); ++t) taps[t * stride + accepted] = x[t];
    ++accepted;
  }
}

void ImageEncoder::SetScales(Commit* commit) const noexcept {
  const std::size_t outputs = shape().outputs;
  float* const work = commit->As<float>({work_, 0});
  const std::span<float> vector(work, outputs);
  const std::span<float> scratch(work + outputs, kernels::PatchScratch(rows_, columns_));
  Moments moments[kMaxBanks + 1];
  for (uint32_t input = 0; input < spec_.draw_from; ++input) {
    Features(commit->view(), Kept(commit->view(), input), scratch, vector);
    std::size_t at = 0;
    for (std::size_t b = 0; b < banks_.size(); ++b) {
      moments[b].Add(vector.subspan(at, banks_[b].outputs()));
      at += banks_[b].outputs();
    }
    moments[banks_.size()].Add(vector.subspan(at));
  }
  float* const scales = commit->As<Progress>({progress_, 0})->scales;
  for (std::size_t b = 0; b < banks_.size(); ++b) scales[b] = moments[b].Scale();
  scales[banks_.size()] = spec_.raw_grid > 0 ? moments[banks_.size()].Scale() : 1.0F;
}

}  // namespace gyrus
