// `sup doctor`: what of this machine sup needs, whether it is there, and the command that mends it.
#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "face/cli/verb.h"
#include "face/looks.h"
#include "face/print.h"
#include "sys/checkup.h"

namespace sup::cli {
namespace {

struct Look {
  std::string_view word;
  std::string_view colour;
};
// By Finding::Status.
constexpr std::array<Look, 3> kLooks{{{"ok", "\x1b[32m"}, {"warn", "\x1b[33m"}, {"fail", "\x1b[31m"}}};

const Look& look(Finding::Status status) { return kLooks[static_cast<std::size_t>(status)]; }

std::string as_text(const std::vector<Finding>& findings) {
  std::size_t width = 0;
  for (const Finding& f : findings) width = std::max(width, f.name.size());
  const bool coloured = colours(1);
  std::string text;
  for (const Finding& f : findings) {
    const Look& l = look(f.status);
    if (coloured) text += l.colour;
    text += l.word;
    if (coloured) text += "\x1b[0m";
    text += std::string(6 - l.word.size(), ' ') + f.name + std::string(width + 2 - f.name.size(), ' ') +
            printable(f.seen) + "\n";
    if (!f.fix.empty()) text += std::string(6 + width + 2, ' ') + "-> " + printable(f.fix) + "\n";
  }
  return text;
}

std::string as_json(const std::vector<Finding>& findings) {
  auto out = nlohmann::ordered_json::array();
  for (const Finding& f : findings) {
    nlohmann::ordered_json row;
    row["name"] = f.name;
    row["status"] = look(f.status).word;
    row["seen"] = f.seen;
    row["fix"] = f.fix.empty() ? nlohmann::ordered_json() : nlohmann::ordered_json(f.fix);
    out.push_back(std::move(row));
  }
  return out.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

class DoctorVerb : public Verb {
 public:
  std::vector<Option> options() override { return {format_option(json_)}; }

  Result<int> run(const Globals&, std::vector<std::string> operands) override {
    if (!operands.empty()) return usage("doctor", "takes no arguments");
    const std::vector<Finding> findings = checkup(SUP_VERSION);
    if (auto printed = print(json_ ? as_json(findings) : as_text(findings)); !printed) return printed;
    const bool bad = std::ranges::any_of(findings, [](const Finding& f) { return f.status == Finding::Status::fail; });
    return bad ? 125 : 0;
  }

 private:
  bool json_ = false;
};

}  // namespace

std::unique_ptr<Verb> make_doctor() { return std::make_unique<DoctorVerb>(); }

}  // namespace sup::cli
