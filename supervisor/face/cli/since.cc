#include "face/cli/since.h"

#include <cstdint>
#include <string>

#include "base/text.h"
#include "core/logrecord.h"

namespace sup::cli {

Result<timespec> parse_since(std::string_view text) {
  if (const auto time = parse_rfc3339(text)) return *time;
  const auto ago = parse_duration(text, "--since");
  if (!ago)
    return usage("--since " + printable(text), "neither a time nor a duration",
                 "2026-11-23T10:00:00Z, or 10m for ten minutes ago");
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  const std::int64_t ns = now.tv_nsec - ago->count() % 1000 * 1'000'000;
  now.tv_sec -= ago->count() / 1000 + (ns < 0 ? 1 : 0);
  now.tv_nsec = ns < 0 ? ns + 1'000'000'000 : ns;
  return now;
}

}  // namespace sup::cli
