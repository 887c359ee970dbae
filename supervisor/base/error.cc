#include "base/error.h"

#include <cerrno>
#include <cstring>
#include <utility>

#include "base/text.h"

namespace sup {
namespace {

std::string reason(int err) {
  if (err == 0) return {};
  // Unlike strerror(3): thread-safe and the same words in every locale, so that scripts may look for them.
  if (const char* text = strerrordesc_np(err)) return text;
  return "errno " + std::to_string(err);
}

}  // namespace

std::string Error::line() const {
  // Every part may hold a name chosen by somebody else, so each is made harmless here, in the one place
  // through which all lines go.
  std::string out;
  const auto add = [&out](std::string_view part, std::string_view separator) {
    if (part.empty()) return;
    if (!out.empty()) out += separator;
    out += printable(part);
  };
  add(where, ": ");
  add(what, ": ");
  add(why.empty() ? reason(err) : why, ": ");
  // The one way out of it, whatever could not be opened.
  add(err == EMFILE ? "raise the limit: ulimit -n" : hint, "; ");
  return out;
}

std::unexpected<Error> usage(std::string where, std::string why, std::string hint) {
  Error error;
  error.code = "E_USAGE";
  error.where = std::move(where);
  error.why = std::move(why);
  error.hint = std::move(hint);
  return std::unexpected(std::move(error));
}

}  // namespace sup
