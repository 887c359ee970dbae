// PeerRoot: --rootfs, volumes, tmpfs and devices in the words of another program.
#pragma once
#include <string>
#include <vector>

#include "base/error.h"
#include "spec/facts.h"
#include "spec/peers.h"
#include "spec/spec.h"

namespace sup {

// A line that left one of these out would run the command on files it was not meant to see, so there is none. Error
// E_USAGE names the first option that the peer has no words for.
[[nodiscard]] Result<void> can_say_root(const Spec& spec, Peer peer);

// bwrap 0.8: from "/" on down, /proc, /sys and /dev included.
void bwrap_root(const Spec& spec, const Facts& facts, std::vector<std::string>& words, std::vector<std::string>& notes);

// docker: all but the image.
void docker_root(const Spec& spec, const Facts& facts, std::vector<std::string>& words,
                 std::vector<std::string>& notes);

// One of "mounts" there, strings in UTF-8.
struct OciMount {
  std::string destination;
  std::string type;
  std::string source;
  std::vector<std::string> options;
};

// "mounts" of runtime-spec 1.0.2. `bytes_lost` where a path is not UTF-8.
[[nodiscard]] std::vector<OciMount> oci_mounts(const Spec& spec, const Facts& facts, std::vector<std::string>& notes,
                                               bool& bytes_lost);

}  // namespace sup
