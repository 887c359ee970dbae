// events: what has happened and what happens, in all supervisors of the user.
#include <poll.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <ctime>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/text.h"
#include "core/eventjson.h"
#include "core/eventlog.h"
#include "core/logrecord.h"
#include "face/cli/since.h"
#include "face/cli/verb.h"
#include "face/control/client.h"
#include "face/print.h"
#include "face/say.h"
#include "spec/jsonmember.h"
#include "sys/runtime.h"

namespace sup::cli {
namespace {

using Json = nlohmann::json;

// Which events are wanted: of one key any of its values will do, of several keys each must.
class Filter {
 public:
  Result<void> add(std::string_view text) {
    const auto equals = text.find('=');
    const auto key = text.substr(0, equals);
    constexpr std::array<std::string_view, 6> kKeys{"event", "container", "id", "name", "level", "supervisor"};
    if (equals == std::string_view::npos || std::ranges::find(kKeys, key) == kKeys.end()) {
      const auto near = nearest(key, kKeys);
      return usage(
          "--filter " + printable(text), "not KEY=VALUE of a key there is",
          near ? "did you mean " + std::string(*near) + "=...?" : "event, container, id, name, level or supervisor");
    }
    const std::string value(text.substr(equals + 1));
    if (key == "event" && std::ranges::find(event_names(), value) == event_names().end()) {
      const auto near = nearest(value, event_names());
      return usage("--filter " + printable(text), "no such event",
                   near ? "did you mean " + std::string(*near) + "?" : "see sup-events(7)");
    }
    if (key == "level") {
      auto level = parse_level(value);
      if (!level)
        return usage("--filter " + printable(text), "not a level", "one of trace, debug, info, warning, error");
      level_ = *level;
      return {};
    }
    (key == "event"       ? events_
     : key == "container" ? containers_
     : key == "id"        ? ids_
     : key == "name"      ? names_
                          : supervisors_)
        .push_back(value);
    return {};
  }

  [[nodiscard]] bool wants(const Json& event) const {
    const auto is = [&](const std::vector<std::string>& any, const char* key) {
      return any.empty() || std::ranges::find(any, text_in(event, key)) != any.end();
    };
    if (level_) {
      const auto level = parse_level(text_in(event, "level", "info"));
      if (level && *level < *level_) return false;
    }
    // As everywhere a container is an id, the beginning of one, or a name.
    const auto id = text_in(event, "id");
    const auto name = text_in(event, "name");
    const bool container = containers_.empty() || std::ranges::any_of(containers_, [&](const std::string& one) {
                             return !one.empty() && (one == name || id.starts_with(one));
                           });
    return container && is(events_, "event") && is(ids_, "id") && is(names_, "name") && is(supervisors_, "supervisor");
  }

 private:
  std::vector<std::string> events_, containers_, ids_, names_, supervisors_;
  std::optional<Level> level_;   // the least
};

class EventsVerb : public Verb {
 public:
  std::vector<Option> options() override {
    std::vector<Option> o;
    o.push_back({'f', "follow", "", "go on with what happens from now on", "", to(follow_)});
    o.push_back({0, "since", "TIME", "only what came since a time, or in the last 10m", "",
                 [this](std::string_view v) -> Result<void> {
                   auto since = parse_since(v);
                   if (!since) return std::unexpected(since.error());
                   since_ = *since;
                   return {};
                 }});
    o.push_back({0, "tail", "N", "of what has happened only the last N, or all", "all",
                 [this](std::string_view v) -> Result<void> {
                   tail_ = parse_unsigned<std::uint64_t>(v);
                   if (!tail_ && v != "all")
                     return usage("--tail " + printable(v), "not a number of events", "a number, or all");
                   return {};
                 }});
    o.push_back({0, "filter", "KEY=VALUE",
                 "only such: event=, container=, id=, name=, level= (or above), supervisor=; may be repeated", "",
                 [this](std::string_view v) { return filter_.add(v); }});
    o.push_back(format_option(json_));
    return o;
  }

  Result<int> run(const Globals& globals, std::vector<std::string> operands) override {
    if (!operands.empty())
      return usage("events", "takes no arguments", "--filter container=" + printable(operands.front()));
    auto clients = control::reach(globals.supervisor);
    if (!clients) return std::unexpected(clients.error());
    std::vector<Seen> past;
    for (auto& client : *clients) {
      Source source{std::move(client), 0};
      if (auto r = catch_up(source, past, 0); !r) {
        if (globals.supervisor.empty() && r.error().code == "E_SUPERVISOR_LOST") continue;
        return std::unexpected(r.error());
      }
      sources_.push_back(std::move(source));
    }
    // Each supervisor's own order stays: the clock may have been set in between.
    std::ranges::stable_sort(past, [](const Seen& a, const Seen& b) {
      return a.time.tv_sec != b.time.tv_sec ? a.time.tv_sec < b.time.tv_sec : a.time.tv_nsec < b.time.tv_nsec;
    });
    if (tail_ && past.size() > *tail_) past.erase(past.begin(), past.end() - static_cast<std::ptrdiff_t>(*tail_));
    std::string text;
    for (const auto& one : past) text += one.line;
    if (auto r = print(text); !r || !follow_) return r;
    return follow(globals.supervisor);
  }

 private:
  struct Source {
    control::Client client;
    std::uint64_t last;   // the seq of the latest event it has told
  };
  struct Seen {
    timespec time;
    std::string line;
  };

  // Subscribes, and takes what has happened after `since`.
  Result<void> catch_up(Source& source, std::vector<Seen>& into, std::uint64_t since) {
    auto answer = source.client.call("events.subscribe", {{"since", since}, {"snapshot", false}});
    if (!answer) return std::unexpected(answer.error());
    const auto seq = number_in(*answer, "seq", std::uint64_t{0});
    // Nobody who asks for all there is misses what is no longer there; one who follows does.
    if (const auto missed = number_in(*answer, "missed", std::uint64_t{0}); missed != 0 && since != 0) {
      say("events: " + std::to_string(missed) + " events are missing here: the supervisor no longer has them");
    }
    source.last = number_in(*answer, "first", seq + 1) - 1;
    while (source.last < seq) {
      auto said = source.client.next();
      if (!said) return std::unexpected(said.error());
      take(source, *said, into);
    }
    return {};
  }

  void take(Source& source, const Notification& said, std::vector<Seen>& into) {
    if (said.method != "event") return;
    const Json& event = said.params.json();
    source.last = number_in(event, "seq", source.last + 1);
    if (!filter_.wants(event)) return;
    const std::string time = text_in(event, "time");
    const auto at = parse_rfc3339(time).value_or(timespec{});
    if (since_ && (at.tv_sec != since_->tv_sec ? at.tv_sec < since_->tv_sec : at.tv_nsec < since_->tv_nsec)) return;
    into.push_back({at, json_ ? in_order(event) + "\n" : line(event, time)});
  }

  // As the supervisor's own log has it: the known keys first, in their order.
  static std::string in_order(const Json& event) {
    nlohmann::ordered_json out = nlohmann::ordered_json::object();
    for (const char* key : {"level", "msg", "time", "event", "seq", "cause", "supervisor", "id", "name"}) {
      if (event.contains(key)) out[key] = event.at(key);
    }
    for (const auto& [key, value] : event.items()) {
      if (!out.contains(key)) out[key] = value;
    }
    return out.dump(-1, ' ', true, Json::error_handler_t::replace);
  }

  static std::string line(const Json& event, const std::string& time) {
    const auto level = text_in(event, "level", "info");
    const auto name = text_in(event, "name");
    const auto id = text_in(event, "id");
    const auto supervisor = text_in(event, "supervisor");
    std::string text = printable(time) + " ";
    if (level == "warning" || level == "error") text += level + " ";
    text += printable(!name.empty() ? name
                      : !id.empty() ? id
                                    : "-") +
            " " + printable(text_in(event, "event")) + ": " + printable(text_in(event, "msg"));
    if (!supervisor.empty() && supervisor != "default") text += " (" + printable(supervisor) + ")";
    return text + "\n";
  }

  Result<int> follow(const std::string& only) {
    // Supervisors come and go. Those that come are looked for when something comes into their directory, and a moment later,
    // since a socket is there before its supervisor listens; where it cannot be watched, now and then.
    const Fd coming = only.empty() ? watch_runtime_dir().value_or(Fd()) : Fd();
    bool again = true;
    for (;;) {
      std::vector<pollfd> watched{{.fd = 1, .events = 0, .revents = 0},
                                  {.fd = coming.get(), .events = POLLIN, .revents = 0}};
      bool waiting = false;
      for (const auto& source : sources_) {
        watched.push_back({.fd = source.client.fd(), .events = POLLIN, .revents = 0});
        waiting = waiting || source.client.buffered();
      }
      const bool looks = only.empty() && (again || !coming);
      const int ready = ::poll(watched.data(), watched.size(), waiting ? 0 : looks ? kLook : -1);
      if ((watched[0].revents & (POLLERR | POLLHUP)) != 0) return 0;  // `sup events -f | head -1`
      std::vector<Seen> now;
      for (std::size_t i = 0; i < sources_.size();) {
        auto& source = sources_[i];
        const bool has =
            source.client.buffered() || (i + 2 < watched.size() && (watched[i + 2].revents & (POLLIN | POLLHUP)) != 0);
        if (!has || hear(source, now)) {
          ++i;
          continue;
        }
        sources_.erase(sources_.begin() + static_cast<std::ptrdiff_t>(i));
        watched.erase(watched.begin() + static_cast<std::ptrdiff_t>(i) + 2);
      }
      std::string text;
      for (const auto& one : now) text += one.line;
      if (auto r = print(text); !r) return r;
      if (!only.empty() && sources_.empty()) return 0;
      const bool came = (watched[1].revents & POLLIN) != 0;
      if (came) forget_changes(coming.get());
      if (came || (looks && ready == 0 && !waiting)) {
        again = came;
        find_new();
      }
    }
  }

  static void forget_changes(int inotify) {
    alignas(inotify_event) char changes[4096];
    while (::read(inotify, changes, sizeof changes) > 0) {
    }
  }

  // False: it has left.
  bool hear(Source& source, std::vector<Seen>& into) {
    do {
      auto said = source.client.next();
      if (!said) return false;
      if (said->method == "events.lost") {
        auto again = source.client.again();
        if (!again) return false;
        source.client = std::move(*again);
        return catch_up(source, into, source.last).has_value();
      }
      take(source, *said, into);
    } while (source.client.buffered());
    return true;
  }

  void find_new() {
    for (auto& client : control::reach({}, true).value_or(std::vector<control::Client>{})) {
      if (std::ranges::any_of(sources_, [&](const Source& s) { return s.client.supervisor() == client.supervisor(); }))
        continue;
      Source source{std::move(client), 0};
      std::vector<Seen> now;
      if (!catch_up(source, now, 0)) continue;
      std::string text;
      for (const auto& one : now) text += one.line;
      if (!print(text)) return;
      sources_.push_back(std::move(source));
    }
  }

  static constexpr int kLook = 500;  // ms
  bool follow_ = false;
  bool json_ = false;
  std::optional<timespec> since_;
  std::optional<std::uint64_t> tail_;
  Filter filter_;
  std::vector<Source> sources_;
};

}  // namespace

std::unique_ptr<Verb> make_events() { return std::make_unique<EventsVerb>(); }

}  // namespace sup::cli
