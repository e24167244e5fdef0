// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "absl/status/statusor.h"
#include "activation/brain_spec.h"
#include "activation/encoder.h"
#include "activation/plan_builder.h"

namespace gyrus {

// A real vector v, standardised element by element with running statistics (Welford, 1962):
//
//   scaled(v, c) = clip((v - c) / (sqrt(var) + 1e-6))     0 where missing or var is of < 2 values
//   value: scaled(v, mean)      lag l: scaled(v of l steps before, mean)      trail: scaled(v, e)
//
//   learned, n the values so far:     r = max(1 / n, rate);  d = v - mean;  mean += r d;
//                                     var += r (d (v - mean) - var)
//   followed by the session:          e += max(1 / seen, 1 / tau) (v - e), after the step's trail
//
// Vector: [values | missing indicators | lags, newest first | trails, by time constant | 1].
// With bins: one context per element, a hash of (element, bin), and one selector per element, the
// bin; 0 where missing, else 1 + floor(bins logistic(1.7 z)), so that a normal element fills its
// bins evenly.
//
// The statistics are one block, read from the view of the step, so that features stand still
// between commits and for good once settled. Trails and lags follow the stream: session state.
class RealsEncoder final : public Encoder {
 public:
  // Returns InvalidArgument if the modality is not of reals, an option is outside its range, or
  // nothing is asked for.
  static absl::StatusOr<std::unique_ptr<Encoder>> Create(const EncoderSpec& spec,
                                                         const ModalitySpec& modality,
                                                         PlanBuilder* builder);

  void Encode(const StepContext& context, const Value& value,
              Encoding* encoding) const noexcept override;
  void Learn(const Value& value, const Encoding& encoding, Commit* commit) const noexcept override;

 private:
  struct Statistics;
  struct State;

  RealsEncoder(EncodingShape shape, const RealsEncoderSpec& spec, uint32_t size)
      : Encoder(std::move(shape)), spec_(spec), size_(size) {}

  float Scaled(const Statistics& statistics, float value, float centre,
               std::size_t j) const noexcept;
  float* EncodePast(const Statistics& statistics, std::span<const float> values, State* state,
                    float* x) const noexcept;
  void Quantise(const Statistics& statistics, std::span<const float> values,
                Encoding* encoding) const noexcept;

  RealsEncoderSpec spec_;
  uint32_t size_;
  uint32_t statistics_ = 0;
  std::size_t state_offset_ = 0;
};

}  // namespace gyrus
