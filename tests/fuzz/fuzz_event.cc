// core/eventjson.h: whatever names and errors hold, an event is one line of ASCII JSON of at most 64 KiB.
#include "core/eventjson.h"

#include <nlohmann/json.hpp>

#include "core/event.h"
#include "fuzz.h"

using namespace sup;
using sup::fuzz::require;

namespace {

Error error(sup::fuzz::Input& in) {
  Error e{.code = "E_EXEC_INTERP", .where = in.text(), .what = in.text(), .err = static_cast<int>(in.number(2))};
  e.why = in.text();
  e.hint = in.text();
  e.path = in.text();
  e.status = 126;
  e.stage = "exec";
  return e;
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  sup::fuzz::Input in(data, size);
  Event event{.id = "0123456789ab", .name = "web", .cause = in.number(2), .what = event::Removed{}};
  const auto kind = in.byte() % 9;
  const auto n = static_cast<int>(static_cast<std::int16_t>(in.number(2)));
  switch (kind) {
    case 0: event.what = event::Starting{.command = in.text(), .tty = in.flag(), .user_namespace = in.flag()}; break;
    case 1: event.what = event::Started{.command = in.text(), .pid = n, .spans = {}}; break;
    case 2: event.what = event::Failed{.error = error(in), .exit_code = n}; break;
    case 3: event.what = event::Resized{.rows = in.byte(), .cols = in.byte()}; break;
    case 4:
      event.what = event::Signalled{.signal = n, .effect = static_cast<Effect>(in.byte() & 3), .sender = n};
      break;
    case 5: event.what = event::Stopping{.signal = n, .reason = static_cast<Reason>(in.byte() % 6)}; break;
    case 6: {
      event::Exited e;
      if (in.flag())
        e.signal = n;
      else
        e.exit_code = n;
      e.duration_ms = in.number();
      e.usage.user_us = in.number();
      e.spans.drain = in.number();
      e.bytes.out = in.number();
      event.what = e;
      break;
    }
    case 7: event.what = event::Problem{.error = error(in), .level = static_cast<Level>(in.byte() % 5)}; break;
    default: break;
  }
  const timespec now{.tv_sec = static_cast<time_t>(in.number(5)),
                     .tv_nsec = static_cast<long>(in.number(4) % 1'000'000'000)};
  const std::string line = event_line(event, in.number(), "run-0123456789ab", now);
  require(line.size() < 65536, "at most 64 KiB");
  for (const char c : line) require(c >= 0x20 && c < 0x7f, "one line of ASCII");
  const auto json = nlohmann::json::parse(line, nullptr, false);
  require(json.is_object() && json.contains("level") && json.contains("msg") && json.contains("event"), "valid JSON");
  return 0;
}
