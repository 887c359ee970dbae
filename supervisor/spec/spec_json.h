// Spec as JSON: how a container is asked for over the control socket, and kept across a live upgrade.
//
// One object, its members named as Spec's fields; durations are in milliseconds (stop_timeout_ms, timeout_ms), a
// signal is a number or a name, `network` is "none" or "host", and an item of `env` is {"key":…,"value":…}, without
// the value where it is the caller's; when read also "KEY=VALUE" or "KEY". What is absent or null has Spec's default;
// members that are not known are ignored.
//
// Bytes are bytes: a string that is not UTF-8 travels as {"base64":"…"}, and every string may be written so. What
// spec_to_json() made, spec_from_json() reads back as the same Spec. Whether it makes sense is check()'s question.
#pragma once
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "spec/jsonrpc.h"
#include "spec/spec.h"

namespace sup {

[[nodiscard]] nlohmann::json spec_to_json(const Spec& spec);

// at: the pointer to `value`, for errors such as -32602 E_RPC_TYPE at "/params/spec/argv/3".
[[nodiscard]] Rpc<Spec> spec_from_json(const nlohmann::json& value, const std::string& at = {});

// The `limits` of a spec by themselves: memory, memory_swap (bytes, -1: none), nano_cpus, cpu_shares, cpuset_cpus,
// pids (-1: none), blkio_weight, best_effort.
[[nodiscard]] nlohmann::json limits_to_json(const Limits& limits);
[[nodiscard]] Rpc<Limits> limits_from_json(const nlohmann::json& value, const std::string& at = {});

// A string as it travels, and back.
[[nodiscard]] nlohmann::json bytes_to_json(const std::string& bytes);
[[nodiscard]] Rpc<std::string> bytes_from_json(const nlohmann::json& value, const std::string& at);

}  // namespace sup
