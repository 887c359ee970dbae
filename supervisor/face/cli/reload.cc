// reload: a supervisor becomes this version of sup, or another, in place.
#include <unistd.h>

#include <climits>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "face/cli/verb.h"
#include "face/control/client.h"
#include "face/print.h"
#include "face/progress.h"
#include "spec/jsonmember.h"
#include "spec/spec_json.h"

namespace sup::cli {
namespace {

// This program's file. Empty: it has been removed meanwhile.
std::string own_program() {
  char path[PATH_MAX];
  const ssize_t n = ::readlink("/proc/self/exe", path, sizeof path);
  if (n <= 0 || static_cast<std::size_t>(n) >= sizeof path) return {};
  std::string own(path, static_cast<std::size_t>(n));
  return ::access(own.c_str(), X_OK) == 0 ? own : std::string();
}

class ReloadVerb : public Verb {
 public:
  std::vector<Option> options() override {
    std::vector<Option> o;
    o.push_back(
        {0, "exec", "PROGRAM", "become this sup", "the one that is asked", [this](std::string_view v) -> Result<void> {
           if (!v.starts_with('/'))
             return usage("--exec " + printable(v), "not an absolute path",
                          "the supervisor has another working directory");
           program_ = v;
           return {};
         }});
    return o;
  }

  Result<int> run(const Globals& globals, std::vector<std::string> operands) override {
    if (!operands.empty()) return usage("reload", "takes no arguments", "name a supervisor with -S");
    if (program_.empty()) program_ = own_program();
    if (program_.empty()) return usage("reload", "this program's file is gone", "name another with --exec");
    auto client = control::Client::connect(globals.supervisor.empty() ? "default" : globals.supervisor);
    if (!client) return std::unexpected(client.error());
    auto request = client->send("supervisor.reload", {{"program", bytes_to_json(program_)}});
    if (!request) return std::unexpected(request.error());
    Progress progress("reload", 1);
    auto answer = client->answer(*request, [&] { progress.show(0, client->supervisor()); });
    progress.wipe();
    if (!answer) return std::unexpected(answer.error());
    return print(client->supervisor() + ": reloaded, version " + printable(text_in(*answer, "version", "?")) + "\n");
  }

 private:
  std::string program_;
};

}  // namespace

std::unique_ptr<Verb> make_reload() { return std::make_unique<ReloadVerb>(); }

}  // namespace sup::cli
