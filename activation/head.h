// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

#include "activation/activity.h"
#include "activation/lesson.h"
#include "activation/observation.h"
#include "core/real_time.h"
#include "core/store.h"

namespace gyrus {

// Predicts from areas and encodings, and learns from the target by itself. What reaches the areas
// below is the gradient that Learn adds to AreaActivity::gradient (or gradients).
//
// Thread-safe: immutable. Real-time safe.
class Head {
 public:
  virtual ~Head() = default;

  // Readies a step: once after the forward pass, before Predict or Learn.
  virtual void Begin(const StepContext& context) const noexcept GYRUS_NONBLOCKING = 0;

  // Answers what is wanted, in the spans of `prediction`. Changes no block and no state.
  virtual void Predict(const StepContext& context, const Want& want,
                       Prediction* prediction) const noexcept GYRUS_NONBLOCKING = 0;

  // Learns the target of the step that context.activity holds. Returns the loss of the prediction
  // from before the update: nats for symbols and classes, squared error summed over outputs for
  // reals.
  virtual double Learn(const StepContext& context, const Target& target,
                       Commit* commit) const noexcept GYRUS_NONBLOCKING = 0;

  // The same by a lesson. What learns without gradients knows no lesson but the live one, for
  // anything else would count a sample twice: then it does nothing and returns 0.
  virtual double LearnLesson(const StepContext& context, const Lesson& lesson,
                             Commit* commit) const noexcept GYRUS_NONBLOCKING {
    return lesson.kind == Lesson::Kind::kLive ? Learn(context, lesson.target, commit) : 0.0;
  }
};

}  // namespace gyrus
