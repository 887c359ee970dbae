#include "face/daemon.h"

#include "base/text.h"
#include "core/eventlog.h"
#include "core/pool.h"
#include "face/cli/verb.h"

namespace sup::cli {
namespace {

class DaemonVerb : public Verb {
 public:
  std::vector<Option> options() override {
    std::vector<Option> o;
    o.push_back({0, "idle-exit", "DURATION", "leave when there has been no container for so long", "",
                 [this](std::string_view v) -> Result<void> {
                   auto parsed = parse_duration(v, "--idle-exit");
                   if (!parsed) return std::unexpected(parsed.error());
                   daemon_.idle = *parsed;
                   return {};
                 }});
    o.push_back({0, "pool", "N",
                 "keep N inits made in advance, for starts that cost no more than a fork and exec; 0: none",
                 "a few, more while many are started", [this](std::string_view v) -> Result<void> {
                   const auto count = parse_unsigned<std::size_t>(v);
                   if (!count || *count > kMaxPool)
                     return usage("--pool " + printable(v), "not a number from 0 to " + std::to_string(kMaxPool));
                   daemon_.pool = count;
                   return {};
                 }});
    o.push_back(
        {0, "state-dir", "DIR",
         "have containers with --restart always or unless-stopped come back with the supervisor: they are noted there",
         "", [this](std::string_view v) -> Result<void> {
           if (!v.starts_with('/')) return usage("--state-dir " + printable(v), "not an absolute path");
           daemon_.state_dir = v;
           return {};
         }});
    o.push_back({0, "ready-fd", "FD", "close this descriptor once clients are served", "",
                 [this](std::string_view v) -> Result<void> {
                   const auto fd = parse_unsigned<unsigned>(v);
                   if (!fd || *fd > 1U << 20) return usage("--ready-fd " + printable(v), "not a descriptor");
                   daemon_.ready_fd = static_cast<int>(*fd);
                   return {};
                 }});
    const auto descriptor = [](int& to, std::string option) {
      return [&to, option = std::move(option)](std::string_view v) -> Result<void> {
        const auto fd = parse_unsigned<unsigned>(v);
        if (!fd || *fd > 1U << 20) return usage(option + " " + printable(v), "not a descriptor");
        to = static_cast<int>(*fd);
        return {};
      };
    };
    o.push_back({0, "resume", "FD", "go on from the state there; for sup reload", "",
                 descriptor(daemon_.resume_fd, "--resume")});
    o.push_back({0, "try-state", "FD", "say whether the state there could be gone on from; for sup reload", "",
                 descriptor(try_state_, "--try-state")});
    return o;
  }

  Result<int> run(const Globals& globals, std::vector<std::string> operands) override {
    if (!operands.empty()) return usage("daemon", "takes no arguments", "see sup daemon --help");
    if (try_state_ >= 0) return try_state(try_state_);
    if (auto named = EventLog::descriptor(globals.events); !named) return std::unexpected(std::move(named.error()));
    if (!globals.supervisor.empty()) daemon_.name = globals.supervisor;
    return run_daemon(globals, daemon_);
  }

 private:
  DaemonOptions daemon_;
  int try_state_ = -1;
};

}  // namespace

std::unique_ptr<Verb> make_daemon() { return std::make_unique<DaemonVerb>(); }

}  // namespace sup::cli
