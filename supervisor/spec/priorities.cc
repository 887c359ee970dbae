#include "spec/priorities.h"

#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/text.h"

namespace sup {
namespace {

constexpr std::array<std::pair<std::string_view, int>, 16> kResources{{{"as", RLIMIT_AS},
                                                                       {"core", RLIMIT_CORE},
                                                                       {"cpu", RLIMIT_CPU},
                                                                       {"data", RLIMIT_DATA},
                                                                       {"fsize", RLIMIT_FSIZE},
                                                                       {"locks", RLIMIT_LOCKS},
                                                                       {"memlock", RLIMIT_MEMLOCK},
                                                                       {"msgqueue", RLIMIT_MSGQUEUE},
                                                                       {"nice", RLIMIT_NICE},
                                                                       {"nofile", RLIMIT_NOFILE},
                                                                       {"nproc", RLIMIT_NPROC},
                                                                       {"rss", RLIMIT_RSS},
                                                                       {"rtprio", RLIMIT_RTPRIO},
                                                                       {"rttime", RLIMIT_RTTIME},
                                                                       {"sigpending", RLIMIT_SIGPENDING},
                                                                       {"stack", RLIMIT_STACK}}};

constexpr std::array<std::string_view, 4> kClasses{"none", "realtime", "best-effort", "idle"};
constexpr int kClassShift = 13;   // IOPRIO_CLASS_SHIFT, linux/ioprio.h

std::optional<std::uint64_t> limit(std::string_view text) {
  if (text == "unlimited" || text == "-1") return kUnlimited;
  return parse_unsigned<std::uint64_t>(text);
}

std::string text_of(std::uint64_t limit) { return limit == kUnlimited ? "unlimited" : std::to_string(limit); }

}  // namespace

Result<Ulimit> parse_ulimit(std::string_view text) {
  const auto wrong = [&text](std::string why, std::string hint) {
    return usage("--ulimit " + printable(text), std::move(why), std::move(hint));
  };
  const auto at = text.find('=');
  const auto name = text.substr(0, at);
  const auto* const known = std::ranges::find(kResources, name, &std::pair<std::string_view, int>::first);
  if (known == kResources.end()) {
    std::vector<std::string_view> names;
    names.reserve(kResources.size());
    for (const auto& [each, number] : kResources) names.push_back(each);
    const auto near = nearest(name, names);
    return wrong("no such resource",
                 near ? "did you mean " + std::string(*near) + "?" : "NAME=SOFT[:HARD], such as nofile=1024:2048");
  }
  if (at == std::string_view::npos) return wrong("no limit is said", "NAME=SOFT[:HARD], such as nofile=1024:2048");
  const auto values = text.substr(at + 1);
  const auto colon = values.find(':');
  const auto soft = limit(values.substr(0, colon));
  const auto hard = colon == std::string_view::npos ? soft : limit(values.substr(colon + 1));
  if (!soft || !hard) return wrong("not a number", "a number from 0 up, or unlimited");
  if (*soft > *hard) return wrong("the soft limit is above the hard one", "NAME=SOFT:HARD");
  return Ulimit{known->second, *soft, *hard};
}

std::string to_string(const Ulimit& limit) {
  return ulimit_name(static_cast<std::uint64_t>(limit.resource)) + "=" + text_of(limit.soft) + ":" +
         text_of(limit.hard);
}

std::string ulimit_name(std::uint64_t resource) {
  for (const auto& [name, number] : kResources) {
    if (static_cast<std::uint64_t>(number) == resource) return std::string(name);
  }
  return std::to_string(resource);
}

Result<int> parse_ionice(std::string_view text) {
  const auto colon = text.find(':');
  const auto* const at = std::ranges::find(kClasses, text.substr(0, colon));
  const bool leveled = at == kClasses.begin() + 1 || at == kClasses.begin() + 2;
  const auto level = colon == std::string_view::npos ? std::optional<unsigned>(leveled ? 4U : 0U)
                                                     : parse_unsigned<unsigned>(text.substr(colon + 1));
  if (at == kClasses.end() || at == kClasses.begin() || !level || *level > 7 ||
      (!leveled && colon != std::string_view::npos)) {
    return usage("--ionice " + printable(text), "no such class", "idle, best-effort[:0-7] or realtime[:0-7]");
  }
  return static_cast<int>(at - kClasses.begin()) << kClassShift | static_cast<int>(*level);
}

std::string ionice_text(int value) {
  const auto which = static_cast<std::size_t>(value >> kClassShift) % kClasses.size();
  const std::string name(kClasses[which]);
  return which == 3 ? name : name + ":" + std::to_string(value & 7);
}

}  // namespace sup
