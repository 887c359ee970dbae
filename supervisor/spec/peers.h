// Peers: the same run in the words of another program, and what gets lost on the way.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "spec/facts.h"
#include "spec/spec.h"

namespace sup {

enum class Peer : std::uint8_t { docker, bwrap, unshare, oci };

[[nodiscard]] std::optional<Peer> parse_peer(std::string_view name);

struct Rendering {
  std::string text;                 // a command line for a POSIX shell, or (oci) a config.json; no line end
  std::vector<std::string> notes;   // what the peer cannot express or does otherwise, one sentence each
};

// The unshare and bwrap lines run as they are, by the caller the facts are about (util-linux 2.38 with setpriv,
// iproute2; bubblewrap 0.8). docker's has IMAGE in it, for there is always one. oci's is for runtime-spec 1.0.2; the
// first note has the command line that binds the host's root as its rootfs and runs it (crun 1.8). Errors: those of
// compile(), and E_USAGE where the peer has no words for the root or a mount.
[[nodiscard]] Result<Rendering> render(const Spec& spec, const Facts& facts, Peer peer);

}   // namespace sup
