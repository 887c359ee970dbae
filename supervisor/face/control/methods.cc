#include "face/control/methods.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>
#include <nlohmann/json.hpp>
#include <utility>

#include "face/control/attached.h"
#include "face/control/executed.h"
#include "spec/check.h"
#include "spec/signals.h"
#include "spec/spec_json.h"

namespace sup::control {
namespace {

using Json = nlohmann::json;

constexpr std::uint64_t kDay = 24ULL * 60 * 60 * 1000;

Json outcome_json(const Outcome& outcome) {
  Json j = Json::object();
  if (outcome.ran && outcome.status.signal != 0) {
    j["signal"] = signal_name(outcome.status.signal);
    j["core"] = outcome.status.core;
  } else {
    j["exit_code"] = outcome.shell_status();
  }
  j["status"] = outcome.shell_status();
  j["origin"] = outcome.ran ? "command" : "sup";
  j["reason"] = to_string(outcome.reason);
  j["duration_ms"] = outcome.duration_ms;
  if (outcome.error) j["error"] = {{"code", outcome.error->code}, {"line", outcome.error->line()}};
  return j;
}

// Bytes of a row, as a bound: of its command as much is told as a list can show, `inspect` has the rest.
constexpr std::size_t kRowCommand = 4096;
constexpr std::size_t kRowRest = 1024;
constexpr std::size_t kPage = 512 * 1024;

// size: grows by about what the row takes in a message.
Json row(const Held& held, std::size_t& size) {
  Json j = {{"id", held.id()},
            {"number", held.number()},
            {"name", held.name()},
            {"state", to_string(held.state())},
            {"created", held.created()}};
  Json command = Json::array();
  std::size_t left = kRowCommand;
  for (const auto& word : held.spec().argv) {
    if (word.size() > left) {
      command.push_back("...");
      break;
    }
    left -= word.size();
    command.push_back(bytes_to_json(word));
  }
  // A byte may become six: \u001b.
  size += kRowRest + 6 * (kRowCommand - left) + 4 * command.size();
  j["command"] = std::move(command);
  for (const auto& label : held.spec().labels) {
    const auto equals = label.find('=');
    j["labels"][label.substr(0, equals)] = label.substr(equals + 1);
    size += 6 * label.size();
  }
  if (held.restarts() != 0) j["restarts"] = held.restarts();
  if (held.pid() > 0) j["pid"] = held.pid();
  if (held.started() != 0) j["started"] = held.started();
  if (held.finished() != 0) j["finished"] = held.finished();
  if (held.outcome()) j["outcome"] = outcome_json(*held.outcome());
  return j;
}

// As many rows as a message takes; who wants the rest asks for those after the last one's number.
Json page(const Supervisor& supervisor, bool every, std::uint64_t after) {
  const auto& all = supervisor.list();
  Json rows = Json::array();
  std::size_t size = 0;
  for (auto held = all.upper_bound(after); held != all.end() && size < kPage; ++held) {
    const auto state = held->second->state();
    // A crash loop is not over: it is between two of its runs.
    if (every || is_live(state) || state == ContainerState::backoff) rows.push_back(row(*held->second, size));
  }
  return rows;
}

struct Call {
  const Methods& server;
  const Request& request;
  Methods::Answer answer;
  Methods::Upgrade upgrade;

  void done(const Json& result) const { answer(response_line(request.id, result)); }
  void failed(RpcError error) const {
    error.id = request.id;
    answer(error_line(error));
  }
  void failed(const Error& error) const { answer(error_line(request.id, error)); }

  // The container that "container" names; none: the answer has been given.
  [[nodiscard]] Held* container() const {
    const auto reference = request.params.get_string("container");
    if (!reference) return failed(reference.error()), nullptr;
    auto held = server.supervisor.find(*reference);
    if (!held) return failed(held.error()), nullptr;
    return *held;
  }
};

void hello(const Call& call) {
  call.done({{"supervisor", call.server.name}, {"version", SUP_VERSION}, {"seq", call.server.events.seq()}});
}

// rows and cols: the client's window, where it has one.
Rpc<std::optional<winsize>> size_in(const Params& params) {
  const auto rows = params.find_uint("rows", 65535);
  if (!rows) return std::unexpected(rows.error());
  const auto cols = params.find_uint("cols", 65535);
  if (!cols) return std::unexpected(cols.error());
  if (rows->value_or(0) == 0 || cols->value_or(0) == 0) return std::nullopt;
  return winsize{.ws_row = static_cast<unsigned short>(**rows),
                 .ws_col = static_cast<unsigned short>(**cols),
                 .ws_xpixel = 0,
                 .ws_ypixel = 0};
}

// slow, input, replay, rows, cols: see sup-protocol(7).
Rpc<AttachOptions> attach_options(const Params& params, WhenSlow usually) {
  AttachOptions options;
  options.slow = usually;
  const auto slow = params.find_string("slow");
  if (!slow) return std::unexpected(slow.error());
  if (*slow) {
    if (**slow != "block" && **slow != "detach" && **slow != "drop")
      return std::unexpected(params.wrong("slow", "none of block, detach, drop"));
    options.slow = **slow == "block" ? WhenSlow::block : **slow == "drop" ? WhenSlow::drop : WhenSlow::detach;
  }
  const auto input = params.get_bool("input", true);
  if (!input) return std::unexpected(input.error());
  options.input = *input;
  const auto replay = params.get_bool("replay", true);
  if (!replay) return std::unexpected(replay.error());
  options.replay = *replay;
  const auto size = size_in(params);
  if (!size) return std::unexpected(size.error());
  options.size = *size;
  return options;
}

// What a client must know of what it is attached to.
std::string attached_line(std::string_view id, const Held& held) {
  return response_line(id, {{"id", held.id()},
                            {"name", held.name()},
                            {"pid", held.pid()},
                            {"tty", held.spec().tty},
                            {"interactive", held.spec().interactive}});
}

// The descriptors that came with the request: the command's own 0, 1 and 2, as far as "fds" says so. A terminal is none to be
// given: with it goes TIOCSTI.
Rpc<std::array<Fd, 3>> given_fds(const Call& call, const Spec& spec) {
  std::array<Fd, 3> places;
  if (!call.request.params.has("fds")) return places;
  const auto wrong = [&](std::string why) { return std::unexpected(call.request.params.wrong("fds", std::move(why))); };
  const auto& list = call.request.params.json().at("fds");
  auto passed = std::exchange(call.server.passed, {});
  if (!list.is_array() || list.size() != passed.size()) return wrong("not a list of as many as came with the request");
  if (spec.tty && !passed.empty()) return wrong("a command with a terminal has that");
  for (std::size_t i = 0; i < list.size(); ++i) {
    if (!list[i].is_number_unsigned() || list[i].get<std::uint64_t>() > 2) return wrong("not 0, 1 or 2");
    Fd& place = places.at(list[i].get<std::size_t>());
    if (place) return wrong("the same one twice");
    if (::isatty(passed[i].get()) != 0) return wrong("a terminal is not passed on");
    place = std::move(passed[i]);
  }
  return places;
}

void attach(const Call& call) {
  Held* held = call.container();
  if (held == nullptr) return;
  const auto options = attach_options(call.request.params, WhenSlow::detach);
  if (!options) return call.failed(options.error());
  auto attached = std::make_unique<Attached>(call.server.loop, call.server.supervisor, *options, call.server.peer.pid);
  if (auto r = attached->join(*held); !r) return call.failed(r.error());
  call.upgrade(attached_line(call.request.id, *held), std::move(attached));
}

void run(const Call& call) {
  const auto& all = call.request.params.json();
  if (!all.contains("spec")) return call.failed(call.request.params.wrong("spec", "missing", "E_RPC_MISSING"));
  auto spec = spec_from_json(all.at("spec"), "/params/spec");
  if (!spec) return call.failed(spec.error());
  RunRequest wanted;
  wanted.spec = std::move(*spec);
  const auto list = [&](const char* key, std::vector<std::string>& into) -> bool {
    if (!all.contains(key)) return true;
    if (!all.at(key).is_array()) return call.failed(call.request.params.wrong(key, "not a list", "E_RPC_TYPE")), false;
    std::size_t index = 0;
    for (const auto& item : all.at(key)) {
      auto text = bytes_from_json(item, pointer_to(pointer_to("/params", key), index++));
      if (!text) return call.failed(text.error()), false;
      into.push_back(std::move(*text));
    }
    return true;
  };
  if (!list("environ", wanted.environ)) return;
  wanted.cwd.assign(1, '/');
  if (all.contains("cwd")) {
    auto cwd = bytes_from_json(all.at("cwd"), "/params/cwd");
    if (!cwd) return call.failed(cwd.error());
    wanted.cwd = std::move(*cwd);
  }
  const auto size = size_in(call.request.params);
  if (!size) return call.failed(size.error());
  if (*size) wanted.size = **size;
  auto given = given_fds(call, wanted.spec);
  if (!given) return call.failed(given.error());
  wanted.given = std::move(*given);
  const auto with = call.request.params.get_bool("attach", false);
  if (!with) return call.failed(with.error());
  std::shared_ptr<std::unique_ptr<Attached>> attached;  // shared: a std::function must be copyable
  if (*with) {
    const auto options = attach_options(call.request.params, WhenSlow::block);
    if (!options) return call.failed(options.error());
    attached = std::make_shared<std::unique_ptr<Attached>>(
        std::make_unique<Attached>(call.server.loop, call.server.supervisor, *options, call.server.peer.pid));
  }
  auto held = call.server.supervisor.run(std::move(wanted), attached ? attached->get() : nullptr);
  if (!held) return call.failed(held.error());
  if (attached) (*attached)->joined(**held);
  // Answered when it is known whether the command runs: one that cannot be found is the caller's error, and nothing to keep.
  Supervisor::on_begin(**held, [supervisor = &call.server.supervisor, answer = call.answer, upgrade = call.upgrade,
                                attached, id = call.request.id](const Held& begun) {
    if (!begun.outcome() || begun.outcome()->ran) {
      if (attached) return upgrade(attached_line(id, begun), std::move(*attached));
      return answer(response_line(id, {{"id", begun.id()}}));
    }
    answer(error_line(id, *begun.outcome()->error));
    if (auto gone = supervisor->find(begun.id())) (void)supervisor->remove(**gone, false);
  });
}

void list(const Call& call) {
  const auto every = call.request.params.get_bool("all", true);
  if (!every) return call.failed(every.error());
  const auto after = call.request.params.find_uint("after");
  if (!after) return call.failed(after.error());
  call.done(page(call.server.supervisor, *every, after->value_or(0)));
}

void inspect(const Call& call) {
  const Held* held = call.container();
  if (held == nullptr) return;
  std::size_t size = 0;
  Json j = row(*held, size);
  j["spec"] = spec_to_json(held->spec());
  if (!held->log_directory().empty()) j["log_directory"] = held->log_directory();
  call.done(j);
}

// Where its output is kept. A foreground run's is kept from the first such call on.
void logs(const Call& call) {
  Held* held = call.container();
  if (held == nullptr) return;
  auto directory = call.server.supervisor.log_of(*held);
  if (!directory) return call.failed(directory.error());
  call.done({{"id", held->id()}, {"directory", *directory}, {"missing", held->log_missing()}});
}

// Answered when it has ended.
std::function<void(const Held&)> when_ended(const std::string& id, const Methods::Answer& answer) {
  return [answer, id](const Held& gone) {
    answer(response_line(
        id, {{"id", gone.id()}, {"outcome", gone.outcome() ? outcome_json(*gone.outcome()) : Json(nullptr)}}));
  };
}

void wait_for(const Call& call, Held& held) {
  call.server.waits(call.request.id, {.what = Pending::For::end, .container = held.id()});
  call.server.supervisor.on_end(held, when_ended(call.request.id, call.answer));
}

void wait(const Call& call) {
  if (Held* held = call.container()) wait_for(call, *held);
}

Rpc<std::optional<int>> signal_in(const Call& call) {
  const auto word = call.request.params.find_string("signal");
  if (!word) return std::unexpected(word.error());
  if (!*word) return std::nullopt;
  const auto number = parse_signal(**word);
  if (!number) return std::unexpected(call.request.params.wrong("signal", "not a signal"));
  return *number;
}

void stop(const Call& call) {
  Held* held = call.container();
  if (held == nullptr) return;
  const auto number = signal_in(call);
  if (!number) return call.failed(number.error());
  const auto timeout = call.request.params.find_uint("timeout_ms", kDay);
  if (!timeout) return call.failed(timeout.error());
  const auto wait = *timeout ? std::optional(std::chrono::milliseconds(**timeout)) : std::nullopt;
  if (auto r = call.server.supervisor.stop(*held, *number, wait); !r) return call.failed(r.error());
  wait_for(call, *held);
}

void kill(const Call& call) {
  Held* held = call.container();
  if (held == nullptr) return;
  const auto number = signal_in(call);
  if (!number) return call.failed(number.error());
  const auto within = call.request.params.find_string("exec");
  if (!within) return call.failed(within.error());
  if (*within) {
    // Of what an exec runs in it, not of the container.
    Container* const command = call.server.supervisor.find_exec(**within);
    const Effect effect =
        command == nullptr ? Effect::gone : command->signal(number->value_or(SIGKILL), call.server.peer.pid);
    return call.done({{"id", held->id()}, {"effect", to_string(effect)}});
  }
  auto effect = call.server.supervisor.signal(*held, number->value_or(SIGKILL), call.server.peer.pid);
  if (!effect) return call.failed(effect.error());
  call.done({{"id", held->id()}, {"effect", to_string(*effect)}});
}

void remove(const Call& call) {
  Held* held = call.container();
  if (held == nullptr) return;
  const auto force = call.request.params.get_bool("force", false);
  if (!force) return call.failed(force.error());
  const std::string id = held->id();
  const bool live = is_live(held->state());
  if (auto r = call.server.supervisor.remove(*held, *force); !r) return call.failed(r.error());
  if (live) return wait_for(call, *held);
  // Behind what remove() has put off: who is answered finds nothing of it any more.
  call.server.loop.later(
      [answer = call.answer, rpc = call.request.id, id] { answer(response_line(rpc, {{"id", id}})); });
}

// Answered when its command runs, or has turned out not to.
std::function<void(const Held&)> when_begun(const std::string& id, const Methods::Answer& answer) {
  return [answer, id](const Held& begun) {
    const auto state = begun.state();
    if (state == ContainerState::starting || state == ContainerState::running || state == ContainerState::paused)
      return answer(response_line(id, {{"id", begun.id()}}));
    if (begun.outcome() && begun.outcome()->error) return answer(error_line(id, *begun.outcome()->error));
    answer(error_line(id, Error{.code = "E_STATE",
                                .where = "restart",
                                .what = begun.name().empty() ? begun.id() : begun.name(),
                                .err = 0,
                                .why = "was stopped or removed by somebody else in the meantime",
                                .hint = {},
                                .path = {},
                                .stage = {}}));
  };
}

void start(const Call& call) {
  Held* held = call.container();
  if (held == nullptr) return;
  call.server.waits(call.request.id, {.what = Pending::For::begin, .container = held->id()});
  if (auto r = call.server.supervisor.start(*held, when_begun(call.request.id, call.answer)); !r)
    call.failed(r.error());
}

void restart(const Call& call) {
  Held* held = call.container();
  if (held == nullptr) return;
  const auto timeout = call.request.params.find_uint("timeout_ms", kDay);
  if (!timeout) return call.failed(timeout.error());
  const auto wait = *timeout ? std::optional(std::chrono::milliseconds(**timeout)) : std::nullopt;
  call.server.waits(call.request.id, {.what = Pending::For::begin, .container = held->id()});
  if (auto r = call.server.supervisor.restart(*held, wait, when_begun(call.request.id, call.answer)); !r)
    call.failed(r.error());
}

void subscribe(const Call& call) {
  const auto since = call.request.params.find_uint("since");
  if (!since) return call.failed(since.error());
  const auto snapshot = call.request.params.get_bool("snapshot", true);
  if (!snapshot) return call.failed(snapshot.error());
  const auto& history = call.server.events.history();
  const std::uint64_t seq = call.server.events.seq();
  // Whose number that is, it is of another supervisor: one that was here before.
  if (*since && **since > seq)
    return call.failed(call.request.params.wrong("since", "there has been no such event yet"));
  const std::uint64_t first = history.first() <= history.last() ? history.first() : seq + 1;
  const std::uint64_t wanted = since->value_or(seq) + 1;
  std::deque<std::string> lines;
  if (*snapshot) {
    for (std::uint64_t after = 0;;) {
      const Json rows = page(call.server.supervisor, true, after);
      if (rows.empty() && after != 0) break;
      lines.push_back(notification_line("snapshot", {{"containers", rows}}) + "\n");
      if (rows.empty()) break;
      after = rows.back().at("number").get<std::uint64_t>();
    }
  }
  call.done({{"seq", seq}, {"first", first}, {"missed", wanted < first ? first - wanted : 0}});
  call.server.subscribe(std::move(lines), std::max(wanted, first));
}

// What a client has measured is kept for the next one; what was kept is the answer. What is younger than a moment stays, or who looks
// often would measure nothing.
void exchange(const Call& call) {
  constexpr std::uint64_t kMoment = 500'000;
  const auto& all = call.request.params.json();
  if (!all.contains("samples") || !all.at("samples").is_array())
    return call.failed(call.request.params.wrong("samples", "not a list", "E_RPC_TYPE"));
  Json rows = Json::array();
  for (const auto& sample : all.at("samples")) {
    const Params one(std::make_shared<const Json>(sample.is_object() ? sample : Json::object()), "/params/samples");
    const auto id = one.get_string("id");
    if (!id) return call.failed(id.error());
    const auto at = one.get_uint("at_us");
    if (!at) return call.failed(at.error());
    const auto cpu = one.get_uint("cpu_us");
    if (!cpu) return call.failed(cpu.error());
    auto held = call.server.supervisor.find(*id);
    if (!held) continue;
    auto& seen = (*held)->seen;
    if (seen.at_us != 0) rows.push_back({{"id", (*held)->id()}, {"at_us", seen.at_us}, {"cpu_us", seen.cpu_us}});
    if (*at > seen.at_us + kMoment) seen = {.at_us = *at, .cpu_us = *cpu};
  }
  call.done(rows);
}

// Answered when everything of it stands still.
void pause(const Call& call) {
  Held* held = call.container();
  if (held == nullptr) return;
  call.server.supervisor.pause(
      *held, [answer = call.answer, rpc = call.request.id, id = held->id()](const Result<void>& result) {
        answer(result ? response_line(rpc, {{"id", id}}) : error_line(rpc, result.error()));
      });
}

void unpause(const Call& call) {
  Held* held = call.container();
  if (held == nullptr) return;
  if (auto r = call.server.supervisor.unpause(*held); !r) return call.failed(r.error());
  call.done({{"id", held->id()}});
}

void update(const Call& call) {
  Held* held = call.container();
  if (held == nullptr) return;
  const auto& all = call.request.params.json();
  const auto word = call.request.params.find_string("restart");
  if (!word) return call.failed(word.error());
  std::optional<RestartPolicy> restart;
  if (*word) {
    const auto policy = parse_restart(**word);
    if (!policy) return call.failed(call.request.params.wrong("restart", "no restart policy"));
    restart = *policy;
  }
  if (!restart && !all.contains("limits"))
    return call.failed(call.request.params.wrong("limits", "missing", "E_RPC_MISSING"));
  if (all.contains("limits")) {
    const auto limits = limits_from_json(all.at("limits"), "/params/limits");
    if (!limits) return call.failed(limits.error());
    if (auto r = call.server.supervisor.update(*held, *limits); !r) return call.failed(r.error());
  }
  if (restart) {
    if (auto r = call.server.supervisor.update(*held, *restart); !r) return call.failed(r.error());
  }
  call.done({{"id", held->id()}});
}

// One more command in a container. Answered when it runs; then the connection carries its frames, or with detach nothing.
void exec(const Call& call) {
  Held* held = call.container();
  if (held == nullptr) return;
  const auto& params = call.request.params;
  if (!params.has("spec")) return call.failed(params.wrong("spec", "missing", "E_RPC_MISSING"));
  auto spec = spec_from_json(params.json().at("spec"), "/params/spec");
  if (!spec) return call.failed(spec.error());
  if (auto r = check(*spec); !r) return call.failed(r.error());
  const auto detach = params.get_bool("detach", false);
  if (!detach) return call.failed(detach.error());
  const auto raw = params.get_bool("raw_output", false);
  if (!raw) return call.failed(raw.error());
  const auto size = size_in(params);
  if (!size) return call.failed(size.error());
  ExecRequest wanted;
  auto& wiring = wanted.wiring;
  wiring.size = size->value_or(winsize{.ws_row = 24, .ws_col = 80, .ws_xpixel = 0, .ws_ypixel = 0});
  wiring.raw_output = *raw;
  auto given = given_fds(call, *spec);
  if (!given) return call.failed(given.error());
  wiring.in = std::move((*given)[0]);
  wiring.out = std::move((*given)[1]);
  wiring.err = std::move((*given)[2]);
  if (*detach && (wiring.in || wiring.out || wiring.err)) return call.failed(params.wrong("fds", "not with detach"));
  const bool input = spec->interactive && !*detach && !wiring.in;
  if (!spec->tty) {
    const auto nothing = [](Fd& place, int mode) {
      if (!place) place = Fd(::open("/dev/null", mode | O_CLOEXEC));
      return static_cast<bool>(place);
    };
    const bool opened = (input || nothing(wiring.in, O_RDONLY)) &&
                        (!*detach || (nothing(wiring.out, O_WRONLY) && nothing(wiring.err, O_WRONLY)));
    if (!opened)
      return call.failed(Error{.code = "E_STDIN", .where = "/dev/null", .what = "cannot be opened", .err = errno});
  }
  const bool tty = spec->tty;
  wanted.spec = std::move(*spec);

  auto executed = std::make_shared<std::unique_ptr<Executed>>();
  auto command = std::make_shared<Container*>(nullptr);
  const auto line = [command, tty, id = call.request.id, container = held->id(), name = held->name()] {
    return response_line(
        id,
        {{"id", container}, {"name", name}, {"exec", (*command)->exec_id()}, {"pid", (*command)->pid()}, {"tty", tty}});
  };
  const auto failed = [answer = call.answer, id = call.request.id](const Error& error) {
    answer(error_line(id, error));
  };
  if (*detach) {
    wanted.hooks.started = [line, answer = call.answer] { answer(line()); };
    wanted.hooks.ended = [failed](const Outcome& outcome) {
      if (!outcome.ran) failed(*outcome.error);
    };
  } else {
    *executed = std::make_unique<Executed>(call.server.loop, held->id(), held->name(), input);
    wanted.hooks =
        (*executed)->hooks([line, upgrade = call.upgrade, executed] { upgrade(line(), std::move(*executed)); }, failed);
  }
  call.server.supervisor.exec(*held, std::move(wanted), [executed, command, failed](Result<Container*> made) {
    if (!made) return failed(made.error());
    *command = made.value_or(nullptr);  // never null: *made g++ 12 takes for uninitialised
    if (*executed) (*executed)->has(**command);
  });
}

void reload(const Call& call) {
  const auto& all = call.request.params.json();
  if (!all.contains("program")) return call.failed(call.request.params.wrong("program", "missing", "E_RPC_MISSING"));
  auto program = bytes_from_json(all.at("program"), "/params/program");
  if (!program) return call.failed(program.error());
  if (!program->starts_with('/')) return call.failed(call.request.params.wrong("program", "not an absolute path"));
  if (!call.server.reload) {
    return call.failed(Error{.code = "E_RELOAD",
                             .where = "reload",
                             .what = "not done",
                             .err = 0,
                             .why = "this supervisor ends with its command",
                             .hint = {},
                             .path = {},
                             .stage = {}});
  }
  call.server.waits(call.request.id, {.what = Pending::For::reload, .container = {}});
  auto begun = call.server.reload(std::move(*program), [answer = call.answer, id = call.request.id](
                                                           const Error& error) { answer(error_line(id, error)); });
  if (!begun) call.failed(begun.error());
}

struct Row {
  std::string_view name;
  void (*call)(const Call&);
};
constexpr std::array kRows{
    Row{"hello", hello},
    Row{"container.run", run},
    Row{"container.list", list},
    Row{"container.inspect", inspect},
    Row{"container.logs", logs},
    Row{"container.wait", wait},
    Row{"container.stop", stop},
    Row{"container.start", start},
    Row{"container.restart", restart},
    Row{"events.subscribe", subscribe},
    Row{"stats.exchange", exchange},
    Row{"container.kill", kill},
    Row{"container.remove", remove},
    Row{"container.pause", pause},
    Row{"container.unpause", unpause},
    Row{"container.update", update},
    Row{"container.attach", attach},
    Row{"container.exec", exec},
    Row{"supervisor.reload", reload},
};

}  // namespace

bool Methods::may_upgrade(const Request& request) {
  if (request.method == "container.run") return request.params.get_bool("attach", false).value_or(false);
  // Malformed: no upgrade, but an error.
  if (request.method == "container.exec") return !request.params.get_bool("detach", false).value_or(true);
  return request.method == "container.attach";
}

void Methods::resume(const std::string& id, const Pending& pending, const Answer& answer) const {
  if (pending.what == Pending::For::reload) return answer(response_line(id, {{"version", SUP_VERSION}}));
  auto held = supervisor.find(pending.container);
  if (!held) return answer(error_line(id, held.error()));
  waits(id, pending);
  if (pending.what == Pending::For::begin && Supervisor::starts_again(**held))
    return Supervisor::on_again(**held, when_begun(id, answer));
  if (pending.what == Pending::For::begin) return when_begun(id, answer)(**held);
  supervisor.on_end(**held, when_ended(id, answer));
}

void Methods::call(const Request& request, Answer answer, Upgrade upgrade) const {
  const Call call{*this, request, std::move(answer), std::move(upgrade)};
  for (const auto& row : kRows) {
    if (row.name == request.method) return row.call(call);
  }
  std::vector<std::string_view> known;
  known.reserve(std::size(kRows));
  for (const auto& row : kRows) known.push_back(row.name);
  call.failed(method_not_found(request, known));
}

}  // namespace sup::control
