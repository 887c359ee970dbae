// spec/env.h: env files, and the environment made of them.
#include "spec/env.h"

#include <set>

#include "fuzz.h"

using namespace sup;
using sup::fuzz::require;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  Spec spec;
  const auto good = [](const EnvEntry& e) {
    return !e.key.empty() && e.key.find_first_of(std::string_view("=\0", 2)) == std::string::npos &&
           (!e.value || e.value->find('\0') == std::string::npos);
  };
  if (auto entries = parse_env_file(bytes, "file")) {
    for (const auto& e : *entries) require(good(e), "an entry of a file has a name, and no NUL");
    spec.env = *entries;
  } else {
    require(entries.error().status == 125 && !entries.error().line().empty(), "an error says why");
  }
  if (auto entry = parse_env_entry(bytes)) {
    require(good(*entry), "an entry has a name, and no NUL");
    spec.env.push_back(*entry);
  }
  for (const bool clear : {false, true}) {
    spec.clear_env = clear;
    spec.tty = !clear;
    const auto environment = build_environment(spec, {"PATH=/bin", "A=1", "A=2", "no equals"}, "/root");
    std::set<std::string> names;
    for (const auto& e : environment) require(names.insert(e.substr(0, e.find('='))).second, "each name once");
    require(env_value(environment, "container") == "sup", "container=sup");
  }
  return 0;
}
