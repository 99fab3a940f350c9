// Whether models share lane time by their weights.
//
// While two models both have tasks waiting, the lane time given to each, divided by its weight,
// grows alike: the difference varies by at most one batch of each. (Goyal, Vin and Cheng,
// Start-time Fair Queueing, SIGCOMM 1996, theorem 1.)
#ifndef SISKIN_TESTS_SIMULATION_FAIR_SHARES_H_
#define SISKIN_TESTS_SIMULATION_FAIR_SHARES_H_

#include <vector>

namespace siskin::simulation {

class FairShares {
 public:
  explicit FairShares(std::vector<double> weights);

  // `model` was given `cost` of lane time.
  void Give(int model, double cost);
  // Whether tasks of `model` wait that any free lane would take.
  void SetBacklogged(int model, bool backlogged);
  // By how much the worst pair exceeds the bound; 0 or less if none does.
  double Excess() const;

 private:
  struct Share {
    double weight = 1;
    double given = 0;    // by weight
    double largest = 0;  // batch, by weight
    bool backlogged = false;
  };
  // The range of the difference of two shares, since both are backlogged.
  struct Pair {
    int a = 0;
    int b = 0;
    bool both = false;
    double least = 0;
    double most = 0;
  };
  void Widen(Pair& pair) const;

  std::vector<Share> shares_;
  std::vector<Pair> pairs_;
};

}  // namespace siskin::simulation

#endif  // SISKIN_TESTS_SIMULATION_FAIR_SHARES_H_
