// start, stop, restart, pause, unpause, update, kill, wait, rm, inspect: one request for each container named; an unknown one is said, and the others are still served.
#include <deque>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/text.h"
#include "face/cli/limit_options.h"
#include "face/cli/verb.h"
#include "face/control/client.h"
#include "face/print.h"
#include "face/progress.h"
#include "face/say.h"
#include "spec/jsonmember.h"
#include "spec/limits.h"
#include "spec/restart.h"
#include "spec/signals.h"
#include "spec/spec_json.h"

namespace sup::cli {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kUnderWay = 64;  // requests

class PerContainer : public Verb {
 public:
  explicit PerContainer(std::string name) : name_(std::move(name)) {}

  Result<int> run(const Globals& globals, std::vector<std::string> operands) override {
    if (operands.empty()) return usage(name_, "no container named", "sup " + name_ + " CONTAINER...; see sup ps");
    auto clients = control::reach(globals.supervisor);
    if (!clients) return std::unexpected(clients.error());
    // All are asked before the first has answered, so that what takes long takes as long as the longest of them; but not so many
    // that their answers could fill what a supervisor keeps for a client.
    std::deque<Asked> under_way;
    Progress progress(name_, operands.size());
    int status = 0;
    std::size_t next = 0;
    while (next < operands.size() || !under_way.empty()) {
      while (next < operands.size() && under_way.size() < kUnderWay)
        under_way.push_back(ask(*clients, operands[next++]));
      const Asked asked = std::move(under_way.front());
      under_way.pop_front();
      const auto show_progress = [&] {
        const auto waited_for = under_way.size() + 1;
        progress.show(next - waited_for + asked.client->answers_waiting(), asked.reference);
      };
      auto answer =
          asked.request ? asked.client->answer(*asked.request, show_progress) : std::unexpected(asked.request.error());
      progress.wipe();
      if (!answer) {
        say(answer.error());
        status = answer.error().status;
        continue;
      }
      if (auto shown = show(asked.reference, *answer); !shown) return shown;
      // At once: the next one may take as long as it likes.
      if (auto r = print(std::exchange(output_, {})); !r) return r;
    }
    return status != 0 ? status : exit_status_;
  }

 protected:
  [[nodiscard]] virtual std::string_view method() const = 0;
  // What is printed of an answer; the reference, as docker does, unless the verb has more to say.
  virtual Result<int> show(const std::string& reference, const Json&) {
    output_ += reference + "\n";
    return 0;
  }

  struct Asked {
    std::string reference;
    Result<std::string> request;
    control::Client* client = nullptr;
  };
  [[nodiscard]] Asked ask(std::vector<control::Client>& clients, const std::string& reference) const {
    auto client = control::find_holder(clients, reference);
    if (!client) return {.reference = reference, .request = std::unexpected(client.error())};
    Json params = params_;
    params["container"] = reference;
    return {.reference = reference, .request = (*client)->send(method(), params), .client = *client};
  }

  std::function<Result<void>(std::string_view)> signal_option() {
    return [this](std::string_view v) -> Result<void> {
      auto number = parse_signal(v, "-s");
      if (!number) return std::unexpected(number.error());
      params_["signal"] = signal_name(*number);
      return {};
    };
  }

  // docker has had both names.
  void add_time_options(std::vector<Option>& options) {
    const auto set = [this](std::string_view v) -> Result<void> {
      if (v == "0") {
        params_["timeout_ms"] = 0;
        return {};
      }
      auto wait = parse_duration(v, "-t");
      if (!wait) return std::unexpected(wait.error());
      params_["timeout_ms"] = wait->count();
      return {};
    };
    options.push_back({'t', "time", "SECONDS", "how long to wait before KILL", "the container's --stop-timeout", set});
    options.push_back({0, "timeout", "SECONDS", "the same as --time", "", set});
  }

  std::string name_;
  Json params_ = Json::object();
  std::string output_;
  int exit_status_ = 0;
};

class StopVerb : public PerContainer {
 public:
  StopVerb() : PerContainer("stop") {}
  std::vector<Option> options() override {
    std::vector<Option> o;
    add_time_options(o);
    o.push_back({'s', "signal", "SIGNAL", "ask with this signal", "the container's --stop-signal", signal_option()});
    return o;
  }

 protected:
  [[nodiscard]] std::string_view method() const override { return "container.stop"; }
};

class StartVerb : public PerContainer {
 public:
  StartVerb() : PerContainer("start") {}

 protected:
  [[nodiscard]] std::string_view method() const override { return "container.start"; }
};

class RestartVerb : public PerContainer {
 public:
  RestartVerb() : PerContainer("restart") {}
  std::vector<Option> options() override {
    std::vector<Option> o;
    add_time_options(o);
    return o;
  }

 protected:
  [[nodiscard]] std::string_view method() const override { return "container.restart"; }
};

class PauseVerb : public PerContainer {
 public:
  PauseVerb() : PerContainer("pause") {}

 protected:
  [[nodiscard]] std::string_view method() const override { return "container.pause"; }
};

class UnpauseVerb : public PerContainer {
 public:
  UnpauseVerb() : PerContainer("unpause") {}

 protected:
  [[nodiscard]] std::string_view method() const override { return "container.unpause"; }
};

class UpdateVerb : public PerContainer {
 public:
  UpdateVerb() : PerContainer("update") {}
  std::vector<Option> options() override {
    std::vector<Option> o;
    add_limit_options(o, limits_);
    o.push_back({0, "restart", "POLICY", "from its next end on: no, on-failure[:N], always or unless-stopped", "",
                 [this](std::string_view v) -> Result<void> {
                   auto policy = parse_restart(v, "--restart");
                   if (!policy) return std::unexpected(policy.error());
                   params_["restart"] = to_string(*policy);
                   return {};
                 }});
    return o;
  }
  Result<int> run(const Globals& globals, std::vector<std::string> operands) override {
    if (!limits_.any() && params_.empty())
      return usage("update", "nothing to change", "give a limit or --restart: sup update --memory 512m CONTAINER...");
    if (limits_.any()) params_["limits"] = limits_to_json(limits_);
    return PerContainer::run(globals, std::move(operands));
  }

 protected:
  [[nodiscard]] std::string_view method() const override { return "container.update"; }

 private:
  Limits limits_;
};

class KillVerb : public PerContainer {
 public:
  KillVerb() : PerContainer("kill") {}
  std::vector<Option> options() override {
    std::vector<Option> o;
    o.push_back({'s', "signal", "SIGNAL", "which signal", "KILL", signal_option()});
    return o;
  }

 protected:
  [[nodiscard]] std::string_view method() const override { return "container.kill"; }
  Result<int> show(const std::string& reference, const Json& answer) override {
    const auto effect = text_in(answer, "effect");
    if (effect == "dropped-pid1")
      say("kill: " + printable(reference) +
          ": process 1 has no handler for it, so the kernel drops it; use KILL, or run with --init");
    return PerContainer::show(reference, answer);
  }
};

class WaitVerb : public PerContainer {
 public:
  WaitVerb() : PerContainer("wait") {}
  std::vector<Option> options() override {
    std::vector<Option> o;
    o.push_back({0, "exit-code", "", "exit with the status of the last one named", "", to(exit_code_)});
    return o;
  }

 protected:
  [[nodiscard]] std::string_view method() const override { return "container.wait"; }
  Result<int> show(const std::string&, const Json& answer) override {
    const int status = number_in(part_in(answer, "outcome"), "status", 125);
    output_ += std::to_string(status) + "\n";
    if (exit_code_) exit_status_ = status;
    return 0;
  }

 private:
  bool exit_code_ = false;
};

class RmVerb : public PerContainer {
 public:
  RmVerb() : PerContainer("rm") {}
  std::vector<Option> options() override {
    std::vector<Option> o;
    o.push_back({'f', "force", "", "kill it first if it runs", "", [this](std::string_view v) -> Result<void> {
                   bool force = false;
                   auto r = to(force)(v);
                   params_["force"] = force;
                   return r;
                 }});
    return o;
  }

 protected:
  [[nodiscard]] std::string_view method() const override { return "container.remove"; }
};

class InspectVerb : public PerContainer {
 public:
  InspectVerb() : PerContainer("inspect") {}

 protected:
  [[nodiscard]] std::string_view method() const override { return "container.inspect"; }
  Result<int> show(const std::string&, const Json& answer) override {
    output_ += answer.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
    return 0;
  }
};

}  // namespace

std::unique_ptr<Verb> make_start() { return std::make_unique<StartVerb>(); }
std::unique_ptr<Verb> make_restart() { return std::make_unique<RestartVerb>(); }
std::unique_ptr<Verb> make_stop() { return std::make_unique<StopVerb>(); }
std::unique_ptr<Verb> make_pause() { return std::make_unique<PauseVerb>(); }
std::unique_ptr<Verb> make_unpause() { return std::make_unique<UnpauseVerb>(); }
std::unique_ptr<Verb> make_update() { return std::make_unique<UpdateVerb>(); }
std::unique_ptr<Verb> make_kill() { return std::make_unique<KillVerb>(); }
std::unique_ptr<Verb> make_wait() { return std::make_unique<WaitVerb>(); }
std::unique_ptr<Verb> make_rm() { return std::make_unique<RmVerb>(); }
std::unique_ptr<Verb> make_inspect() { return std::make_unique<InspectVerb>(); }

}  // namespace sup::cli
