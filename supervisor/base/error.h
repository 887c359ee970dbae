// Error: what went wrong, in the words a person needs and with the code a program needs.
#pragma once
#include <expected>
#include <string>

namespace sup {

// Made where the failure is seen, carried up as a value, and printed once, by the face:
//   sup: WHERE: WHAT: WHY; WHAT TO DO
// `code` is stable (E_…) and goes out in the `error` event together with the rest.
struct Error {
  std::string code;        // E_USAGE, E_EXEC_INTERP, …: stable, for programs
  std::string where;       // the place in the user's terms: "run", "--env-file", "exec", "mount /proc"
  std::string what;        // what could not be done, or the offending value
  int err = 0;             // errno, 0 when there was none
  std::string why{};       // the reason; empty: strerror(err)
  std::string hint{};      // what to do about it; may be empty
  std::string path{};      // the file it is about; may be empty
  int status = 125;        // exit status it leads to: 125, 126 or 127
  std::string stage{};     // which step of the start: "clone", "mount", "exec", …; may be empty

  // The one line for people, without the leading "sup: " and without a line end.
  [[nodiscard]] std::string line() const;
};

template <typename T = void>
using Result = std::expected<T, Error>;

// A usage error: status 125, code E_USAGE.
[[nodiscard]] std::unexpected<Error> usage(std::string where, std::string why, std::string hint = {});

}  // namespace sup
