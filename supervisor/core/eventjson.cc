#include "core/eventjson.h"

#include <algorithm>
#include <array>

#include "base/clock.h"
#include "base/text.h"
#include "core/eventlog.h"
#include "core/jsonline.h"
#include "spec/signals.h"

namespace sup {
namespace {

// A line stays below 64 KiB whatever a caller put into names and arguments: each free string gets a share, and no event has
// more than seven. Counted as it will stand in the line, where a byte may become six (\u001b).
constexpr std::size_t kShare = 8000;

// How many bytes of s fit into a share.
std::size_t fitting(std::string_view s) {
  std::size_t cost = 0;
  for (std::size_t i = 0; i < s.size(); ++i) {
    const auto c = static_cast<unsigned char>(s[i]);
    cost += c < 0x20 || c >= 0x7f || c == '"' || c == '\\' ? 6 : 1;
    if (cost > kShare) return i;
  }
  return s.size();
}

struct Renderer {
  JsonLine& out;
  bool truncated = false;

  std::string_view text(std::string_view s) {
    const std::size_t fits = fitting(s);
    truncated = truncated || fits < s.size();
    return s.substr(0, fits);
  }

  void spans(const Spans& s) {
    out.begin("spans");
    const auto put = [&](const char* key, const std::optional<std::uint64_t>& v) {
      if (v) out.put(key, *v);
    };
    put("queue", s.queue);
    put("clone", s.clone);
    put("setup", s.setup);
    put("exec", s.exec);
    put("first_byte", s.first_byte);
    put("drain", s.drain);
    put("reap", s.reap);
    out.end();
  }

  void error(const Error& e) {
    out.put("code", e.code);
    if (!e.stage.empty()) out.put("stage", e.stage);
    if (e.err != 0) out.put("errno", e.err);
    if (!e.path.empty()) out.put("path", text(e.path));
    if (!e.hint.empty()) out.put("hint", text(e.hint));
  }

  void operator()(const event::Starting& e) {
    out.put("command", text(e.command));
    out.put("tty", e.tty);
    out.put("user_namespace", e.user_namespace);
    // On the host's root namespaces alone contain nobody; in one of its own, uid 0 is the host's unless a user namespace is there.
    out.put("boundary", !e.rooted ? "none" : e.user_namespace ? "user" : "rootfs");
  }
  void operator()(const event::Started& e) {
    out.put("pid", e.pid);
    spans(e.spans);
  }
  void operator()(const event::Failed& e) {
    error(e.error);
    out.put("exit_code", e.exit_code);
    out.put("reason", to_string(Reason::sup_error));
    out.put("origin", "sup");
  }
  void operator()(const event::Resized& e) {
    out.put("rows", e.rows);
    out.put("cols", e.cols);
  }
  void operator()(const event::Signalled& e) {
    out.put("signal", signal_name(e.signal));
    out.put("effect", to_string(e.effect));
    if (e.sender) out.put("sender", *e.sender);
  }
  void operator()(const event::Stopping& e) {
    out.put("signal", signal_name(e.signal));
    out.put("reason", to_string(e.reason));
  }
  void operator()(const event::Exited& e) {
    if (e.signal) {
      out.put("signal", signal_name(*e.signal));
      out.put("core", e.core);
      if (e.syscall) {
        out.put("killed_by", "seccomp");
        out.put("syscall", text(*e.syscall));
      }
    } else {
      out.put("exit_code", e.exit_code.value_or(125));
    }
    out.put("reason", to_string(e.reason));
    out.put("origin", e.by_command ? "command" : "sup");
    out.put("duration_ms", e.duration_ms);
    spans(e.spans);
    out.begin("rusage");
    out.put("user_ms", static_cast<double>(e.usage.user_us) / 1000);
    out.put("system_ms", static_cast<double>(e.usage.system_us) / 1000);
    out.put("max_rss_kib", e.usage.max_rss_kib);
    out.put("minor_faults", e.usage.minor_faults);
    out.put("major_faults", e.usage.major_faults);
    out.put("voluntary_switches", e.usage.voluntary_switches);
    out.put("involuntary_switches", e.usage.involuntary_switches);
    out.end();
    out.begin("bytes");
    out.put("stdin", e.bytes.in);
    out.put("stdout", e.bytes.out);
    out.put("stderr", e.bytes.err);
    out.end();
  }
  void operator()(const event::Problem& e) { error(e.error); }
  void operator()(const event::Restarting& e) {
    out.put("delay_ms", e.delay_ms);
    out.put("count", e.count);
  }
  void operator()(const event::Removed&) {}
  void operator()(const event::Paused&) {}
  void operator()(const event::Unpaused&) {}
  void operator()(const event::Oom& e) { out.put("count", e.kills); }
  void operator()(const event::Attached& e) { out.put("client", e.client); }
  void operator()(const event::Detached& e) {
    out.put("client", e.client);
    out.put("reason", to_string(e.reason));
  }
  void operator()(const event::Listening& e) { out.put("path", text(e.path)); }
  void operator()(const event::Reloaded& e) {
    out.put("from", text(e.from));
    out.put("version", text(e.version));
  }
  void operator()(const event::Closing&) {}
};

struct Name {
  std::string_view operator()(const event::Starting&) { return "starting"; }
  std::string_view operator()(const event::Started&) { return "started"; }
  std::string_view operator()(const event::Failed&) { return "failed"; }
  std::string_view operator()(const event::Resized&) { return "resized"; }
  std::string_view operator()(const event::Signalled&) { return "signal"; }
  std::string_view operator()(const event::Stopping&) { return "stopping"; }
  std::string_view operator()(const event::Exited&) { return "exited"; }
  std::string_view operator()(const event::Problem&) { return "error"; }
  std::string_view operator()(const event::Restarting&) { return "restarting"; }
  std::string_view operator()(const event::Removed&) { return "removed"; }
  std::string_view operator()(const event::Paused&) { return "paused"; }
  std::string_view operator()(const event::Unpaused&) { return "unpaused"; }
  std::string_view operator()(const event::Oom&) { return "oom"; }
  std::string_view operator()(const event::Attached&) { return "attached"; }
  std::string_view operator()(const event::Detached&) { return "detached"; }
  std::string_view operator()(const event::Listening&) { return "listening"; }
  std::string_view operator()(const event::Reloaded&) { return "reloaded"; }
  std::string_view operator()(const event::Closing&) { return "closing"; }
};

// What a person reads; the first two are the seed's own words.
struct Message {
  std::string operator()(const event::Starting&) { return "init come on"; }
  std::string operator()(const event::Started& e) { return "command " + e.command; }
  std::string operator()(const event::Failed& e) { return e.error.line(); }
  std::string operator()(const event::Resized& e) {
    return "window " + std::to_string(e.cols) + "x" + std::to_string(e.rows);
  }
  std::string operator()(const event::Signalled& e) {
    return std::string("signal ") + std::string(signal_name(e.signal)) + " " + std::string(to_string(e.effect));
  }
  std::string operator()(const event::Stopping& e) {
    return std::string("stopping with ") + std::string(signal_name(e.signal));
  }
  std::string operator()(const event::Exited& e) {
    if (e.syscall)
      return "killed by " + std::string(signal_name(*e.signal)) + ", the seccomp profile's answer to " + *e.syscall;
    if (e.may_be_filtered)
      return "killed by " + std::string(signal_name(*e.signal)) +
             ", which its seccomp profile answers some system calls with";
    if (e.signal) return "killed by " + std::string(signal_name(*e.signal));
    return "exited with " + std::to_string(e.exit_code.value_or(125));
  }
  std::string operator()(const event::Problem& e) { return e.error.line(); }
  std::string operator()(const event::Restarting& e) {
    return e.delay_ms == 0 ? std::string("starting again") : "restarting in " + std::to_string(e.delay_ms) + " ms";
  }
  std::string operator()(const event::Removed&) { return "removed"; }
  std::string operator()(const event::Paused&) { return "paused"; }
  std::string operator()(const event::Unpaused&) { return "unpaused"; }
  std::string operator()(const event::Oom& e) {
    return "out of memory: " + std::to_string(e.kills) + (e.kills == 1 ? " process killed" : " processes killed");
  }
  std::string operator()(const event::Attached& e) { return "client " + std::to_string(e.client) + " attached"; }
  std::string operator()(const event::Detached& e) {
    return "client " + std::to_string(e.client) + " detached: " + std::string(to_string(e.reason));
  }
  std::string operator()(const event::Listening& e) { return "listening on " + e.path; }
  std::string operator()(const event::Reloaded& e) { return "goes on as version " + e.version; }
  std::string operator()(const event::Closing&) { return "supervisor ends"; }
};

}  // namespace

std::span<const std::string_view> event_names() {
  static constexpr std::array<std::string_view, 20> kNames{
      "starting", "started",  "failed", "resized",    "signal",   "paused",    "unpaused",
      "oom",      "stopping", "exited", "restarting", "ready",    "unhealthy", "attached",
      "detached", "removed",  "error",  "listening",  "reloaded", "closing"};
  return kNames;
}

Level level_of(const Event& event) {
  if (std::holds_alternative<event::Failed>(event.what)) return Level::error;
  if (const auto* problem = std::get_if<event::Problem>(&event.what)) return problem->level;
  if (std::holds_alternative<event::Oom>(event.what)) return Level::warning;
  if (std::holds_alternative<event::Resized>(event.what)) return Level::info;
  return Level::info;
}

std::string event_line(const Event& event, std::uint64_t seq, const std::string& supervisor, const timespec& now) {
  JsonLine out;
  Renderer render{out};
  out.put("level", to_string(level_of(event)));
  out.put("msg", render.text(std::visit(Message{}, event.what)));
  out.put("time", rfc3339(now));
  out.put("event", std::visit(Name{}, event.what));
  out.put("seq", seq);
  if (event.cause != 0) out.put("cause", event.cause);
  if (!supervisor.empty()) out.put("supervisor", render.text(supervisor));
  if (!event.id.empty()) out.put("id", render.text(event.id));
  if (!event.name.empty()) out.put("name", render.text(event.name));
  if (!event.exec.empty()) out.put("exec", render.text(event.exec));
  std::visit(render, event.what);
  if (render.truncated) out.put("truncated", true);
  return out.take();
}

}  // namespace sup
