// Mount: one volume, tmpfs, overlay or device that the command shall find in its root, as -v, --mount, --tmpfs and
// --device say it.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace sup {

struct Mount {
  enum class Kind : std::uint8_t {
    bind,
    tmpfs,
    overlay,
    device
  };   // overlay: of the source, what is written is thrown away
  enum class Propagation : std::uint8_t { priv, slave };
  Kind kind = Kind::bind;
  std::string source;                        // on the host; a relative one is meant from the caller's directory
  std::string target;                        // inside, absolute
  bool read_only = false;
  bool nosuid = false, nodev = false, noexec = false;
  bool recursive = true;                     // bind: with what is mounted below the source
  bool create = false;  // make a source that is missing, as a directory, and on the host's root the target
  Propagation propagation = Propagation::priv;  // slave: what the host mounts below the source later appears inside
  std::vector<std::string> options;  // tmpfs: size=…, mode=…, for fsconfig(2)
  // The option it was said with, for errors to name; no part of what it is, and in no JSON.
  struct Said {
    std::string_view option{};  // a literal; empty: nobody knows
    bool operator==(const Said&) const { return true; }
  };
  Said said{};
  bool operator==(const Mount&) const = default;
};

// "-v", "--mount", "--tmpfs" or "--device": the one it was said with, else the one that says such a mount.
[[nodiscard]] std::string_view option_of(const Mount& mount);

// -v SRC:DST[:ro,rslave,create,…]
[[nodiscard]] Result<Mount> parse_volume(std::string_view text);
// --mount type=bind,src=…,dst=…: docker's keys, and its CSV: a field with a comma stands in double quotes.
[[nodiscard]] Result<Mount> parse_mount(std::string_view text);
// --tmpfs DST[:size=64m,mode=1777,exec,…]
[[nodiscard]] Result<Mount> parse_tmpfs(std::string_view text);
// --device HOST[:INSIDE[:rwm]]
[[nodiscard]] Result<Mount> parse_device(std::string_view text);

// As --mount takes it; parse_mount() gives the same Mount back.
[[nodiscard]] std::string to_string(const Mount& mount);

// The path without "//", "." and trailing "/"; ".." stays: what it means only the root knows.
[[nodiscard]] std::string tidy_path(std::string_view path);
// Whether `path` is `directory` or lies in it; both tidy.
[[nodiscard]] bool lies_in(std::string_view path, std::string_view directory);

}  // namespace sup
