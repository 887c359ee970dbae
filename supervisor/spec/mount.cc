#include "spec/mount.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "base/text.h"
#include "spec/limits.h"

namespace sup {
namespace {

std::unexpected<Error> wrong(std::string_view where, std::string_view what, std::string why, std::string hint = {}) {
  auto error = usage(std::string(where), std::move(why), std::move(hint));
  error.error().what = std::string(what);
  return error;
}

// A word that -v, --mount and --tmpfs share. False: it is none of them.
bool take_flag(Mount& mount, std::string_view word) {
  if (word == "ro" || word == "readonly")
    mount.read_only = true;
  else if (word == "rw")
    mount.read_only = false;
  else if (word == "nosuid")
    mount.nosuid = true;
  else if (word == "suid")
    mount.nosuid = false;
  else if (word == "nodev")
    mount.nodev = true;
  else if (word == "dev")
    mount.nodev = false;
  else if (word == "noexec")
    mount.noexec = true;
  else if (word == "exec")
    mount.noexec = false;
  else
    return false;
  return true;
}

Result<void> take_propagation(Mount& mount, std::string_view word, std::string_view where, std::string_view text) {
  if (word == "slave" || word == "rslave") {
    mount.propagation = Mount::Propagation::slave;
  } else if (word == "private" || word == "rprivate") {
    mount.propagation = Mount::Propagation::priv;
  } else if (word == "shared" || word == "rshared") {
    return wrong(where, text, "a shared volume would mount on the host what is mounted inside",
                 "use rslave or rprivate");
  } else {
    return wrong(where, text, "no such propagation: " + printable(word), "rslave or rprivate");
  }
  return {};
}

Result<Mount> finished(Mount mount, std::string_view where, std::string_view text) {
  if (mount.target.empty()) return wrong(where, text, "where it goes is missing", "name the path inside");
  if (mount.target.front() != '/') return wrong(where, text, "the path inside must be absolute");
  if (text.find('\0') != std::string_view::npos) return wrong(where, "", "a NUL byte cannot be in a path");
  if (mount.kind != Mount::Kind::tmpfs && mount.source.empty())
    return wrong(where, text, "the source is missing", "name the path on the host");
  mount.target = tidy_path(mount.target);
  if (mount.target == "/") return wrong(where, text, "the root itself cannot be mounted over", "use --rootfs DIR");
  if (std::ranges::count(split(mount.target, '/'), std::string_view("..")) != 0)
    return wrong(where, text, "'..' in the path inside", "write the path without");
  if (mount.kind == Mount::Kind::overlay && mount.read_only)
    return wrong(where, text, "an overlay that nobody may write to is a bind", "use ro alone");
  mount.said.option = where;
  return mount;
}

// Go's encoding/csv, one record: what docker reads --mount with.
std::optional<std::vector<std::string>> csv(std::string_view text) {
  std::vector<std::string> fields(1);
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == ',') {
      fields.emplace_back();
    } else if (text[i] == '"' && fields.back().empty() && (i == 0 || text[i - 1] == ',')) {
      for (++i;; ++i) {
        if (i == text.size()) return std::nullopt;
        if (text[i] != '"') {
          fields.back() += text[i];
        } else if (i + 1 < text.size() && text[i + 1] == '"') {
          fields.back() += text[++i];
        } else {
          break;
        }
      }
      if (i + 1 < text.size() && text[i + 1] != ',') return std::nullopt;
    } else {
      fields.back() += text[i];
    }
  }
  return fields;
}

std::string csv_field(const std::string& field) {
  if (field.find_first_of(",\"") == std::string::npos) return field;
  std::string out = "\"";
  for (const char c : field) out += c == '"' ? std::string("\"\"") : std::string(1, c);
  return out + "\"";
}

std::optional<bool> truth(std::string_view value) {
  if (value.empty() || value == "true" || value == "1") return true;
  if (value == "false" || value == "0") return false;
  return std::nullopt;
}

// An option of tmpfs(5) that a caller may set.
Result<void> take_tmpfs(Mount& mount, std::string_view key, std::string_view value, std::string_view where,
                        std::string_view text) {
  if (key == "size") {
    auto bytes = parse_size(value, where);
    if (!bytes) return std::unexpected(bytes.error());
    mount.options.push_back("size=" + std::to_string(*bytes));
    return {};
  }
  const bool octal = key == "mode" && !value.empty() && value.size() <= 5 &&
                     value.find_first_not_of("01234567") == std::string_view::npos;
  const bool number = (key == "uid" || key == "gid" || key == "nr_inodes") && parse_unsigned<std::uint32_t>(value);
  if (!octal && !number)
    return wrong(where, text, "not an option of a tmpfs: " + printable(key),
                 "size=64m, mode=1777, uid=N, gid=N, nr_inodes=N, ro, exec, suid, dev");
  mount.options.push_back(std::string(key) + "=" + std::string(value));
  return {};
}

}  // namespace

std::string tidy_path(std::string_view path) {
  std::string out = path.starts_with('/') ? "/" : "";
  for (const std::string_view part : split(path, '/')) {
    if (part.empty() || part == ".") continue;
    if (!out.empty() && out.back() != '/') out += '/';
    out += part;
  }
  return out.empty() ? "." : out;
}

bool lies_in(std::string_view path, std::string_view directory) {
  if (directory == "/") return path.starts_with('/');
  return path.starts_with(directory) && (path.size() == directory.size() || path[directory.size()] == '/');
}

Result<Mount> parse_volume(std::string_view text) {
  const auto parts = split(text, ':');
  if (parts.size() < 2 || parts.size() > 3)
    return wrong("-v", text, "is not SRC:DST or SRC:DST:OPTIONS", "a path with a colon goes with --mount src=…,dst=…");
  Mount mount;
  mount.source = parts[0];
  mount.target = parts[1];
  if (parts.size() == 3) {
    for (const std::string_view word : split(parts[2], ',')) {
      if (take_flag(mount, word)) continue;
      if (word == "create")
        mount.create = true;
      else if (word == "O")
        mount.kind = Mount::Kind::overlay;
      else if (word == "rbind")
        mount.recursive = true;
      else if (word == "bind")
        mount.recursive = false;
      else if (word == "z" || word == "Z")
        return wrong("-v", text, "sup does not change SELinux labels", "chcon -R the source, and leave z out");
      else if (word.ends_with("slave") || word.ends_with("private") || word.ends_with("shared")) {
        if (auto r = take_propagation(mount, word, "-v", text); !r) return std::unexpected(r.error());
      } else {
        return wrong("-v", text, "no such option: " + printable(word),
                     "ro, rw, O, rslave, rprivate, nosuid, nodev, noexec, bind, create");
      }
    }
  }
  return finished(std::move(mount), "-v", text);
}

Result<Mount> parse_mount(std::string_view text) {
  constexpr std::string_view where = "--mount";
  const auto fields = csv(text);
  if (!fields)
    return wrong(where, text, "a double quote is open or in the wrong place", "quote the whole field: \"src=/a,b\"");
  Mount mount;
  std::string_view type = "bind";
  for (const std::string& field : *fields) {   // first, since it says what the others mean
    if (field.starts_with("type=")) type = std::string_view(field).substr(5);
  }
  if (type == "bind")
    mount.kind = Mount::Kind::bind;
  else if (type == "overlay")
    mount.kind = Mount::Kind::overlay;
  else if (type == "device")
    mount.kind = Mount::Kind::device;
  else if (type == "tmpfs")
    mount.kind = Mount::Kind::tmpfs, mount.nosuid = mount.nodev = mount.noexec = true;
  else
    return wrong(where, text, "no such type: " + printable(type), "bind, tmpfs or overlay");
  for (const std::string_view field : *fields) {
    const auto equals = field.find('=');
    const std::string_view key = field.substr(0, equals);
    const std::string_view value = equals == std::string_view::npos ? std::string_view() : field.substr(equals + 1);
    if (key == "type") continue;
    if (key == "src" || key == "source") {
      mount.source = value;
    } else if (key == "dst" || key == "destination" || key == "target") {
      mount.target = value;
    } else if (key == "bind-propagation") {
      if (auto r = take_propagation(mount, value, where, text); !r) return std::unexpected(r.error());
    } else if (key == "bind-recursive") {
      if (value != "disabled" && value != "enabled") return wrong(where, text, "bind-recursive is enabled or disabled");
      mount.recursive = value == "enabled";
    } else if (mount.kind == Mount::Kind::tmpfs && (key.starts_with("tmpfs-") || equals != std::string_view::npos) &&
               !take_flag(mount, key)) {
      if (auto r = take_tmpfs(mount, key.starts_with("tmpfs-") ? key.substr(6) : key, value, where, text); !r)
        return std::unexpected(r.error());
    } else {
      const auto yes = truth(value);
      if (!yes) return wrong(where, text, printable(key) + " is true or false");
      if (key == "bind-create-src" || key == "create")
        mount.create = *yes;
      else if (key == "bind-nonrecursive")
        mount.recursive = !*yes;
      else if (key == "ro" || key == "readonly")
        mount.read_only = *yes;
      else if (!*yes || !take_flag(mount, key))
        return wrong(
            where, text, "no such key: " + printable(key),
            "type, src, dst, ro, nosuid, nodev, noexec, bind-propagation, bind-create-src, bind-recursive, tmpfs-size, tmpfs-mode");
    }
  }
  return finished(std::move(mount), where, text);
}

Result<Mount> parse_tmpfs(std::string_view text) {
  Mount mount;
  mount.kind = Mount::Kind::tmpfs;
  mount.nosuid = mount.nodev = mount.noexec = true;
  const auto colon = text.find(':');
  mount.target = text.substr(0, colon);
  if (colon != std::string_view::npos) {
    for (const std::string_view word : split(text.substr(colon + 1), ',')) {
      if (take_flag(mount, word)) continue;
      const auto equals = word.find('=');
      const std::string_view value = equals == std::string_view::npos ? std::string_view() : word.substr(equals + 1);
      if (auto r = take_tmpfs(mount, word.substr(0, equals), value, "--tmpfs", text); !r)
        return std::unexpected(r.error());
    }
  }
  return finished(std::move(mount), "--tmpfs", text);
}

Result<Mount> parse_device(std::string_view text) {
  const auto parts = split(text, ':');
  if (parts.size() > 3) return wrong("--device", text, "is not HOST, HOST:INSIDE or HOST:INSIDE:rwm");
  Mount mount;
  mount.kind = Mount::Kind::device;
  mount.source = parts[0];
  std::string_view access = "rwm";
  if (parts.size() == 2 && !parts[1].starts_with('/'))
    access = parts[1];
  else if (parts.size() >= 2)
    mount.target = parts[1];
  if (parts.size() == 3) access = parts[2];
  if (mount.target.empty()) mount.target = mount.source;
  if (access.empty() || access.find_first_not_of("rwm") != std::string_view::npos)
    return wrong("--device", text, "the access is letters out of rwm");
  if (access.find('r') == std::string_view::npos || access.find('w') == std::string_view::npos) {
    return wrong("--device", text,
                 "a device that may only be read or only be written needs a device cgroup, which sup does not use",
                 "give rw, and change the device's mode on the host");
  }
  return finished(std::move(mount), "--device", text);
}

std::string_view option_of(const Mount& mount) {
  if (!mount.said.option.empty()) return mount.said.option;
  switch (mount.kind) {
    case Mount::Kind::bind:
    case Mount::Kind::overlay: return "-v";
    case Mount::Kind::tmpfs: return "--tmpfs";
    case Mount::Kind::device: break;
  }
  return "--device";
}

std::string to_string(const Mount& mount) {
  static constexpr std::array kTypes{"bind", "tmpfs", "overlay", "device"};
  std::vector<std::string> fields{std::string("type=") + kTypes[static_cast<std::size_t>(mount.kind)]};
  if (!mount.source.empty()) fields.push_back("src=" + mount.source);
  fields.push_back("dst=" + mount.target);
  if (mount.read_only) fields.emplace_back("ro");
  const bool tmpfs = mount.kind == Mount::Kind::tmpfs;
  const auto flag = [&](bool set, const char* with, const char* without) {
    if (set != tmpfs) fields.emplace_back(set ? with : without);
  };
  flag(mount.nosuid, "nosuid", "suid");
  flag(mount.nodev, "nodev", "dev");
  flag(mount.noexec, "noexec", "exec");
  if (!mount.recursive) fields.emplace_back("bind-recursive=disabled");
  if (mount.create) fields.emplace_back("bind-create-src");
  if (mount.propagation == Mount::Propagation::slave) fields.emplace_back("bind-propagation=rslave");
  for (const std::string& option : mount.options) fields.push_back("tmpfs-" + option);
  std::string out;
  for (const std::string& field : fields) out += (out.empty() ? "" : ",") + csv_field(field);
  return out;
}

}  // namespace sup
