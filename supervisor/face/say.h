// say: the one place that prints a line for people: "sup: …" on standard error.
#pragma once
#include <string_view>

#include "base/error.h"

namespace sup {

void say(std::string_view line);
void say(const Error& error);

}  // namespace sup
