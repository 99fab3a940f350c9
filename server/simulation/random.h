// Pseudo-random numbers: the same from the same seed, on every machine.
#ifndef SISKIN_SERVER_SIMULATION_RANDOM_H_
#define SISKIN_SERVER_SIMULATION_RANDOM_H_

#include <cmath>
#include <cstdint>

namespace siskin::simulation {

// SplitMix64 (Steele, Lea and Flood 2014): any seed is a good one, so that schedules may be counted
// through. Drawing is a few instructions, where std::mt19937 fills 2.5 kB first.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}

  uint64_t Next() {
    uint64_t z = (state_ += 0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }

  double Uniform() { return static_cast<double>(Next() >> 11) * 0x1p-53; }  // [0, 1)
  double Uniform(double least, double most) { return least + (most - least) * Uniform(); }
  // With as many values in 1..10 as in 10..100.
  double LogUniform(double least, double most) {
    return least * std::exp(std::log(most / least) * Uniform());
  }
  double Exponential() { return -std::log(1 - Uniform()); }  // of mean 1
  int Below(int count) { return static_cast<int>(Uniform() * count); }
  int Between(int least, int most) { return least + Below(most - least + 1); }
  bool Chance(double probability) { return Uniform() < probability; }

 private:
  uint64_t state_;
};

}  // namespace siskin::simulation

#endif  // SISKIN_SERVER_SIMULATION_RANDOM_H_
