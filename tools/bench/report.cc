#include "report.h"

#include <algorithm>
#include <cmath>

namespace bench {
namespace {

constexpr int kMeasure = 40;
constexpr int kPeer = 12;

std::string figure(const Row& row, const std::optional<Summary>& side) {
  if (!side) return "-";
  char text[64];
  std::snprintf(text, sizeof text, "%.*f %s", row.digits, side->p50, row.unit.c_str());
  return text;
}

std::string number(std::optional<double> value) {
  if (!value) return "-";
  char text[32];
  std::snprintf(text, sizeof text, "%.2f", *value);
  return text;
}

std::string bar_text(const Row& row) {
  if (!row.bar) return "";
  char text[64];
  if (row.absolute) {
    std::snprintf(text, sizeof text, "%s %.*f %s", row.at_most ? "<=" : ">=", row.digits, *row.bar, row.unit.c_str());
  } else {
    std::snprintf(text, sizeof text, "%s %.2f", row.at_most ? "<=" : ">=", *row.bar);
  }
  return text;
}

std::optional<double> quotient(double a, double b) {
  if (b <= 0) return std::nullopt;
  return a / b;
}

std::optional<double> ratio_p25(const Row& row) {
  if (!row.ours || !row.theirs) return std::nullopt;
  return quotient(row.ours->p25, row.theirs->p25);
}

std::string_view word(Verdict verdict) {
  switch (verdict) {
    case Verdict::pass: return "pass";
    case Verdict::fail: return "FAIL";
    case Verdict::none: break;
  }
  return "";
}

void heading() {
  std::printf("%-*s %-*s %14s %14s %7s %7s  %-14s\n", kMeasure, "measure", kPeer, "against", "sup", "the other",
              "ratio", "at p25", "bar");
}

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    if (static_cast<unsigned char>(c) < 0x20) {
      char escape[8];
      std::snprintf(escape, sizeof escape, "\\u%04x", static_cast<unsigned>(static_cast<unsigned char>(c)));
      out += escape;
    } else {
      out += c;
    }
  }
  return out + '"';
}

std::string json_number(std::optional<double> value) {
  if (!value || !std::isfinite(*value)) return "null";
  char text[32];
  std::snprintf(text, sizeof text, "%.6g", *value);
  return text;
}

std::string json_side(const std::optional<Summary>& side) {
  if (!side) return "null";
  return "{\"p50\":" + json_number(side->p50) + ",\"p25\":" + json_number(side->p25) +
         ",\"runs\":" + std::to_string(side->count) + "}";
}

}  // namespace

Summary summarize(std::vector<double> samples) {
  Summary s;
  s.count = samples.size();
  if (samples.empty()) return s;
  std::ranges::sort(samples);
  const auto last = samples.size() - 1;
  s.p25 = samples[last / 4];
  s.p50 = (samples[last / 2] + samples[(last + 1) / 2]) / 2;
  return s;
}

std::optional<double> ratio(const Row& row) {
  if (!row.ours || !row.theirs) return std::nullopt;
  return quotient(row.ours->p50, row.theirs->p50);
}

Verdict judge(const Row& row) {
  if (!row.failed.empty()) return Verdict::fail;
  if (!row.bar || !row.absent.empty()) return Verdict::none;
  const auto value = row.absolute ? (row.ours ? std::optional(row.ours->p50) : std::nullopt) : ratio(row);
  if (!value) return Verdict::none;
  return (row.at_most ? *value <= *row.bar : *value >= *row.bar) ? Verdict::pass : Verdict::fail;
}

void Report::add(Row row) {
  const auto topic = [](const Row& r) { return r.measure.substr(0, r.measure.find(':')); };
  if (rows_.empty()) {
    heading();
  } else if (topic(rows_.back()) != topic(row)) {
    std::putchar('\n');
  }
  if (!row.absent.empty()) {
    std::printf("%-*s %-*s %14s %14s %7s %7s  %s\n", kMeasure, row.measure.c_str(), kPeer, row.peer.c_str(), "-", "-",
                "-", "-", row.absent.c_str());
  } else if (!row.failed.empty()) {
    std::printf("%-*s %-*s %14s %14s %7s %7s  FAIL: %s\n", kMeasure, row.measure.c_str(), kPeer, row.peer.c_str(), "-",
                "-", "-", "-", row.failed.c_str());
  } else {
    std::printf("%-*s %-*s %14s %14s %7s %7s  %-14s %s\n", kMeasure, row.measure.c_str(), kPeer, row.peer.c_str(),
                figure(row, row.ours).c_str(), figure(row, row.theirs).c_str(), number(ratio(row)).c_str(),
                number(ratio_p25(row)).c_str(), bar_text(row).c_str(), std::string(word(judge(row))).c_str());
  }
  std::fflush(stdout);
  rows_.push_back(std::move(row));
}

bool Report::all_passed() const {
  return std::ranges::none_of(rows_, [](const Row& row) { return judge(row) == Verdict::fail; });
}

bool Report::write_json(const std::string& path, const std::string& machine) const {
  std::FILE* file = std::fopen(path.c_str(), "we");
  if (file == nullptr) return false;
  std::fprintf(file, "{\"machine\":%s,\n\"rows\":[", machine.c_str());
  const char* separator = "\n";
  for (const auto& row : rows_) {
    const Verdict verdict = judge(row);
    const bool judged = verdict != Verdict::none;
    std::fprintf(
        file,
        "%s{\"measure\":%s,\"against\":%s,\"unit\":%s,\"sup\":%s,\"other\":%s,\"ratio\":%s,\"ratio_p25\":%s,\"bar\":%s,\"bar_is\":%s,\"verdict\":%s",
        separator, quoted(row.measure).c_str(), quoted(row.peer).c_str(), quoted(row.unit).c_str(),
        json_side(row.ours).c_str(), json_side(row.theirs).c_str(), json_number(ratio(row)).c_str(),
        json_number(ratio_p25(row)).c_str(), json_number(row.bar).c_str(),
        !row.bar       ? "null"
        : row.absolute ? "\"figure\""
                       : "\"ratio\"",
        judged ? quoted(verdict == Verdict::pass ? "pass" : "fail").c_str() : "null");
    if (!row.absent.empty()) std::fprintf(file, ",\"absent\":%s", quoted(row.absent).c_str());
    if (!row.failed.empty()) std::fprintf(file, ",\"failed\":%s", quoted(row.failed).c_str());
    std::fputs("}", file);
    separator = ",\n";
  }
  std::fputs("\n]}\n", file);
  const bool written = std::ferror(file) == 0;
  return (std::fclose(file) == 0) && written;
}

}  // namespace bench
