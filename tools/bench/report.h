// What was measured, as a table for people and as JSON for programs.
#pragma once
#include <cstdio>
#include <optional>
#include <string>
#include <vector>

namespace bench {

// Enough of one side's samples. Times in microseconds, rates in MB/s, sizes in KiB: Row::unit says which.
struct Summary {
  double p25 = 0;
  double p50 = 0;
  std::size_t count = 0;
};
Summary summarize(std::vector<double> samples);

// `unit` of the figures; `digits` behind the point.
struct Row {
  std::string measure;
  std::string peer;                 // whom it is held against; empty: nobody
  std::string unit;
  int digits = 0;
  std::optional<Summary> ours;
  std::optional<Summary> theirs;
  std::string absent;               // why there is no figure; then nothing is judged
  std::string failed;               // why there should have been one; then it is a FAIL
  std::optional<double> bar;        // null: information
  bool at_most = true;              // the ratio (or the figure) must be at most the bar, else at least
  bool absolute = false;            // the bar holds for our figure itself, not for the ratio
};

enum class Verdict { pass, fail, none };
Verdict judge(const Row& row);

// ratio of the medians; null where a side is missing
std::optional<double> ratio(const Row& row);

class Report {
 public:
  // Prints the row at once: a run takes minutes. A row whose `measure` starts with another word gets a line between.
  void add(Row row);
  [[nodiscard]] bool all_passed() const;
  // False, and errno, when it cannot be written.
  bool write_json(const std::string& path, const std::string& machine) const;

 private:
  std::vector<Row> rows_;
};

}  // namespace bench
