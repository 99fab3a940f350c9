#include "tests/simulation/fair_shares.h"

#include <algorithm>
#include <limits>

namespace siskin::simulation {

FairShares::FairShares(std::vector<double> weights) {
  for (const double weight : weights) {
    const int b = static_cast<int>(shares_.size());
    for (int a = 0; a < b; ++a) pairs_.push_back({.a = a, .b = b});
    shares_.push_back({.weight = weight});
  }
}

void FairShares::Give(int model, double cost) {
  Share& share = shares_[model];
  share.given += cost / share.weight;
  share.largest = std::max(share.largest, cost / share.weight);
  for (Pair& pair : pairs_) {
    if (pair.both && (pair.a == model || pair.b == model)) Widen(pair);
  }
}

void FairShares::SetBacklogged(int model, bool backlogged) {
  if (shares_[model].backlogged == backlogged) return;
  shares_[model].backlogged = backlogged;
  for (Pair& pair : pairs_) {
    if (pair.a != model && pair.b != model) continue;
    pair.both = shares_[pair.a].backlogged && shares_[pair.b].backlogged;
    pair.least = std::numeric_limits<double>::infinity();
    pair.most = -pair.least;
    if (pair.both) Widen(pair);
  }
}

void FairShares::Widen(Pair& pair) const {
  const double difference = shares_[pair.a].given - shares_[pair.b].given;
  pair.least = std::min(pair.least, difference);
  pair.most = std::max(pair.most, difference);
}

double FairShares::Excess() const {
  double worst = 0;
  for (const Pair& pair : pairs_) {
    if (!pair.both) continue;
    const double bound = shares_[pair.a].largest + shares_[pair.b].largest;
    worst = std::max(worst, pair.most - pair.least - bound);
  }
  return worst;
}

}  // namespace siskin::simulation
