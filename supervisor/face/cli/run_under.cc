#include "face/cli/run_under.h"

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/container.h"
#include "core/recorder.h"
#include "face/attachment.h"
#include "face/console.h"
#include "face/control/client.h"
#include "face/daemon.h"
#include "face/lastword.h"
#include "face/pidfile.h"
#include "face/print.h"
#include "face/say.h"
#include "spec/jsonmember.h"
#include "spec/keys.h"
#include "spec/spec_json.h"

namespace sup::cli {
namespace {

Result<control::Client> supervisor_for(const Globals& globals) {
  return ensure_supervisor(globals.supervisor.empty() ? "default" : globals.supervisor);
}

nlohmann::json request_for(Spec spec, const Facts& facts) {
  // The caller's own, which is none of the supervisor's business.
  spec.status_fd = -1;
  spec.pidfile.clear();
  spec.cidfile.clear();
  spec.record.clear();
  nlohmann::json params = {{"spec", spec_to_json(spec)}, {"cwd", bytes_to_json(facts.cwd)}};
  auto environ = nlohmann::json::array();
  for (const auto& entry : facts.environ) environ.push_back(bytes_to_json(entry));
  params["environ"] = std::move(environ);
  return params;
}

// What the caller's process holds or does while it is attached: the files that say who runs, the recording, the last word.
class Caller {
 public:
  Result<void> prepare(const Spec& spec, const winsize& size) {
    if (auto r = last_word_.open(spec); !r) return r;
    if (auto r = pidfile_.prepare(spec.pidfile); !r) return r;
    if (auto r = cidfile_.prepare(spec.cidfile); !r) return r;
    if (spec.record.empty()) return {};
    auto recorder = Recorder::open(spec.record, size, spec);
    if (!recorder) return std::unexpected(recorder.error());
    recorder_ = std::move(*recorder);
    path_ = spec.record;
    size_ = size;
    return {};
  }

  // The command runs.
  Result<void> started(const std::string& id, pid_t pid) {
    if (pid > 0) pidfile_.write(pid);
    return cidfile_.write(id);
  }

  // It never ran.
  void failed(const Spec& spec, const Error& error) {
    Outcome outcome;
    outcome.reason = Reason::sup_error;
    outcome.error = error;
    last_word_.say({}, spec.name, outcome, outcome.shell_status());
  }

  void show(AttachmentOptions& options) {
    options.ended = [this](std::string_view json, int status) {
      if (recorder_) recorder_->ended(status);
      last_word_.say(json);
    };
    if (!recorder_) return;
    options.recorded = [this](std::string_view bytes) { record([&] { recorder_->output(bytes); }); };
    options.resized = [this](const winsize& size) {
      if (size.ws_row == size_.ws_row && size.ws_col == size_.ws_col) return;
      size_ = size;
      record([&] { recorder_->resized(size); });
    };
  }

 private:
  template <class What>
  void record(const What& what) {
    if (!recorder_ || recorder_->failed() != 0) return;
    what();
    if (recorder_->failed() == 0) return;
    say_now(Error{.code = "E_RECORD",
                  .where = "--record",
                  .what = path_,
                  .err = recorder_->failed(),
                  .why = {},
                  .hint = "the recording ends here, the command runs on",
                  .path = {},
                  .stage = {}});
  }

  LastWord last_word_;
  Pidfile pidfile_;
  Cidfile cidfile_;
  std::unique_ptr<Recorder> recorder_;
  std::string path_;  // of the recording
  winsize size_{};  // that it shows
};

Result<void> refuse(const char* option, const char* why) { return usage(option, why, "leave one of the two out"); }

// What belongs to the caller's own process, and would be gone with it.
Result<void> check_detachable(const Spec& spec) {
  constexpr const char* kWhy = "cannot be used with -d";
  if (spec.status_fd >= 0) return refuse("--status-fd", kWhy);
  if (spec.preserve_fds > 0) return refuse("--preserve-fds", kWhy);
  if (!spec.record.empty()) return refuse("--record", kWhy);
  if (!spec.pidfile.empty()) return refuse("--pidfile", kWhy);
  return {};
}

}  // namespace

Result<int> run_detached(const Globals& globals, const Spec& spec, const Facts& facts) {
  if (auto r = check_detachable(spec); !r) return std::unexpected(r.error());
  Cidfile cidfile;
  if (auto r = cidfile.prepare(spec.cidfile); !r) return std::unexpected(r.error());
  auto client = supervisor_for(globals);
  if (!client) return std::unexpected(client.error());
  auto params = request_for(spec, facts);
  if (const auto size = Console::window()) params["rows"] = size->ws_row, params["cols"] = size->ws_col;
  auto answer = client->call("container.run", params);
  if (!answer) return std::unexpected(answer.error());
  const std::string id = text_in(*answer, "id");
  if (auto r = cidfile.write(id); !r) return std::unexpected(r.error());
  return print(id + "\n");
}

Result<int> run_attached(const Globals& globals, const Spec& spec, const Facts& facts) {
  if (spec.preserve_fds > 0) {
    return usage("--preserve-fds", "a command under a supervisor gets the descriptors 0 to 2 only",
                 "leave it out, or run it in the foreground: without -S and SUP_SUPERVISOR");
  }
  const auto keys = parse_detach_keys(spec.detach_keys.value_or(std::string(kDetachKeys)));
  if (!keys) return std::unexpected(keys.error());
  const winsize size = Console::first_window();
  Caller caller;
  const auto failed = [&](const Error& error) -> Result<int> {
    caller.failed(spec, error);
    return std::unexpected(error);
  };
  if (auto r = caller.prepare(spec, size); !r) return failed(r.error());
  if (spec.tty) Console::say_if_no_terminal(size);
  auto client = supervisor_for(globals);
  if (!client) return failed(client.error());
  auto params = request_for(spec, facts);
  params["attach"] = true;
  params["rows"] = size.ws_row;
  params["cols"] = size.ws_col;
  std::vector<int> given;
  if (!spec.tty) {
    auto all = to_give(spec.interactive);
    if (!all) return failed(all.error());
    given = std::move(*all);
    params["fds"] = given;
  }
  if (spec.sig_proxy) hold_signals();
  auto answer = client->call("container.run", params, given);
  if (!answer) return failed(answer.error());
  const std::string id = text_in(*answer, "id");
  if (auto r = caller.started(id, number_in(*answer, "pid", -1)); !r)
    say(r.error());  // it runs: what is left is to show it
  AttachmentOptions options;
  options.verb = "run";
  options.name = spec.name.empty() ? id : spec.name;
  options.tty = spec.tty;
  options.given = given;
  options.input = spec.interactive && std::ranges::find(given, 0) == given.end();
  options.detach_keys = *keys;
  options.sig_proxy = spec.sig_proxy;
  options.signal = signals_to(*client, id);
  options.may_kill = true;
  caller.show(options);
  return show_attached(client->upgraded(), std::move(options));
}

}  // namespace sup::cli
