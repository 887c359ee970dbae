#include "base/clock.h"

#include <array>
#include <cstdlib>

namespace sup {
namespace {

std::string padded(long number, std::size_t width) {
  const std::string digits = std::to_string(number);
  return digits.size() < width ? std::string(width - digits.size(), '0') + digits : digits;
}

}  // namespace

std::int64_t now_us() {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return std::int64_t{time.tv_sec} * 1'000'000 + time.tv_nsec / 1000;
}

timespec wall_clock() {
  timespec time{};
  clock_gettime(CLOCK_REALTIME, &time);
  return time;
}

std::string rfc3339(const timespec& time) {
  struct Second {
    bool known = false;
    std::time_t at = 0;
    std::string date;
    std::string zone;
  };
  thread_local Second cache;
  if (!cache.known || cache.at != time.tv_sec) {
    std::tm tm{};
    if (localtime_r(&time.tv_sec, &tm) == nullptr) tm = {};   // a year that int cannot hold
    std::array<char, 64> text{};
    cache.date.assign(text.data(), std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &tm));
    // strftime's %z has no colon.
    const long minutes = std::labs(tm.tm_gmtoff) / 60;
    cache.zone = (tm.tm_gmtoff < 0 ? "-" : "+") + padded(minutes / 60, 2) + ":" + padded(minutes % 60, 2);
    cache.at = time.tv_sec;
    cache.known = true;
  }
  return cache.date + "." + padded(time.tv_nsec / 1000, 6) + cache.zone;
}

}  // namespace sup
