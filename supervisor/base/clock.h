// Clock: the two times sup deals in. Spans are taken with now_us(), people read rfc3339().
#pragma once
#include <ctime>

#include <cstdint>
#include <string>

namespace sup {

// Microseconds on CLOCK_MONOTONIC: never goes back, is not the time of day.
[[nodiscard]] std::int64_t now_us();

// The time of day, CLOCK_REALTIME.
[[nodiscard]] timespec wall_clock();

// "2026-11-23T10:00:00.000123+01:00": local time by TZ, microseconds (cut, not rounded), the offset always
// in numbers. What belongs to the second is kept from one call to the next in the same thread, so a change
// of TZ may be seen a second late.
[[nodiscard]] std::string rfc3339(const timespec& time);

}  // namespace sup
