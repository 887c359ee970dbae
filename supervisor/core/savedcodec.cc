#include "core/savedcodec.h"

#include <nlohmann/json.hpp>

#include "base/text.h"

// How nlohmann/json is told of a type that is not its own.
namespace nlohmann {
template <typename T>
struct adl_serializer<std::optional<T>> {
  static void to_json(json& to, const std::optional<T>& from) {
    if (from) {
      to = *from;
    } else {
      to = nullptr;
    }
  }
  static void from_json(const json& from, std::optional<T>& to) {
    if (from.is_null()) {
      to.reset();
    } else {
      to = from.get<T>();
    }
  }
};
}  // namespace nlohmann

namespace sup {

using Json = nlohmann::json;

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(Error, code, where, what, err, why, hint, path, status, stage)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(Spans, queue, clone, setup, exec, first_byte, drain, reap)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(Usage, user_us, system_us, max_rss_kib, minor_faults, major_faults,
                                                voluntary_switches, involuntary_switches)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(Bytes, in, out, err)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(ExitStatus, code, signal, core)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(SavedStream, fd, reading, ended, ending, unsent)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(SavedContainer, pid, pidfd, exec, pid1, cwd, passwd, group, seccomp,
                                                landlock, top_directories, top_files, uid, gid, boot, master, in, out,
                                                err, boot_bytes, boot_ended, reaped, command_status, command_pid,
                                                eof_line, eof_literal_next, eof_raw_bytes, rows, cols, timeout_ms,
                                                grace_ms, ending, cloned_us, exec_us, running_us, dead_us, spans, usage,
                                                bytes, wait_status, cause, fenced, frozen, kill_sent, oom_kills, pasta,
                                                pasta_pidfd)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(SavedOutcome, ran, error, status, reason, duration_ms, bytes)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(SavedChunk, stream, bytes)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(SavedHeld, id, number, spec, environ, cwd, rows, cols, state, container,
                                                outcome, restarts, again_ms, stopped_by_user, remove_at_end,
                                                again_at_end, created, started, finished, log_held, log_dropped_bytes,
                                                log_dropped_records, log_dropped_total, log_seq, ring, ring_total, claim,
                                                claim_fd)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(SavedExec, container, spec, command)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(SavedSupervisor, execs, held, closing, last_number)

namespace {

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

template <typename T>
Result<T> read(const Json& value) {
  try {
    return value.get<T>();
  } catch (const Json::exception& e) {
    return std::unexpected(unreadable(printable(e.what())));
  }
}

}  // namespace

Json saved_to_json(const SavedSupervisor& saved) { return saved; }
Json saved_to_json(const SavedStream& saved) { return saved; }
Result<SavedSupervisor> supervisor_from_json(const Json& value) { return read<SavedSupervisor>(value); }
Result<SavedStream> stream_from_json(const Json& value) { return read<SavedStream>(value); }

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
