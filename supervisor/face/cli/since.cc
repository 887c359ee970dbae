#include "face/cli/since.h"

#include <cstdint>
#include <ctime>
#include <optional>
#include <string>

#include "base/text.h"
#include "core/logrecord.h"

namespace sup::cli {
namespace {

// Without a zone it is the caller's own, as on his clock.
std::optional<timespec> local_time(const std::string& text) {
  for (const char* format :
       {"%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M", "%Y-%m-%d"}) {
    std::tm tm{};
    const char* const end = ::strptime(text.c_str(), format, &tm);
    if (end != text.c_str() + text.size()) continue;
    tm.tm_isdst = -1;
    const int day = tm.tm_mday;
    const std::time_t time = std::mktime(&tm);
    // The 31st of a month that has none is no day.
    if (time == -1 || tm.tm_mday != day) return std::nullopt;
    return timespec{.tv_sec = time, .tv_nsec = 0};
  }
  return std::nullopt;
}

// Seconds since 1970, as date +%s has them. Fewer digits are a duration: nobody means 1970, and nobody 20 years in seconds.
std::optional<timespec> unix_time(std::string_view text) {
  constexpr std::size_t kLeast = 9;
  constexpr std::size_t kMost = 11;
  const std::string_view whole = text.substr(0, text.find('.'));
  if (whole.size() < kLeast || whole.size() > kMost) return std::nullopt;
  const auto seconds = parse_unsigned<std::uint32_t>(whole);
  if (!seconds) return std::nullopt;
  long nanoseconds = 0;
  if (whole.size() < text.size()) {
    std::string fraction(text.substr(whole.size() + 1));
    if (fraction.empty() || fraction.find_first_not_of("0123456789") != std::string::npos) return std::nullopt;
    fraction.resize(9, '0');
    const auto value = parse_unsigned<std::uint32_t>(fraction);
    if (!value) return std::nullopt;
    nanoseconds = static_cast<long>(*value);
  }
  return timespec{.tv_sec = static_cast<std::time_t>(*seconds), .tv_nsec = nanoseconds};
}

}  // namespace

Result<timespec> parse_since(std::string_view text) {
  if (const auto time = parse_rfc3339(text)) return *time;
  if (const auto time = local_time(std::string(text))) return *time;
  if (const auto time = unix_time(text)) return *time;
  const auto ago = parse_duration(text, "--since");
  if (!ago)
    return usage("--since " + printable(text), "neither a time nor a duration",
                 "2026-11-23T10:00:00Z, 2026-11-23 for a day here, or 10m for ten minutes ago");
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  const std::int64_t ns = now.tv_nsec - ago->count() % 1000 * 1'000'000;
  now.tv_sec -= ago->count() / 1000 + (ns < 0 ? 1 : 0);
  now.tv_nsec = ns < 0 ? ns + 1'000'000'000 : ns;
  return now;
}

}  // namespace sup::cli
