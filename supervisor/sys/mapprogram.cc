#include "sys/mapprogram.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <string>
#include <utility>
#include <vector>

#include "base/text.h"
#include "sys/usernamespace.h"

namespace sup {
namespace {

const char* name_of(MapProgram::Kind kind) { return kind == MapProgram::Kind::uids ? "newuidmap" : "newgidmap"; }

// Signals come to it as to any program; of descriptors it has 0 to 2 alone.
[[noreturn]] void become(const std::array<std::string, 2>& paths, char* const* argv, int said) {
  for (int signal = 1; signal <= SIGRTMAX; ++signal) ::signal(signal, SIG_DFL);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  if (null < 0) ::_exit(126);
  ::dup2(said, 2);
  ::dup2(null, 0);
  ::dup2(null, 1);
  char* const environment[] = {nullptr};
  for (const std::string& path : paths) ::execve(path.c_str(), argv, environment);
  ::_exit(errno == ENOENT ? 127 : 126);
}

// Its first line.
std::string words(int said) {
  std::string text(512, '\0');
  const ssize_t n = ::pread(said, text.data(), text.size(), 0);
  text.resize(n < 0 ? 0 : static_cast<std::size_t>(n));
  return text.empty() ? text : printable(split(text, '\n').front());
}

}  // namespace

Result<MapProgram> start_map_program(MapProgram::Kind kind, pid_t holder, const IdMap& map) {
  const std::string name = name_of(kind);
  std::vector<std::string> words{name, std::to_string(holder)};
  for (const IdRange& range : map) {
    for (const std::uint32_t number : {range.inside, range.outside, range.count})
      words.push_back(std::to_string(number));
  }
  std::vector<char*> argv;
  argv.reserve(words.size() + 1);
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  Fd said(::memfd_create(name.c_str(), MFD_CLOEXEC));
  if (!said) return std::unexpected(idmap_error("no file for what " + name + " says", errno, {}, {}));
  // Only where root puts it: the caller's PATH could lead to anything.
  const std::array<std::string, 2> paths{"/usr/bin/" + name, "/bin/" + name};
  // No handler of ours is to run in it before it is another program.
  sigset_t all;
  sigset_t before;
  ::sigfillset(&all);
  ::sigprocmask(SIG_SETMASK, &all, &before);
  const pid_t child = ::fork();
  if (child == 0) become(paths, argv.data(), said.get());
  const int err = errno;
  ::sigprocmask(SIG_SETMASK, &before, nullptr);
  if (child < 0) return std::unexpected(idmap_error(name + " cannot be started", err, {}, {}));
  return MapProgram{.kind = kind, .map = map, .pid = child, .said = std::move(said)};
}

Result<void> map_program_ended(const MapProgram& program, int status) {
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
  const std::string name = name_of(program.kind);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 127) {
    return std::unexpected(idmap_error(name + " is missing", 0, "without it an ordinary user can map no id but his own",
                                       "apt-get install uidmap"));
  }
  const std::string refused = map_text(program.map) + " is refused";
  if (::prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1) {
    return std::unexpected(idmap_error(refused, 0, "no_new_privs stands over sup, so that " + name + " gains no powers",
                                       "run sup without it (setpriv --no-new-privs, NoNewPrivileges= of a unit)"));
  }
  const std::string list = std::string("/etc/sub") + (program.kind == MapProgram::Kind::uids ? "uid" : "gid");
  const std::string why = words(program.said.get());
  return std::unexpected(idmap_error(refused, 0, why.empty() ? name + " cannot be executed" : why,
                                     "ids outside must be the caller's own or in his line of " + list + "; and " +
                                         name + " set-user-ID root: ls -l /usr/bin/" + name));
}

Error map_program_late(const MapProgram& program) {
  const std::string name = name_of(program.kind);
  return idmap_error(name + " does not answer", ETIMEDOUT,
                     "it looks up the caller's name, maybe in a directory that is not there",
                     "see how long that takes: time id");
}

}  // namespace sup
