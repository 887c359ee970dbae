#include "face/cli/root_options.h"

#include "spec/limits.h"
#include "spec/mount.h"

namespace sup::cli {

void add_root_options(std::vector<Option>& rows, Spec& spec) {
  const auto mounts = [&spec](Result<Mount> (*parse)(std::string_view)) {
    return [&spec, parse](std::string_view v) -> Result<void> {
      auto mount = parse(v);
      if (!mount) return std::unexpected(mount.error());
      spec.mounts.push_back(std::move(*mount));
      return {};
    };
  };
  rows.push_back({0, "rootfs", "DIR[:O]", "run in this root; :O throws away what is written to it", "the host's root",
                  [&spec](std::string_view v) -> Result<void> {
                    spec.rootfs_overlay = v.ends_with(":O");
                    if (spec.rootfs_overlay) v.remove_suffix(2);
                    if (v.empty()) return usage("--rootfs", "the directory is missing");
                    spec.rootfs = v;
                    return {};
                  }});
  rows.push_back({0, "read-only", "", "make the container's root read-only", "", to(spec.read_only)});
  rows.push_back({'v', "volume", "SRC:DST[:OPTIONS]",
                  "mount a directory or file of the host: ro, O, rslave, create (a missing source) …; may be repeated",
                  "", mounts(parse_volume)});
  rows.push_back({0, "mount", "type=TYPE,src=…,dst=…",
                  "the same in docker's long form: bind, tmpfs or overlay; may be repeated", "", mounts(parse_mount)});
  rows.push_back({0, "tmpfs", "DST[:OPTIONS]",
                  "mount an empty file system in memory: size=64m, mode=1777 …; may be repeated", "",
                  mounts(parse_tmpfs)});
  rows.push_back(
      {0, "device", "HOST[:INSIDE]", "make a device of the host's usable; may be repeated", "", mounts(parse_device)});
  rows.push_back({0, "shm-size", "SIZE", "the size of /dev/shm, with --rootfs", "64m",
                  [&spec](std::string_view v) -> Result<void> {
                    auto bytes = parse_size(v, "--shm-size");
                    if (!bytes) return std::unexpected(bytes.error());
                    spec.shm_size = static_cast<std::uint64_t>(*bytes);
                    return {};
                  }});
}

}  // namespace sup::cli
