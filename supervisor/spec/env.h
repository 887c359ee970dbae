// Env: from -e, --env-file and the caller's environment to the command's.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "spec/spec.h"

namespace sup {

// What a command gets when nobody set a PATH; docker's.
inline constexpr std::string_view kDefaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

// "K=V", or "K" for the caller's value. Error E_USAGE: no name, or a NUL.
[[nodiscard]] Result<EnvEntry> parse_env_entry(std::string_view text, std::string_view where = "-e");

// The text of an --env-file, in docker's format: a K=V or K a line, `#` comments, blank lines; blanks before the
// name are skipped, everything after the first `=` is the value as it stands (quotes are part of it, nothing
// is expanded); a CR before the line end and a byte order mark at the start of the file are not part of anything.
// Error E_USAGE names FILE:LINE: a blank in a name, no name, a NUL.
[[nodiscard]] Result<std::vector<EnvEntry>> parse_env_file(std::string_view text, std::string_view filename);

// The value of a name in "K=V" strings, the last one when it is there twice.
[[nodiscard]] std::optional<std::string_view> env_value(const std::vector<std::string>& environment,
                                                        std::string_view key);

// The command's environment as "K=V", each name once, the last value at the first one's place: the caller's (not
// with clear_env, then only a PATH), `home` as HOME if there is one and -e does not say otherwise, the entries
// of -e in order (one without a value takes the caller's or else takes the name away), with a tty a TERM, and
// always container=sup. In a root of its own it gets nothing of the caller's, and a HOSTNAME (`hostname`), as docker has it.
[[nodiscard]] std::vector<std::string> build_environment(const Spec& spec, const std::vector<std::string>& caller,
                                                         const std::optional<std::string>& home,
                                                         const std::string& hostname = {});

}  // namespace sup
