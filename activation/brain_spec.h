// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "activation/learning_spec.h"
#include "activation/protection_spec.h"
#include "activation/schema_spec.h"

namespace gyrus {

// A brain as plain structs: what it senses, how it is wired, how it learns. `runtime` makes it
// from a textproto (proto/gyrus/v1/brain.proto says the same in the same words); Plan::Create
// checks and compiles it. Names are unique within a brain.

// ---- What comes in.

enum class ModalityKind : uint8_t { kSymbol, kReals, kImage };

struct ModalitySpec {
  std::string name;
  ModalityKind kind = ModalityKind::kSymbol;
  uint32_t size = 0;     // kSymbol: how many, in [2, 256]; kReals: length.
  uint32_t rows = 0;     // kImage.
  uint32_t columns = 0;  // kImage.
};

// ---- Encoders.

// Real vector with online standardisation: what learns from it sees every column at one scale.
// The vector is [values | missing indicators | lags | trails | constant], each part if asked.
struct RealsEncoderSpec {
  uint32_t settle_after =
      1000;             // Values of an element after which its statistics freeze; 0: never.
  float rate = 0.001F;  // The least rate of the running statistics, in [0, 1); 0: averages.
  float clip = 8.0F;    // In standard deviations, > 0.
  bool values = true;   // (v - mean) / deviation; 0 where missing.
  bool missing_indicators = false;  // 1 where missing.
  uint32_t lags = 0;                // The same of the values so many steps before, in [0, 64].
  // Against a running mean of each of these time constants in steps, >= 1, instead of the mean.
  std::vector<float> trails = {};
  bool constant = false;  // A last element that is always 1.
  // Quantises each element into this many bins, in [0, 255], for contexts and selectors; 0:
  // neither.
  uint32_t bins = 0;
};

// The values as they are, and where one is missing the last one known (0 before the first): what
// a ridge head predicts the change from.
struct HeldEncoderSpec {};

// Symbols with the contexts of a text: orders, words, what followed, kinds.
struct SymbolsEncoderSpec {
  bool one_hot = false;  // Also a vector, for areas.
};

// One symbol as a one-hot vector and one context: a category, a class, the last label.
struct CategoryEncoderSpec {};

// A bank of square patches and the grid that pools their responses.
struct PatchBankSpec {
  uint32_t patch_size = 5;  // Pixels along a side, in [2, 16].
  uint32_t patches = 32;    // In [1, 4096]; multiples of 32 waste nothing.
  uint32_t grid = 4;        // Cells along a side.
};

// Responses of frozen patches, drawn from the first inputs, pooled over a grid, beside the raw
// image at low resolution. Without banks: that alone, which an area may route by.
struct ImageEncoderSpec {
  std::vector<PatchBankSpec> banks = {{.patch_size = 5, .patches = 32, .grid = 4},
                                      {.patch_size = 7, .patches = 64, .grid = 3}};
  uint32_t raw_grid = 7;      // Cells along a side of the raw part; 0: none.
  float threshold = 0.15F;    // Of a response, in [0, 1).
  float epsilon = 0.003F;     // Of contrast normalisation, > 0; pixels in [0, 1], squared.
  float min_contrast = 1.0F;  // Of a patch to be drawn, >= 0: |x - mean x|, pixels in [0, 1].
  uint32_t draw_from = 1000;  // How many first inputs give patches, in [1, 65536].
};

struct EncoderSpec {
  std::string name;
  std::string modality;
  std::variant<RealsEncoderSpec, HeldEncoderSpec, SymbolsEncoderSpec, CategoryEncoderSpec,
               ImageEncoderSpec>
      kind;
};

// ---- Areas.

struct AllRouterSpec {};  // Every region, with equal gates; needs woken = regions.

// LSH: each of the woken regions by a hash of a few quantised inputs, with equal gates.
struct HashRouterSpec {
  uint32_t dimensions = 4;  // In [1, 64].
  float width = 1.0F;       // Of a quantisation step, > 0.
};

// Cosine to frozen prototypes, which inputs found.
struct AnchorRouterSpec {
  float threshold = 0.7F;        // Cosine below which an input founds, in (-1, 1]; 1: any may.
  bool rising = false;           // The threshold rises to 1 in settle_after inputs: all found.
  float chance = 1.0F;           // That it then does, in (0, 1].
  float temperature = 0.1F;      // Of the gates' softmax over cosines, >= 0; 0: equal gates.
  uint32_t settle_after = 2000;  // Inputs after which no region is founded any more; 0: never.
};

// The greatest sigmoid scores, balanced by a bias.
struct LearnedRouterSpec {
  float rate = 0.01F;      // Of the scores' weights, >= 0.
  float balance = 0.001F;  // u of b_e += u (k/N - load_e), >= 0.
};

// Frozen random ReLU features.
struct ExpansionCellSpec {
  float bias = 1.0F;  // Deviation of the units' thresholds, >= 0; a standardised input's is 1.
};

// Picks some of the inputs: a frozen subset per region, so that regions see different features.
struct SubsetCellSpec {
  bool constant = false;  // The last output is always 1.
};

struct DenseCellSpec {};  // Rectified units.

struct GluCellSpec {
  uint32_t hidden = 64;
};

struct McsdCellSpec {
  uint32_t units = 64;
  uint32_t channels = 8;  // Half slope, half decay; divides units.
};

enum class Combine : uint8_t { kSum, kConcatenate };
enum class Asleep : uint8_t { kFreeze, kDecay };

struct AreaSpec {
  std::string name;
  std::vector<std::string> inputs = {};  // Encoders with a vector, or areas before this one.
  Combine combine = Combine::kConcatenate;
  std::string route_by = {};  // An encoder with a vector that the router reads; "": the input.
  bool residual = false;      // Adds the input to the output; needs equal lengths.
  uint32_t outputs = 64;
  uint32_t regions = 1;
  uint32_t woken = 1;      // Per step, always-on ones included, in [1, regions].
  uint32_t always_on = 0;  // The first regions of the area, at most `woken`.
  // A sleeping region's state: stays as it is, or has decayed by the steps that it slept when it
  // wakes, as under inputs of zero; the latter needs an MCSD cell.
  Asleep asleep = Asleep::kFreeze;
  std::variant<AllRouterSpec, HashRouterSpec, AnchorRouterSpec, LearnedRouterSpec> router = {};
  std::variant<ExpansionCellSpec, SubsetCellSpec, DenseCellSpec, GluCellSpec, McsdCellSpec> cell =
      {};
  AreaLearningSpec learning = {};
};

// ---- Experts and heads.

struct MemoryExpertSpec {
  std::string encoder;      // Whose contexts, one row lookup each.
  uint32_t rows_log2 = 17;  // Rows per context at most, in [4, 24].
};

struct MatchExpertSpec {
  std::string encoder;         // A symbols encoder.
  uint32_t min_length = 5;     // Symbols that must agree, in [1, 32].
  uint32_t history_log2 = 20;  // Symbols kept, in [8, 28].
};

// One weight vector per node of the symbol tree over the vectors of areas and encoders.
struct ReadoutExpertSpec {
  std::vector<std::string> inputs;  // Side by side; an absent one counts as 0.
  std::string regions = {};         // An area: a weight vector per region, the woken ones' summed.
  float rate = 0.02F;               // In (0, 10].
  bool normalise = false;           // Divides the rate by 1 + the mean square of the inputs.
  bool calibrate = false;           // A second input: the logit through an adaptive map.
};

// How often the last label repeats, by how long it has stood.
struct RepeatExpertSpec {
  std::string encoder;  // A category encoder of the last known label.
};

struct ExpertSpec {
  std::string name;
  std::variant<MemoryExpertSpec, MatchExpertSpec, ReadoutExpertSpec, RepeatExpertSpec> kind;
};

// One set of weight vectors of a mixing head: which one is used is the product of what `factors`
// name, each "<encoder>.<selector number>", "<expert>.<signal number>", "node" or "depth".
struct WeightSetSpec {
  std::vector<std::string> factors;
};

// After the mixer: a map from (context, quantised probability) to probability.
struct ProbabilityMapSpec {
  std::vector<std::string> factors;  // As above; hashed into the rows if too many.
  uint32_t rows_log2 = 16;
  float rate = 0.02F;  // Of its cells, in (0, 1].
};

struct MixingHeadSpec {
  std::vector<ExpertSpec> experts;
  std::vector<WeightSetSpec> sets;
  // What picks the last vector, which weighs the sets' results; none: "node".
  std::vector<std::string> last;
  std::vector<ProbabilityMapSpec> maps;
  float first_weight = 0.2F;   // Of every input in every set.
  float rate_first = 0.02F;    // Of a weight vector at its first visit,
  float rate_last = 0.002F;    // in the long run,
  float rate_visits = 300.0F;  // and the visits that lie between.
  float final_rate = 0.002F;
};

// Logistic regression over many classes, which sends its gradient down.
struct SoftmaxHeadSpec {
  std::string input;   // An area or an encoder with a vector.
  float rate = 0.01F;  // In (0, 10].
  Optimiser optimiser = Optimiser::kRmsprop;
  float beta = 0.99F;  // RMSprop's memory, in [0, 1).
};

enum class RidgeForm : uint8_t { kCovariance, kInformation };

// Least squares over frozen features: class scores (one-hot targets) or reals.
struct RidgeHeadSpec {
  std::string area = {};                 // Whose woken regions each have a readout of their own;
                                         // "": one readout over `inputs`.
  std::vector<std::string> inputs = {};  // Encoders and areas that every readout reads as well.
  RidgeForm form = RidgeForm::kCovariance;
  float lambda = 1.0F;         // > 0.
  float forget = 1.0F;         // In (0, 1]; 1 keeps the readout free of order. kInformation: 1.
  uint32_t solve_every = 64;   // kInformation: samples of a region until its weights are solved.
  bool weigh_by_gate = false;  // A sample counts as its gate does: by gate x woken, else by 1.
  std::string reference = {};  // Reals: an encoder whose first elements the target is near; what is
                               // learned is the difference,
  uint32_t prove_over = 0;     // served as far as it was right over so many samples; 0: in full.
};

// Least squares whose weights drift: reals with their uncertainty. What is noise is in units of
// each output's observation noise.
struct KalmanHeadSpec {
  std::string area = {};                 // As of a ridge head.
  std::vector<std::string> inputs = {};  // As of a ridge head.
  float lambda = 1.0F;                   // > 0; a weight's variance is 1 / lambda at the start.
  float process_noise = 1e-5F;           // Q per step, >= 0.
  float observation_noise = 1.0F;        // A variance, > 0; where the next is set, its start.
  bool learn_noise = true;               // From residuals, per region and output.
  std::string reference = {};            // As of a ridge head.
};

// Learns one target. The first head is the brain's answer.
struct HeadSpec {
  std::string name;
  uint32_t classes = 0;  // Symbols or classes, in [2, 256]; 0 for reals.
  uint32_t outputs = 0;  // Length of a real target; 0 for classes.
  std::variant<MixingHeadSpec, SoftmaxHeadSpec, RidgeHeadSpec, KalmanHeadSpec> kind;
  OutputLimitsSpec limits = {};
};

// ---- The brain.

// What one user's fork of the brain may take: see runtime/users.h.
struct UsersSpec {
  uint32_t resident_bytes = 64 << 10;  // Of memory, for blocks of its own; at least 4096.
  uint32_t stored_bytes = 1 << 20;     // On the disk, with where its stream stands.
};

struct BrainSpec {
  std::string name;
  uint64_t seed = 1;
  std::vector<ModalitySpec> modalities;
  std::vector<EncoderSpec> encoders;
  std::vector<AreaSpec> areas;
  std::vector<HeadSpec> heads;
  // The target of a step: given by Learn, or the value of this modality `next` steps later.
  uint32_t target_next = 0;          // 0: given by Learn.
  std::string target_modality;       // With target_next: which.
  std::string last_target_modality;  // A modality that carries the last known target, or "".
  uint32_t label_window = 1;         // Steps for which a label may come late, in [1, 65536].
  // Beside learning in the background: how old what is served may get, in (0, 1e6] milliseconds.
  float publish_every_ms = 10.0F;
  ReplaySpec replay = {};
  GuardSpec guard = {};
  DriftSpec drift = {};
  UsersSpec users = {};
  SchemaSpec schema = {};
};

}  // namespace gyrus
