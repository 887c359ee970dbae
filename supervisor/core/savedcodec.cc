#include "core/savedcodec.h"

#include <concepts>
#include <nlohmann/json.hpp>
#include <type_traits>

#include "base/text.h"
#include "spec/jsonmember.h"

namespace sup {

using Json = nlohmann::json;

namespace {

class Walk;
void fields(Walk& walk, Error& s);
void fields(Walk& walk, Spans& s);
void fields(Walk& walk, Usage& s);
void fields(Walk& walk, Bytes& s);
void fields(Walk& walk, ExitStatus& s);
void fields(Walk& walk, SavedStream& s);
void fields(Walk& walk, SavedContainer& s);
void fields(Walk& walk, SavedOutcome& s);
void fields(Walk& walk, SavedChunk& s);
void fields(Walk& walk, SavedHeld& s);
void fields(Walk& walk, SavedExec& s);
void fields(Walk& walk, SavedSupervisor& s);

// Walks over the members of a JSON object and the fields of a struct, one list for both directions: it writes all fields, or reads
// those that are there. The first that has the wrong type is remembered.
class Walk {
 public:
  explicit Walk(Json& to) : to_(&to), from_(&to) {}  // writes
  explicit Walk(const Json& from) : from_(&from) {}  // reads

  void operator()(const char* key, bool& field) {
    if (writes()) {
      put(key, field);
    } else if (const Json* value = take(key, Json::value_t::boolean)) {
      field = value->get<bool>();
    }
  }
  void operator()(const char* key, std::int64_t& field) {
    if (writes()) {
      put(key, field);
    } else if (const Json* value = take(key, Json::value_t::number_integer)) {
      field = value->get<std::int64_t>();
    }
  }
  // Of a number that the field cannot hold there are as many bits as it has.
  template <std::integral T>
  void operator()(const char* key, T& field) {
    if (writes() && std::is_unsigned_v<T>) return put(key, static_cast<std::uint64_t>(field));
    auto wide = static_cast<std::int64_t>(field);
    (*this)(key, wide);
    field = static_cast<T>(wide);
  }
  void operator()(const char* key, std::string& field) {
    if (writes()) {
      put(key, field);
    } else if (const Json* value = take(key, Json::value_t::string)) {
      field = value->get_ref<const std::string&>();
    }
  }
  template <typename T>
  void operator()(const char* key, std::optional<T>& field) {
    if (writes() ? !field : nothing(key)) {
      if (writes()) put(key, nullptr);
      field.reset();
      return;
    }
    if (!writes() && !has(key)) return;
    (*this)(key, field ? *field : field.emplace());
  }
  template <typename T>
  void operator()(const char* key, std::vector<T>& field) {
    if (writes()) {
      Json list = Json::array();
      for (T& one : field) list.push_back(written(one));
      return put(key, std::move(list));
    }
    const Json* list = take(key, Json::value_t::array);
    if (list == nullptr) return;
    field.clear();
    for (const Json& one : *list) read(key, one, field.emplace_back());
  }
  // A struct of which there is a list of fields.
  template <typename T>
  void operator()(const char* key, T& field) {
    if (writes()) return put(key, written(field));
    if (const Json* value = take(key, Json::value_t::object)) read(key, *value, field);
  }

  // An item of a list, or a struct.
  template <typename T>
  static Json written(T& value) {
    if constexpr (std::is_same_v<T, std::string> || std::is_integral_v<T>) {
      return value;
    } else {
      Json object = Json::object();
      Walk walk(object);
      fields(walk, value);
      return object;
    }
  }

  // The key of the first field with the wrong type; null: none has it.
  [[nodiscard]] const char* wrong() const { return wrong_; }

 private:
  [[nodiscard]] bool writes() const { return to_ != nullptr; }
  void put(const char* key, Json value) { (*to_)[key] = std::move(value); }
  [[nodiscard]] bool has(const char* key) const { return member(*from_, key) != nullptr; }
  [[nodiscard]] bool nothing(const char* key) const {
    const Json* value = member(*from_, key);
    return value != nullptr && value->is_null();
  }
  // The member, of that type; null where it is missing, or wrong.
  const Json* take(const char* key, Json::value_t type) {
    const Json* value = member(*from_, key);
    if (value == nullptr) return nullptr;
    if (value->type() == type || (type == Json::value_t::number_integer && value->is_number_integer())) return value;
    if (wrong_ == nullptr) wrong_ = key;
    return nullptr;
  }
  template <typename T>
  void read(const char* key, const Json& from, T& to) {
    if constexpr (std::is_same_v<T, std::string>) {
      if (from.is_string()) {
        to = from.get_ref<const std::string&>();
      } else {
        wrong_ = key;
      }
    } else if constexpr (std::is_integral_v<T>) {
      if (from.is_number_integer()) {
        to = from.get<T>();
      } else {
        wrong_ = key;
      }
    } else {
      if (!from.is_object()) wrong_ = key;
      Walk walk(from);
      fields(walk, to);
      if (walk.wrong_ != nullptr) wrong_ = walk.wrong_;
    }
  }

  Json* to_ = nullptr;  // null: it reads
  const Json* from_;
  const char* wrong_ = nullptr;
};

void fields(Walk& walk, Error& s) {
  walk("code", s.code);
  walk("where", s.where);
  walk("what", s.what);
  walk("err", s.err);
  walk("why", s.why);
  walk("hint", s.hint);
  walk("path", s.path);
  walk("status", s.status);
  walk("stage", s.stage);
}
void fields(Walk& walk, Spans& s) {
  walk("queue", s.queue);
  walk("clone", s.clone);
  walk("setup", s.setup);
  walk("exec", s.exec);
  walk("first_byte", s.first_byte);
  walk("drain", s.drain);
  walk("reap", s.reap);
}
void fields(Walk& walk, Usage& s) {
  walk("user_us", s.user_us);
  walk("system_us", s.system_us);
  walk("max_rss_kib", s.max_rss_kib);
  walk("minor_faults", s.minor_faults);
  walk("major_faults", s.major_faults);
  walk("voluntary_switches", s.voluntary_switches);
  walk("involuntary_switches", s.involuntary_switches);
}
void fields(Walk& walk, Bytes& s) {
  walk("in", s.in);
  walk("out", s.out);
  walk("err", s.err);
}
void fields(Walk& walk, ExitStatus& s) {
  walk("code", s.code);
  walk("signal", s.signal);
  walk("core", s.core);
}
void fields(Walk& walk, SavedStream& s) {
  walk("fd", s.fd);
  walk("reading", s.reading);
  walk("ended", s.ended);
  walk("ending", s.ending);
  walk("unsent", s.unsent);
}
void fields(Walk& walk, SavedContainer& s) {
  walk("pid", s.pid);
  walk("pidfd", s.pidfd);
  walk("exec", s.exec);
  walk("pid1", s.pid1);
  walk("cwd", s.cwd);
  walk("passwd", s.passwd);
  walk("group", s.group);
  walk("seccomp", s.seccomp);
  walk("landlock", s.landlock);
  walk("top_directories", s.top_directories);
  walk("top_files", s.top_files);
  walk("uid", s.uid);
  walk("gid", s.gid);
  walk("boot", s.boot);
  walk("master", s.master);
  walk("in", s.in);
  walk("out", s.out);
  walk("err", s.err);
  walk("boot_bytes", s.boot_bytes);
  walk("boot_ended", s.boot_ended);
  walk("reaped", s.reaped);
  walk("command_status", s.command_status);
  walk("command_pid", s.command_pid);
  walk("filtered_pid", s.filtered_pid);
  walk("eof_line", s.eof_line);
  walk("eof_literal_next", s.eof_literal_next);
  walk("eof_raw_bytes", s.eof_raw_bytes);
  walk("rows", s.rows);
  walk("cols", s.cols);
  walk("timeout_ms", s.timeout_ms);
  walk("grace_ms", s.grace_ms);
  walk("ending", s.ending);
  walk("asked_with", s.asked_with);
  walk("cloned_us", s.cloned_us);
  walk("exec_us", s.exec_us);
  walk("running_us", s.running_us);
  walk("dead_us", s.dead_us);
  walk("spans", s.spans);
  walk("usage", s.usage);
  walk("bytes", s.bytes);
  walk("wait_status", s.wait_status);
  walk("cause", s.cause);
  walk("fenced", s.fenced);
  walk("group_locks", s.group_locks);
  walk("frozen", s.frozen);
  walk("kill_sent", s.kill_sent);
  walk("oom_kills", s.oom_kills);
  walk("pasta", s.pasta);
  walk("pasta_pidfd", s.pasta_pidfd);
}
void fields(Walk& walk, SavedOutcome& s) {
  walk("ran", s.ran);
  walk("error", s.error);
  walk("status", s.status);
  walk("reason", s.reason);
  walk("duration_ms", s.duration_ms);
  walk("bytes", s.bytes);
}
void fields(Walk& walk, SavedChunk& s) {
  walk("stream", s.stream);
  walk("bytes", s.bytes);
}
void fields(Walk& walk, SavedHeld& s) {
  walk("id", s.id);
  walk("number", s.number);
  walk("spec", s.spec);
  walk("environ", s.environ);
  walk("cwd", s.cwd);
  walk("rows", s.rows);
  walk("cols", s.cols);
  walk("state", s.state);
  walk("container", s.container);
  walk("outcome", s.outcome);
  walk("restarts", s.restarts);
  walk("again_ms", s.again_ms);
  walk("why", s.why);
  walk("stopped_by_user", s.stopped_by_user);
  walk("sent", s.sent);
  walk("remove_at_end", s.remove_at_end);
  walk("again_at_end", s.again_at_end);
  walk("created", s.created);
  walk("started", s.started);
  walk("finished", s.finished);
  walk("log_held", s.log_held);
  walk("log_dropped_bytes", s.log_dropped_bytes);
  walk("log_dropped_records", s.log_dropped_records);
  walk("log_dropped_total", s.log_dropped_total);
  walk("log_seq", s.log_seq);
  walk("ring", s.ring);
  walk("ring_total", s.ring_total);
  walk("claim", s.claim);
  walk("claim_fd", s.claim_fd);
  walk("on_roster", s.on_roster);
  walk("roster_stopped", s.roster_stopped);
}
void fields(Walk& walk, SavedExec& s) {
  walk("container", s.container);
  walk("spec", s.spec);
  walk("command", s.command);
}
void fields(Walk& walk, SavedSupervisor& s) {
  walk("execs", s.execs);
  walk("held", s.held);
  walk("closing", s.closing);
  walk("last_number", s.last_number);
}

Error unreadable(std::string why) {
  return Error{.code = "E_STATE_FORMAT",
               .where = "reload",
               .what = "the state cannot be read",
               .err = 0,
               .why = std::move(why),
               .hint = {},
               .path = {},
               .stage = {}};
}

}  // namespace

Json saved_to_json(SavedSupervisor saved) { return Walk::written(saved); }

Result<SavedSupervisor> supervisor_from_json(const Json& value) {
  SavedSupervisor saved;
  if (value.is_null()) return saved;
  if (!value.is_object()) return std::unexpected(unreadable("it is no object"));
  Walk walk(value);
  fields(walk, saved);
  if (walk.wrong() != nullptr) return std::unexpected(unreadable(std::string(walk.wrong()) + " has the wrong type"));
  return saved;
}

std::string encode_state(Json value) {
  value["format"] = kSavedFormat;
  value["version"] = SUP_VERSION;
  std::string bytes;
  Json::to_cbor(value, bytes);
  return bytes;
}

Result<Json> decode_state(std::string_view bytes) {
  Json value = Json::from_cbor(bytes, true, false);
  if (value.is_discarded() || !value.is_object()) return std::unexpected(unreadable("it is not CBOR"));
  const auto format = value.find("format");
  if (format == value.end() || *format != kSavedFormat) {
    const auto version = value.find("version");
    return std::unexpected(unreadable(
        "it was written by version " +
        (version != value.end() && version->is_string() ? printable(version->get<std::string>()) : std::string("?")) +
        " in another format than " SUP_VERSION " reads"));
  }
  return value;
}

}  // namespace sup
