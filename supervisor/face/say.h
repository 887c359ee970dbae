// say: the one place that prints a line for people: "sup: …" on standard error.
#pragma once
#include <string_view>

#include "base/error.h"

namespace sup {

void say(std::string_view line);
// From within the loop, which must not wait for a reader: not said where that reader takes nothing just now. The events
// have the same facts.
void say_now(std::string_view line);
void say_now(const Error& error);
void say(const Error& error);

}  // namespace sup
