// The one place where an Event becomes its JSON line (sup-events(7), packaging/schema).
#pragma once
#include <ctime>
#include <span>
#include <string>
#include <string_view>

#include "core/event.h"

namespace sup {

// What events are called, also those that only a later version emits: the schema's list.
[[nodiscard]] std::span<const std::string_view> event_names();

[[nodiscard]] Level level_of(const Event& event);

// Without a line end. ASCII only: bytes that are not UTF-8 become U+FFFD, everything above 0x7e is escaped, so that no
// reader and no terminal can be led astray by a name. At most 64 KiB: longer strings are cut and `truncated` is set.
[[nodiscard]] std::string event_line(const Event& event, std::uint64_t seq, const std::string& supervisor,
                                     const timespec& now);

}  // namespace sup
