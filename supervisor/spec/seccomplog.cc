#include "spec/seccomplog.h"

#include <linux/seccomp.h>

#include <algorithm>
#include <charconv>
#include <string>

#include "base/text.h"

namespace sup {
namespace {

// The value of the first " KEY=" behind `from`.
std::string_view word(std::string_view text, std::string_view key) {
  const std::string wanted = " " + std::string(key) + "=";
  const auto at = text.find(wanted);
  if (at == std::string_view::npos) return {};
  text.remove_prefix(at + wanted.size());
  const auto end = text.find_first_of(" \n");
  return end == std::string_view::npos ? std::string_view() : text.substr(0, end);  // else it may have been cut
}

template <typename Number>
std::optional<Number> number(std::string_view text, int base = 10) {
  Number value{};
  const auto [end, err] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (text.empty() || err != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

bool filter_kills(const Filter& filter) {
  return std::ranges::any_of(filter, [](const sock_filter& one) {
    if (one.code != (BPF_RET | BPF_K)) return false;
    const std::uint32_t action = one.k & SECCOMP_RET_ACTION_FULL;
    return action == SECCOMP_RET_KILL_PROCESS || action == SECCOMP_RET_KILL_THREAD || action == SECCOMP_RET_TRAP;
  });
}

std::optional<SeccompKill> seccomp_kill(std::string_view record) {
  const auto body = record.find(';');
  // Nearly all are something else.
  if (body == std::string_view::npos || !record.substr(body + 1).starts_with("audit: type=1326 ")) return std::nullopt;
  const auto head = split(record.substr(0, body), ',');
  const auto when = head.size() < 3 ? std::nullopt : number<std::uint64_t>(head[2]);
  const std::string_view text = record.substr(body + 1);
  // Facility 0 is the kernel's alone; who may write to the log has another.
  const auto priority = number<unsigned>(head.front());
  if (!priority || *priority >= 8) return std::nullopt;
  if (!when || word(text, "sig") != "31") return std::nullopt;
  const auto pid = number<pid_t>(word(text, "pid"));
  const auto arch = number<std::uint32_t>(word(text, "arch"), 16);
  const auto call = number<int>(word(text, "syscall"));
  if (!pid || !arch || !call) return std::nullopt;
  return SeccompKill{*pid, *when, *arch, *call};
}

}  // namespace sup
