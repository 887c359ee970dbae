#include <dirent.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include "base/text.h"
#include "spec/mountinfo.h"
#include "spec/program.h"
#include "sys/explain.h"
#include "sys/procfs.h"

namespace sup {
namespace {

constexpr std::size_t kMaxCandidates = 256;     // of PATH, that are looked at
constexpr std::size_t kMaxNames = 20'000;       // directory entries read for "did you mean"
constexpr int kMaxInterpreters = 5;             // the kernel gives up after as many (fs/exec.c)
constexpr std::size_t kMaxString = 131'072;     // MAX_ARG_STRLEN: 32 pages of 4 KiB
constexpr std::size_t kPasswdLimit = 1 << 20;

// What was found out about one path. No code: nothing is wrong with it as far as can be seen.
struct Verdict {
  std::string code;
  std::string why;
  std::string hint;
  std::string path;
  bool exists = false;     // there is a file: 126, not 127
  bool endless = false;    // scripts interpret scripts: the ones between need not be named
  PathWalk::End end = PathWalk::End::found;
};

std::string in_quotes(std::string_view name) { return '"' + std::string(name) + '"'; }

std::string octal(mode_t mode) {
  std::string out = "0";
  for (int shift = 9; shift >= 0; shift -= 3) {
    if (shift == 9 && (mode >> 9 & 7) == 0) continue;
    out += static_cast<char>('0' + (mode >> shift & 7));
  }
  return out;
}

std::string read_at(int fd, std::uint64_t offset, std::size_t size) {
  std::string out(size, '\0');
  std::size_t have = 0;
  while (have < size) {
    const ssize_t n = ::pread(fd, out.data() + have, size - have, static_cast<off_t>(offset + have));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;   // also an offset that is out of range: as if the file ended
    have += static_cast<std::size_t>(n);
  }
  out.resize(have);
  return out;
}

class Examiner {
 public:
  explicit Examiner(const ExecAttempt& attempt) : a_(attempt) {}

  Error explain();

 private:
  [[nodiscard]] PathWalk walk(std::string_view path) const { return walk_path(a_.root, a_.workdir, path, a_.who); }
  [[nodiscard]] Verdict judge(const std::string& path, int depth = 0);
  [[nodiscard]] Verdict judge_program(const std::string& path, const PathWalk& at, int depth);
  [[nodiscard]] Verdict judge_script(const std::string& path, const Script& script, int depth);
  [[nodiscard]] Verdict judge_elf(const std::string& path, const Elf& elf) const;
  [[nodiscard]] Verdict no_search(const PathWalk& at) const;
  [[nodiscard]] Verdict missing(const std::string& path, const PathWalk& at) const;
  [[nodiscard]] Error not_found(const std::vector<std::string>& closed) const;
  [[nodiscard]] Error too_long() const;
  [[nodiscard]] Error plain(bool exists) const;
  [[nodiscard]] Error made(Verdict verdict) const;
  [[nodiscard]] std::string user_name(uid_t uid) const;
  [[nodiscard]] std::string user() const;
  [[nodiscard]] std::string mount_point(const PathWalk& at) const;
  [[nodiscard]] std::string near(const std::vector<const PathWalk*>& directories, std::string_view name) const;
  [[nodiscard]] std::string same_name_elsewhere(std::string_view interpreter) const;

  const ExecAttempt& a_;
  std::set<std::pair<dev_t, ino_t>> seen_;   // scripts on the way, to find the one that comes again
};

std::string Examiner::user_name(uid_t uid) const {
  // The container's own passwd, read as a file: name services could ask the network, and wait for it.
  const PathWalk at = walk_path(a_.root, "/", "/etc/passwd", Credentials{});
  const Fd file = at.open_file();
  if (file) {
    const std::string text = read_at(file.get(), 0, kPasswdLimit);
    for (const std::string_view line : split(text, '\n')) {
      const auto fields = split(line, ':');
      if (fields.size() > 2 && !fields[0].empty() && parse_unsigned<uid_t>(fields[2]) == uid)
        return std::string(fields[0]);
    }
  }
  return "uid " + std::to_string(uid);
}

std::string Examiner::user() const { return user_name(a_.who.uid); }

std::string Examiner::mount_point(const PathWalk& at) const {
  struct statx stx{};
  if (::statx(at.fd.get(), "", AT_EMPTY_PATH | AT_NO_AUTOMOUNT, STATX_MNT_ID, &stx) < 0 ||
      (stx.stx_mask & STATX_MNT_ID) == 0)
    return {};
  const auto text = read_file(a_.mounts);
  if (!text) return {};
  for (const MountEntry& entry : parse_mountinfo(*text)) {
    if (entry.id == stx.stx_mnt_id) return entry.target;
  }
  return {};
}

// The executable of the nearest name in these directories; empty when none is near.
std::string Examiner::near(const std::vector<const PathWalk*>& directories, std::string_view name) const {
  std::vector<std::string> names;
  for (const PathWalk* directory : directories) {
    const int fd = ::openat(directory->fd ? directory->fd.get() : directory->directory.get(), ".",
                            O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) continue;
    DIR* stream = ::fdopendir(fd);
    if (stream == nullptr) {
      ::close(fd);
      continue;
    }
    while (names.size() < kMaxNames) {
      const dirent* entry = ::readdir(stream);
      if (entry == nullptr) break;
      const std::string_view found = entry->d_name;
      if (entry->d_type == DT_DIR || found.starts_with('.')) continue;
      // Lengths that differ by more than the distance allowed need not be compared.
      const std::size_t slack = std::max<std::size_t>(1, name.size() / 3);
      if (found.size() + slack < name.size() || found.size() > name.size() + slack) continue;
      struct stat st{};
      // Only what the user could run in its place; links are followed by the supervisor, in its own root at worst.
      if (entry->d_type != DT_LNK &&
          (::fstatat(fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !may(st, a_.who, X_OK)))
        continue;
      names.emplace_back(found);
    }
    ::closedir(stream);
  }
  // Of several that are equally near the shortest, whatever the order of the directory.
  std::ranges::sort(names, [](const std::string& a, const std::string& b) {
    return a.size() != b.size() ? a.size() < b.size() : a < b;
  });
  const std::vector<std::string_view> views(names.begin(), names.end());
  const auto best = nearest(name, views);
  return best ? std::string(*best) : std::string();
}

Verdict Examiner::no_search(const PathWalk& at) const {
  Verdict v{.code = "E_EXEC_PERM", .why = {}, .hint = {}, .path = at.at, .exists = true, .end = at.end};
  v.why = user() + " may not look into " + at.at + " (mode " + octal(at.st.st_mode) + ", owner " +
          user_name(at.st.st_uid) + ")";
  v.hint = "chmod o+x " + shell_quote(at.at) + ", or run as " + user_name(at.st.st_uid);
  return v;
}

Verdict Examiner::missing(const std::string& path, const PathWalk& at) const {
  Verdict v{
      .code = "E_EXEC_NOTFOUND", .why = "does not exist", .hint = {}, .path = path, .exists = false, .end = at.end};
  if (at.dangling) {
    v.why = at.link + " is a symbolic link to " + at.target + ", and " + (at.at == at.target ? "that" : at.at) +
            " does not exist";
    v.path = at.link;
  } else if (!at.last) {
    v.code = "E_EXEC_COMPONENT";
    v.why = at.at + " does not exist";
    v.path = at.at;
  } else {
    if (const std::string name = near({&at}, at.name); !name.empty()) {
      const auto slash = path.rfind('/');
      v.hint = "did you mean " + (slash == std::string::npos ? "./" : path.substr(0, slash + 1)) + name + "?";
    } else if (!path.starts_with('/')) {
      v.hint = "it was looked up in " + a_.workdir;
    }
  }
  return v;
}

Verdict Examiner::judge(const std::string& path, int depth) {
  const PathWalk at = walk(path);
  Verdict v{.code = {}, .why = {}, .hint = {}, .path = path, .exists = false, .end = at.end};
  switch (at.end) {
    case PathWalk::End::missing: return missing(path, at);
    case PathWalk::End::not_directory:
      v.code = "E_EXEC_COMPONENT";
      v.why = at.at + " is not a directory";
      v.path = at.at;
      return v;
    case PathWalk::End::no_search: return no_search(at);
    case PathWalk::End::loop:
      v.code = "E_EXEC_LOOP";
      v.why = "too many symbolic links, " + at.at + " is one of them";
      v.hint = "look at them with: namei -l " + shell_quote(path);
      v.path = at.at;
      v.exists = true;
      return v;
    case PathWalk::End::too_long:
      v.code = "E_EXEC_NAMETOOLONG";
      v.why = path.size() >= 4096
                  ? "the path has " + std::to_string(path.size()) + " bytes, more than the 4095 that the kernel takes"
                  : "a name in the path has more than 255 bytes";
      return v;
    case PathWalk::End::failed: return v;
    case PathWalk::End::found: break;
  }
  v.exists = true;
  if (S_ISDIR(at.st.st_mode)) {
    v.code = "E_EXEC_DIR";
    v.why = "is a directory";
    return v;
  }
  if (!S_ISREG(at.st.st_mode)) {
    v.code = "E_EXEC_OTHER";
    v.why = S_ISFIFO(at.st.st_mode)   ? "is a FIFO, not a program"
            : S_ISSOCK(at.st.st_mode) ? "is a socket, not a program"
                                      : "is a device, not a program";
    return v;
  }
  // In the kernel's order: the mount first, then the mode. Mending the mode would not help on such a mount.
  struct statvfs fs{};
  if (::fstatvfs(at.fd.get(), &fs) == 0 && (fs.f_flag & ST_NOEXEC) != 0) {
    const std::string mount = mount_point(at);
    v.code = "E_EXEC_NOEXEC_MOUNT";
    v.why = mount.empty() ? "lies on a file system that is mounted noexec"
                          : "lies on " + mount + ", which is mounted noexec";
    v.hint =
        mount.empty() ? "copy it elsewhere" : "mount -o remount,exec " + shell_quote(mount) + ", or copy it elsewhere";
    return v;
  }
  if (!may(at.st, a_.who, X_OK)) {
    v.code = "E_EXEC_PERM";
    v.why = "is not executable for " + user() + " (mode " + octal(at.st.st_mode) + ", owner " +
            user_name(at.st.st_uid) + ")";
    v.hint = "chmod +x " + shell_quote(path);
    return v;
  }
  return judge_program(path, at, depth);
}

Verdict Examiner::judge_program(const std::string& path, const PathWalk& at, int depth) {
  Verdict v{.code = {}, .why = {}, .hint = {}, .path = path, .exists = true, .end = at.end};
  const Fd file = at.open_file();
  if (!file) return v;  // executable but not readable, for us: nothing more can be told
  const Program program =
      read_program([&file](std::uint64_t offset, std::size_t size) { return read_at(file.get(), offset, size); });
  switch (program.kind) {
    case Program::Kind::empty:
      v.code = "E_EXEC_EMPTY";
      v.why = "is an empty file";
      v.hint = "write a program into it, or a script that begins with #!/bin/sh";
      break;
    case Program::Kind::script:
      if (!seen_.insert({at.st.st_dev, at.st.st_ino}).second || depth >= kMaxInterpreters) {
        v.code = "E_EXEC_INTERP";
        v.endless = depth >= kMaxInterpreters;
        v.why =
            v.endless
                ? "its interpreter is a script, whose interpreter is a script, and so on: more than the kernel follows"
                : "its interpreter leads back to " + path + " itself";
        v.hint = "name a real program in the first line, such as #!/bin/sh";
        break;
      }
      return judge_script(path, program.script, depth);
    case Program::Kind::elf: return judge_elf(path, program.elf);
    case Program::Kind::other:
      if (a_.err != ENOEXEC && a_.err != ELIBBAD) break;  // binfmt_misc may know it
      v.code = "E_EXEC_FORMAT";
      v.why = program.text ? "is a text file without a #! line, so the kernel does not know what runs it"
                           : "is not a program that this kernel knows";
      v.hint = program.text ? "run it as: sh " + shell_quote(path) + ", or write #!/bin/sh in its first line"
                            : "see what it is with: file " + shell_quote(path);
      break;
  }
  return v;
}

std::string Examiner::same_name_elsewhere(std::string_view interpreter) const {
  const auto slash = interpreter.rfind('/');
  const std::string name(slash == std::string_view::npos ? interpreter : interpreter.substr(slash + 1));
  if (name.empty()) return {};
  for (const char* directory : {"/usr/bin/", "/bin/", "/usr/local/bin/"}) {
    const std::string path = directory + name;
    const PathWalk at = walk(path);
    if (path != interpreter && at.end == PathWalk::End::found && S_ISREG(at.st.st_mode) && may(at.st, a_.who, X_OK))
      return path;
  }
  return {};
}

Verdict Examiner::judge_script(const std::string& path, const Script& script, int depth) {
  Verdict v{.code = "E_EXEC_INTERP", .why = {}, .hint = {}, .path = path, .exists = true};
  if (script.cut) {
    v.why = "its #! line is longer than the 255 bytes that the kernel reads";
    v.hint = "shorten it, or link the interpreter to a shorter path";
    return v;
  }
  if (script.interpreter.empty()) {
    v.why = "its #! line names no interpreter";
    v.hint = "write #!/bin/sh in its first line";
    return v;
  }
  Verdict inner = judge(script.interpreter, depth + 1);
  if (script.crlf && !inner.exists) {
    v.code = "E_EXEC_CRLF";
    v.why = "its lines end in CR LF, so its interpreter would be " + in_quotes(script.interpreter);
    v.hint = "sed -i 's/\\r$//' " + shell_quote(path);
    return v;
  }
  if (inner.code.empty()) {
    inner.path = path;  // nothing wrong with either
    return inner;
  }
  if (inner.code == "E_EXEC_LOADER" || inner.code == "E_EXEC_MACHINE" || inner.code == "E_EXEC_FORMAT" ||
      inner.code == "E_EXEC_EMPTY" || inner.code == "E_EXEC_NOEXEC_MOUNT") {
    inner.why = "its interpreter " + script.interpreter + (inner.why.starts_with("its ") ? ": " : " ") + inner.why;
    inner.exists = true;
    return inner;
  }
  if (inner.code == "E_EXEC_INTERP" || inner.code == "E_EXEC_CRLF") {
    if (inner.path != path && !inner.endless)
      inner.why = "its interpreter " + script.interpreter + " is a script: " + inner.why;
    inner.exists = true;
    return inner;
  }
  const bool relative = !script.interpreter.starts_with('/');
  const std::string elsewhere = same_name_elsewhere(script.interpreter);
  v.path = script.interpreter;
  if (inner.exists) {  // E_EXEC_PERM, E_EXEC_DIR, E_EXEC_LOOP, E_EXEC_OTHER
    v.why = "its interpreter " + script.interpreter + (inner.end == PathWalk::End::found ? " " : ": ") + inner.why;
    v.hint = std::move(inner.hint);
    return v;
  }
  v.why = "its interpreter " + script.interpreter +
          (inner.code == "E_EXEC_NOTFOUND" && inner.path == script.interpreter ? " " : ": ") + inner.why;
  if (relative) v.why += " in " + a_.workdir + " (the path in its #! line is relative)";
  v.hint = elsewhere.empty() ? "install it, or correct the first line of " + path
                             : "write #!" + elsewhere + " in the first line of " + path;
  return v;
}

Verdict Examiner::judge_elf(const std::string& path, const Elf& elf) const {
  Verdict v{.code = {}, .why = {}, .hint = {}, .path = path, .exists = true};
  const Runs runs = runs_here(elf);
  if (elf.machine != 0 && (runs == Runs::no || (runs == Runs::kin && a_.err == ENOEXEC && !elf.truncated))) {
    v.code = "E_EXEC_MACHINE";
    v.why = "is a program for " + machine_name(elf) + ", this machine is " + native_machine();
    v.hint = runs == Runs::kin
                 ? "this kernel was built without its 32-bit support"
                 : "get one built for " + native_machine() + ", or: apt install qemu-user-static binfmt-support";
    if (runs == Runs::no && a_.err == ENOENT)
      v.hint = "binfmt_misc has a handler for it whose program is missing: ls /proc/sys/fs/binfmt_misc";
    return v;
  }
  if (elf.truncated) {
    v.code = "E_EXEC_FORMAT";
    v.why = "is a truncated ELF file";
    v.hint = "copy or build it again";
    return v;
  }
  if (elf.type != 2 && elf.type != 3) {  // ET_EXEC, ET_DYN
    v.code = "E_EXEC_FORMAT";
    v.why = elf.type == 1   ? "is an object file, not a linked program"
            : elf.type == 4 ? "is a core dump, not a program"
                            : "is an ELF file, but no program";
    v.hint = "see what it is with: file " + shell_quote(path);
    return v;
  }
  if (elf.loader.empty()) return v;
  const PathWalk at = walk(elf.loader);
  if (at.end == PathWalk::End::found && S_ISREG(at.st.st_mode) && may(at.st, a_.who, X_OK)) {
    const Fd file = at.open_file();
    if (!file) return v;
    const Program loader =
        read_program([&file](std::uint64_t offset, std::size_t size) { return read_at(file.get(), offset, size); });
    if (loader.kind == Program::Kind::elf && !loader.elf.truncated && loader.elf.machine == elf.machine &&
        loader.elf.is_64 == elf.is_64)
      return v;
    v.code = "E_EXEC_LOADER";
    v.why = "its loader " + elf.loader +
            (loader.kind != Program::Kind::elf || loader.elf.truncated ? " is no ELF file"
                                                                       : " is for " + machine_name(loader.elf));
  } else {
    v.code = "E_EXEC_LOADER";
    v.why = "its loader " + elf.loader +
            (at.end == PathWalk::End::found     ? " is not executable"
             : at.end == PathWalk::End::missing ? " does not exist"
                                                : " cannot be reached");
  }
  v.path = elf.loader;
  v.hint = loader_hint(elf.loader);
  if (v.hint.empty()) v.hint = "install it, or get the program linked statically";
  return v;
}

Error Examiner::made(Verdict verdict) const {
  const bool absent =
      verdict.code == "E_EXEC_NOTFOUND" || verdict.code == "E_EXEC_COMPONENT" || verdict.code == "E_EXEC_NAMETOOLONG";
  // Where PATH found it, or where it leads, is worth more than the bare name.
  return Error{.code = std::move(verdict.code),
               .where = "exec",
               .what = a_.argv0,
               .err = a_.err,
               .why = std::move(verdict.why),
               .hint = std::move(verdict.hint),
               .path = std::move(verdict.path),
               .status = absent ? 127 : 126,
               .stage = "exec"};
}

Error Examiner::too_long() const {
  const ExecSize& s = a_.size;
  Verdict v{.code = "E_EXEC_TOOLONG", .why = {}, .hint = {}, .path = {}, .exists = true};
  if (!a_.candidates.empty()) v.path = a_.candidates[std::min(a_.failing, a_.candidates.size() - 1)];
  if (s.longest > kMaxString) {
    v.why = s.longest_name + " has " + std::to_string(s.longest) + " bytes, and one may have at most " +
            std::to_string(kMaxString);
    v.hint = "pass it in a file or by standard input";
  } else {
    // fs/exec.c: a quarter of the stack's limit, at most three quarters of 8 MiB, at least 128 KiB.
    rlimit stack{};
    ::getrlimit(RLIMIT_STACK, &stack);
    const std::uint64_t quarter = stack.rlim_cur == RLIM_INFINITY ? ~std::uint64_t{0} : stack.rlim_cur / 4;
    const std::uint64_t limit = std::max<std::uint64_t>(128 << 10, std::min<std::uint64_t>(quarter, 6 << 20));
    const std::size_t pointers = (s.argv_count + s.envp_count) * sizeof(char*);
    v.why = "arguments (" + std::to_string(s.argv_bytes) + " bytes), environment (" + std::to_string(s.envp_bytes) +
            ") and pointers (" + std::to_string(pointers) + ") are more than the limit of " + std::to_string(limit) +
            " bytes";
    v.hint = quarter < (6U << 20) ? "ulimit -s unlimited, or pass less (xargs, a file)" : "pass less (xargs, a file)";
  }
  return made(std::move(v));
}

Error Examiner::not_found(const std::vector<std::string>& closed) const {
  const auto count = a_.candidates.size();
  Verdict v{.code = "E_EXEC_NOTFOUND", .why = {}, .hint = {}, .path = {}, .exists = false};
  if (count + a_.too_long == 0) {
    v.why = "$PATH is empty";
    v.hint = "give the whole path, or set it: -e PATH=/usr/bin:/bin";
    return made(std::move(v));
  }
  v.why = "not found in $PATH (" + std::to_string(count) + (count == 1 ? " directory" : " directories") + ")";
  if (!closed.empty()) v.why += "; " + user() + " may not look into " + closed.front() + ", which is one of them";
  if (a_.too_long > 0) {
    v.code = "E_EXEC_NAMETOOLONG";
    v.why += "; " + std::to_string(a_.too_long) + (a_.too_long == 1 ? " entry of it is" : " entries of it are") +
             " longer than 4095 bytes and cannot be searched";
    v.hint = "shorten $PATH";
    return made(std::move(v));
  }
  // "ls -l" in one word is the commonest way to get here.
  if (const auto blank = a_.argv0.find_first_of(" \t"); blank != std::string::npos && blank > 0) {
    const std::string first = a_.argv0.substr(0, blank);
    for (const std::string& candidate : a_.candidates) {
      const auto slash = candidate.rfind('/');
      if (walk(candidate.substr(0, slash + 1) + first).end != PathWalk::End::found) continue;
      v.hint = "leave the quotes away: the command and its arguments are words of their own";
      return made(std::move(v));
    }
  }
  if (const PathWalk here = walk("./" + a_.argv0); here.end == PathWalk::End::found && S_ISREG(here.st.st_mode)) {
    v.hint = "there is one in " + a_.workdir + ": ./" + a_.argv0;
    return made(std::move(v));
  }
  std::vector<PathWalk> directories;
  for (std::size_t i = 0; i < std::min(count, kMaxCandidates); ++i) {
    const auto slash = a_.candidates[i].rfind('/');
    PathWalk at = walk(slash == std::string::npos ? "." : a_.candidates[i].substr(0, slash + 1));
    if (at.end == PathWalk::End::found && S_ISDIR(at.st.st_mode)) directories.push_back(std::move(at));
    if (directories.size() == 32) break;  // each holds two descriptors
  }
  std::vector<const PathWalk*> views;
  for (const PathWalk& d : directories) views.push_back(&d);
  if (const std::string name = near(views, a_.argv0); !name.empty()) v.hint = "did you mean " + name + "?";
  return made(std::move(v));
}

Error Examiner::plain(bool exists) const {
  Verdict v{.code = "E_EXEC_OTHER", .why = {}, .hint = {}, .path = {}, .exists = true};
  if (!a_.candidates.empty()) v.path = a_.candidates[std::min(a_.failing, a_.candidates.size() - 1)];
  switch (a_.err) {
    case ENOENT:
    case ENOTDIR:
      if (exists) {  // it came meanwhile, or it may be executed but not read
        v.why = "No such file or directory, though the file is there";
        v.hint = "its interpreter or its loader may be missing: file " + shell_quote(v.path);
      } else {
        v.code = "E_EXEC_NOTFOUND";
      }
      break;
    case EACCES:
      v.code = "E_EXEC_PERM";
      v.hint =
          "its mode allows it: look for an ACL (getfacl) or a security module that does not (dmesg | grep -i denied)";
      break;
    case EPERM: v.hint = "a security module or fapolicyd may forbid it: dmesg | grep -i denied"; break;
    case EISDIR: v.code = "E_EXEC_DIR"; break;
    case ENOEXEC: v.code = "E_EXEC_FORMAT"; break;
    case ELIBBAD: v.code = "E_EXEC_LOADER"; break;
    case ELOOP: v.code = "E_EXEC_LOOP"; break;
    case ENAMETOOLONG: v.code = "E_EXEC_NAMETOOLONG"; break;
    case ETXTBSY:
      v.code = "E_EXEC_BUSY";
      v.why = "it is open for writing";
      v.hint = "wait until it is written; see who writes it with: fuser -v " + shell_quote(v.path);
      break;
    case ENOMEM: v.hint = "free some memory, or raise the cgroup's memory.max"; break;
    default: break;
  }
  return made(std::move(v));
}

Error Examiner::explain() {
  if (a_.err == E2BIG) return too_long();
  if (a_.err == ETXTBSY) return plain(true);
  const bool searched = a_.argv0.find('/') == std::string::npos;
  if (a_.candidates.empty()) return searched ? not_found({}) : plain(false);
  const std::size_t failing = std::min(a_.failing, a_.candidates.size() - 1);

  if (!searched) {
    Verdict v = judge(a_.candidates[failing]);
    return v.code.empty() ? plain(v.exists) : made(std::move(v));
  }
  // The one that init stopped at comes first; with ENOENT it is only the last of many, and an
  // earlier one may exist and lack its interpreter.
  std::vector<std::size_t> order;
  const bool absent = a_.err == ENOENT || a_.err == ENOTDIR;
  if (!absent) order.push_back(failing);
  for (std::size_t i = 0; i < std::min(a_.candidates.size(), kMaxCandidates); ++i) {
    if (absent || i != failing) order.push_back(i);
  }
  std::vector<std::string> closed;  // directories of PATH that may not be looked into
  bool sound = false;  // one is there, and nothing is wrong with it
  for (const std::size_t i : order) {
    seen_.clear();
    Verdict v = judge(a_.candidates[i]);
    if (v.end == PathWalk::End::no_search && v.code == "E_EXEC_PERM") {
      closed.push_back(std::move(v.path));
    } else if (v.exists && v.code.empty()) {
      if (i == failing || absent) sound = true;
    } else if (v.exists) {
      Error e = made(std::move(v));
      e.why = a_.candidates[i] + (e.why.starts_with("its ") ? ": " : " ") + e.why;
      return e;
    }
  }
  if (sound) return plain(true);
  if (a_.err == ENAMETOOLONG) {  // the name itself: no directory of PATH can have it
    if (Verdict v = judge(a_.candidates[failing]); v.end == PathWalk::End::too_long) return made(std::move(v));
  }
  if (a_.err == EACCES && closed.empty()) return plain(false);
  if (a_.err == EACCES || absent || a_.err == ENAMETOOLONG) return not_found(closed);
  return plain(false);
}

}  // namespace

ExecSize exec_size(const std::vector<std::string>& argv, const std::vector<std::string>& envp) {
  ExecSize size;
  const auto measure = [&size](const std::string& text, std::string name) {
    if (text.size() + 1 <= size.longest) return;
    size.longest = text.size() + 1;
    size.longest_name = std::move(name);
  };
  for (std::size_t i = 0; i < argv.size(); ++i) {
    size.argv_bytes += argv[i].size() + 1;
    measure(argv[i], "argument " + std::to_string(i));
  }
  for (const std::string& entry : envp) {
    size.envp_bytes += entry.size() + 1;
    measure(entry, "variable " + entry.substr(0, std::min<std::size_t>(entry.find('='), 64)));
  }
  size.argv_count = argv.size();
  size.envp_count = envp.size();
  return size;
}

Error explain_exec(const ExecAttempt& attempt) {
  ExecAttempt mine = attempt;
  // In a user namespace of their own the callers keep the groups they had, and no step says so.
  if (mine.who.groups.empty() && mine.who.uid != 0 && mine.who.uid == ::geteuid()) {
    const int count = ::getgroups(0, nullptr);
    if (count > 0) {
      mine.who.groups.resize(static_cast<std::size_t>(count));
      mine.who.groups.resize(static_cast<std::size_t>(std::max(0, ::getgroups(count, mine.who.groups.data()))));
    }
  }
  return Examiner(mine).explain();
}

}  // namespace sup
