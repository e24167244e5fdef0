// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <utility>
#include <vector>

// Trained cells written plainly in double precision: the oracle of the float32 code, and slow.
// Parameters are one vector, tensor after tensor as in the cell's layout, row-major.
namespace gyrus::test {

using Doubles = std::vector<double>;
using Sequence = std::vector<Doubles>;

inline double Sigmoid(double x) { return 1.0 / (1.0 + std::exp(-x)); }
inline double Silu(double x) { return x * Sigmoid(x); }
inline double SiluSlope(double x) { return Sigmoid(x) * (1.0 + x * (1.0 - Sigmoid(x))); }

// The matrix of `rows` rows at w, times x.
inline Doubles Times(const double* w, std::size_t rows, const Doubles& x) {
  Doubles y(rows);
  for (std::size_t i = 0; i < rows; ++i) {
    for (std::size_t j = 0; j < x.size(); ++j) y[i] += w[i * x.size() + j] * x[j];
  }
  return y;
}

// dw += dy x^T, dx += W^T dy.
inline void TimesBackward(const double* w, const Doubles& x, const Doubles& dy, double* dw,
                          Doubles* dx) {
  for (std::size_t i = 0; i < dy.size(); ++i) {
    for (std::size_t j = 0; j < x.size(); ++j) {
      dw[i * x.size() + j] += dy[i] * x[j];
      (*dx)[j] += w[i * x.size() + j] * dy[i];
    }
  }
}

// What a cell does over a sequence, forwards and backwards.
struct CellGradients {
  Doubles parameters = {};
  Sequence dx = {};     // By step.
  Doubles dstate = {};  // At the start.
};

class ReferenceCell {
 public:
  virtual ~ReferenceCell() = default;

  // Returns the outputs and leaves the last state in *state.
  virtual Sequence Forward(const double* w, const Sequence& x, Doubles* state) const = 0;

  // Backpropagation through the whole sequence. dstate: dL/d last state.
  virtual CellGradients Backward(const double* w, const Sequence& x, const Doubles& state,
                                 const Sequence& dy, const Doubles& dstate) const = 0;
};

class ReferenceDense final : public ReferenceCell {
 public:
  ReferenceDense(std::size_t inputs, std::size_t outputs) : inputs_(inputs), outputs_(outputs) {}

  Sequence Forward(const double* w, const Sequence& xs, Doubles*) const override {
    Sequence ys;
    for (const Doubles& x : xs) {
      Doubles y = Times(w, outputs_, x);
      for (std::size_t i = 0; i < outputs_; ++i) y[i] = std::max(0.0, y[i] + Bias(w)[i]);
      ys.push_back(y);
    }
    return ys;
  }

  CellGradients Backward(const double* w, const Sequence& xs, const Doubles&, const Sequence& dys,
                         const Doubles&) const override {
    const Sequence ys = Forward(w, xs, nullptr);
    CellGradients out{.parameters = Doubles((inputs_ + 1) * outputs_)};
    for (std::size_t t = 0; t < xs.size(); ++t) {
      Doubles da = dys[t];
      for (std::size_t i = 0; i < outputs_; ++i) {
        if (ys[t][i] == 0.0) da[i] = 0.0;
        out.parameters[inputs_ * outputs_ + i] += da[i];
      }
      out.dx.emplace_back(inputs_);
      TimesBackward(w, xs[t], da, out.parameters.data(), &out.dx[t]);
    }
    return out;
  }

 private:
  const double* Bias(const double* w) const { return w + inputs_ * outputs_; }

  std::size_t inputs_, outputs_;
};

class ReferenceGlu final : public ReferenceCell {
 public:
  ReferenceGlu(std::size_t inputs, std::size_t hidden, std::size_t outputs)
      : inputs_(inputs), hidden_(hidden), outputs_(outputs) {}

  Sequence Forward(const double* w, const Sequence& xs, Doubles*) const override {
    Sequence ys;
    for (const Doubles& x : xs) {
      const Doubles g = Times(w, hidden_, x);
      const Doubles u = Times(w + hidden_ * inputs_, hidden_, x);
      Doubles z(hidden_);
      for (std::size_t j = 0; j < hidden_; ++j) z[j] = Silu(g[j]) * u[j];
      ys.push_back(Times(w + 2 * hidden_ * inputs_, outputs_, z));
    }
    return ys;
  }

  CellGradients Backward(const double* w, const Sequence& xs, const Doubles&, const Sequence& dys,
                         const Doubles&) const override {
    const double* const w_u = w + hidden_ * inputs_;
    const double* const w_d = w + 2 * hidden_ * inputs_;
    CellGradients out{.parameters = Doubles((2 * inputs_ + outputs_) * hidden_)};
    double* const dw = out.parameters.data();
    for (std::size_t t = 0; t < xs.size(); ++t) {
      const Doubles g = Times(w, hidden_, xs[t]);
      const Doubles u = Times(w_u, hidden_, xs[t]);
      Doubles z(hidden_), dz(hidden_), dg(hidden_), du(hidden_), dx(inputs_);
      for (std::size_t j = 0; j < hidden_; ++j) z[j] = Silu(g[j]) * u[j];
      TimesBackward(w_d, z, dys[t], dw + 2 * hidden_ * inputs_, &dz);
      for (std::size_t j = 0; j < hidden_; ++j) {
        dg[j] = dz[j] * u[j] * SiluSlope(g[j]);
        du[j] = dz[j] * Silu(g[j]);
      }
      TimesBackward(w, xs[t], dg, dw, &dx);
      TimesBackward(w_u, xs[t], du, dw + hidden_ * inputs_, &dx);
      out.dx.push_back(dx);
    }
    return out;
  }

 private:
  std::size_t inputs_, hidden_, outputs_;
};

class ReferenceMcsd final : public ReferenceCell {
 public:
  // decays: by channel, as the cell rounds them.
  ReferenceMcsd(std::size_t inputs, std::size_t units, std::size_t outputs,
                std::span<const float> decays)
      : inputs_(inputs), units_(units), outputs_(outputs) {
    for (std::size_t j = 0; j < units; ++j) a_.push_back(decays[j * decays.size() / units]);
  }

  Sequence Forward(const double* w, const Sequence& xs, Doubles* state) const override {
    Sequence ys;
    for (const Doubles& x : xs) {
      const Doubles u = Times(w, units_, x);
      const Doubles v = Times(w + units_ * inputs_, units_, x);
      for (std::size_t j = 0; j < units_; ++j) {
        (*state)[j] = a_[j] * (*state)[j] + (1.0 - a_[j]) * v[j];
      }
      ys.push_back(Times(w + 2 * units_ * inputs_, outputs_, Gated(u, *state)));
    }
    return ys;
  }

  CellGradients Backward(const double* w, const Sequence& xs, const Doubles& state,
                         const Sequence& dys, const Doubles& dstate) const override {
    const double* const w_v = w + units_ * inputs_;
    const double* const w_o = w + 2 * units_ * inputs_;
    Sequence h;  // After each step.
    for (std::size_t t = 0; t < xs.size(); ++t) {
      const Doubles v = Times(w_v, units_, xs[t]);
      h.push_back(t == 0 ? state : h.back());
      for (std::size_t j = 0; j < units_; ++j) h[t][j] = a_[j] * h[t][j] + (1.0 - a_[j]) * v[j];
    }
    CellGradients out{.parameters = Doubles((2 * inputs_ + outputs_) * units_),
                      .dx = Sequence(xs.size()),
                      .dstate = dstate};
    double* const dw = out.parameters.data();
    for (std::size_t t = xs.size(); t-- > 0;) {
      const Doubles u = Times(w, units_, xs[t]);
      Doubles dz(units_), du(units_), dv(units_), dx(inputs_);
      TimesBackward(w_o, Gated(u, h[t]), dys[t], dw + 2 * units_ * inputs_, &dz);
      const double s = InverseRms(h[t]);
      double inner = 0.0;  // sum of h_j times the gradient of the normalised h_j.
      for (std::size_t j = 0; j < units_; ++j) inner += h[t][j] * dz[j] * Silu(u[j]);
      for (std::size_t j = 0; j < units_; ++j) {
        du[j] = dz[j] * s * h[t][j] * SiluSlope(u[j]);
        const double through_norm =
            s * dz[j] * Silu(u[j]) - s * s * s * h[t][j] * inner / static_cast<double>(units_);
        const double dh = out.dstate[j] + through_norm;
        dv[j] = (1.0 - a_[j]) * dh;
        out.dstate[j] = a_[j] * dh;
      }
      TimesBackward(w, xs[t], du, dw, &dx);
      TimesBackward(w_v, xs[t], dv, dw + units_ * inputs_, &dx);
      out.dx[t] = dx;
    }
    return out;
  }

 private:
  double InverseRms(const Doubles& h) const {
    double squares = 0.0;
    for (const double value : h) squares += value * value;
    return 1.0 / std::sqrt(squares / static_cast<double>(units_) + 1e-6);
  }

  Doubles Gated(const Doubles& u, const Doubles& h) const {
    Doubles z(units_);
    for (std::size_t j = 0; j < units_; ++j) z[j] = Silu(u[j]) * InverseRms(h) * h[j];
    return z;
  }

  std::size_t inputs_, units_, outputs_;
  Doubles a_;
};

}  // namespace gyrus::test
