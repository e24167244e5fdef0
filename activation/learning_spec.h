// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace gyrus {

// How gradients teach, and what keeps their knowledge: parts of activation/brain_spec.h.

enum class Trace : uint8_t { kNone, kFactored, kExact };
enum class Optimiser : uint8_t { kSgd, kRmsprop };

enum class ImportanceKind : uint8_t { kNone, kEwc, kSi, kMas };

// Holds the weights of a region near what they were when it last consolidated, each the more the
// more it mattered until then: online EWC, synaptic intelligence or memory aware synapses
// (learner/importance.h). For shifts of domain; it does not keep classes apart that never come
// together, and a head's own weights are not held. Takes three times the weights' memory.
struct ImportanceSpec {
  ImportanceKind kind = ImportanceKind::kNone;
  float strength = 1.0F;  // Of the penalty, in [0, 1e9].
  float decay = 0.9F;     // Of what mattered before, at each consolidation, in [0, 1].
  uint32_t every = 5000;  // Updates of the region between consolidations, at least 1.
};

// Lets units that have become of no use begin anew, so that an area never loses the power to learn
// (continual backpropagation, learner/plasticity.h). Dense and GLU cells.
struct PlasticitySpec {
  float rho = 0.0F;         // Share of the mature units renewed per sample, in [0, 0.01]; 0: none.
  uint32_t maturity = 100;  // Samples until a unit may be renewed.
  float decay = 0.99F;      // Of a unit's utility, in [0, 1).
};

// How the gradient-trained regions of an area learn.
struct AreaLearningSpec {
  Optimiser optimiser = Optimiser::kRmsprop;
  float rate = 0.002F;  // > 0.
  float beta = 0.99F;   // RMSprop's memory, in [0, 1).
  uint32_t chunk = 1;   // Steps per backward walk and update, in [1, 256].
  Trace trace = Trace::kNone;
  bool bounded = false;  // No step may move a layer past its target.
  ImportanceSpec importance = {};
  PlasticitySpec plasticity = {};
  bool personal = false;  // Whether it also learns in users' forks, each for itself.
};

// Stored samples, each learned again now and then beside live ones, so that what is trained by
// gradients (softmax heads, the cells and learned routers below them) keeps what it knew. What is
// free of order (ridge and Kalman statistics, memories, anchors) is taught each sample once: a
// brain of only that gains nothing here. Needs classes, and trained areas without a state and with
// learning.chunk 1.
struct ReplaySpec {
  uint32_t items = 0;     // Samples kept, of every class alike, in [0, 65536]; 0: no replay.
  uint32_t per_step = 1;  // Stored samples learned beside each live one, in [1, 16].
  // ER-ACE: a live sample competes only with the classes of the last `rivals` live ones, so that
  // new classes do not push old ones aside; in [0, 2^20]; 0: with all.
  uint32_t rivals = 0;
  // DER++: weight, in [0, 100], of keeping to what the first softmax head answered when the sample
  // was stored; 0: none.
  float dark = 0.0F;
};

}  // namespace gyrus
