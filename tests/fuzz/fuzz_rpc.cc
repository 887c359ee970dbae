// spec/jsonrpc.h: any line is taken or refused, and the refusal is itself a message that is understood.
#include "spec/jsonrpc.h"

#include <nlohmann/json.hpp>

#include "fuzz.h"

using namespace sup;
using sup::fuzz::require;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view line(reinterpret_cast<const char*>(data), size);
  if (const auto request = parse_request(line)) {
    const auto again = parse_request(
        request_line(request->notification() ? "null" : request->id, request->method, request->params.json()));
    require(again.has_value() && again->method == request->method && again->params.json() == request->params.json(),
            "what is sent on is the same");
    require(request->notification() || again->id == request->id, "the id comes back");
    for (const char* name : {"a", "argv", "n", "tty"}) {
      const auto& p = request->params;
      const bool any =
          p.get_string(name) || p.get_bool(name) || p.get_uint(name) || p.get_strings(name) || p.get_object(name);
      require(!any || p.has(name), "nothing is made up");
    }
  } else {
    const std::string answer = error_line(request.error());
    require(answer.size() < 8192, "an error is short");
    for (const char c : answer) require(c >= 0x20 && c < 0x7f, "one line of ASCII");
    require(parse_said(answer).has_value(), "an error is understood");
  }
  if (const auto said = parse_said(line)) {
    if (const auto* answer = std::get_if<Answer>(&*said))
      require(answer->failed() || answer->result != nullptr, "one of the two");
    if (const auto* answer = std::get_if<Answer>(&*said)) (void)answer->error.line();
  }
  return 0;
}
