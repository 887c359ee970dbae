// A root of the container's own: Debian's static busybox, and what it goes by.
#pragma once
#include <string>
#include <vector>

#include "harness.h"

namespace sup::test {

// Is there one on this machine? It is Debian's busybox-static.
[[nodiscard]] bool has_busybox();
#define NEEDS_BUSYBOX() \
  if (!sup::test::has_busybox()) SUP_SKIP("needs busybox-static")

// A root with the programs that the cases need, in the case's directory: /bin, /etc with a passwd and a group, /tmp. It belongs
// to who runs sup. The path.
[[nodiscard]] std::string make_root(const std::string& name = "root");

// sup run --rootfs ROOT OPTIONS… /bin/sh -c SCRIPT.
[[nodiscard]] Result in_root(const std::string& root, std::vector<std::string> options, const std::string& script,
                             Start start = {});

// Makes all below it, and itself, whose sup is run.
void give_away(const std::string& path);

}  // namespace sup::test
