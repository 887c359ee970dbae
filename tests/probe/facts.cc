// What the command can see of itself: descriptors, signals, namespaces, names, powers.
#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "probe.h"

namespace probe {
namespace {

std::string link_of(const std::string& path) {
  char target[PATH_MAX];
  const ssize_t n = ::readlink(path.c_str(), target, sizeof target);
  return n < 0 ? std::string("?") + std::strerror(errno) : std::string(target, static_cast<std::size_t>(n));
}

std::vector<std::string> names_in(const char* path) {
  std::vector<std::string> names;
  const std::unique_ptr<DIR, int (*)(DIR*)> dir(::opendir(path), [](DIR* d) { return ::closedir(d); });
  if (!dir) return names;
  while (const dirent* entry = ::readdir(dir.get())) {
    if (entry->d_name[0] != '.') names.emplace_back(entry->d_name);
  }
  return names;
}

// Found by fcntl, not by /proc: works where there is no /proc, and adds no descriptor of its own.
int fds(int, char**) {
  for (int fd = 0; fd < 4096; ++fd) {
    if (::fcntl(fd, F_GETFD) < 0) continue;
    say("fd %d %s", fd, link_of("/proc/self/fd/" + std::to_string(fd)).c_str());
  }
  return 0;
}

int status_lines(std::initializer_list<const char*> keys) {
  const std::unique_ptr<FILE, int (*)(FILE*)> file(std::fopen("/proc/self/status", "re"), &std::fclose);
  if (!file) {
    say("error %s", std::strerror(errno));
    return 1;
  }
  char line[512];
  while (std::fgets(line, sizeof line, file.get()) != nullptr) {
    for (const char* key : keys) {
      if (std::strncmp(line, key, std::strlen(key)) == 0) {
        line[std::strcspn(line, "\n")] = 0;
        char* tab = std::strchr(line, '\t');
        say("%s %s", key, tab == nullptr ? "" : tab + 1);
      }
    }
  }
  return 0;
}

int sig(int, char**) { return status_lines({"SigBlk:", "SigIgn:", "SigCgt:", "ShdPnd:"}); }
int caps(int, char**) { return status_lines({"CapInh:", "CapPrm:", "CapEff:", "CapBnd:", "CapAmb:", "NoNewPrivs:"}); }

int ns(int, char**) {
  for (const char* kind : {"uts", "pid", "mnt", "net", "ipc", "user", "cgroup", "time"}) {
    say("%s", link_of(std::string("/proc/self/ns/") + kind).c_str());
  }
  return 0;
}

void hex(const char* word, const char* bytes) {
  std::printf("%s ", word);
  for (const char* at = bytes; *at != 0; ++at)
    std::printf("%02x", static_cast<unsigned>(static_cast<unsigned char>(*at)));
  std::printf("\n");
  std::fflush(stdout);
}

int argv_hex(int argc, char** argv) {
  for (int i = 0; i < argc; ++i) hex("arg", argv[i]);
  return 0;
}

int env(int argc, char** argv) {
  for (char** entry = environ; *entry != nullptr; ++entry) {
    if (argc > 0 && std::strcmp(argv[0], "hex") == 0)
      hex("env", *entry);
    else
      say("%s", *entry);
  }
  return 0;
}

int id(int, char**) {
  uid_t r = 0, e = 0, s = 0;
  gid_t rg = 0, eg = 0, sg = 0;
  ::getresuid(&r, &e, &s);
  ::getresgid(&rg, &eg, &sg);
  say("uid %u %u %u", r, e, s);
  say("gid %u %u %u", rg, eg, sg);
  gid_t groups[256];
  const int n = ::getgroups(256, groups);
  std::string line = "groups";
  for (int i = 0; i < n; ++i) line += " " + std::to_string(groups[i]);
  say("%s", line.c_str());
  for (const char* map : {"uid_map", "gid_map", "setgroups"}) {
    const std::unique_ptr<FILE, int (*)(FILE*)> file(std::fopen((std::string("/proc/self/") + map).c_str(), "re"),
                                                     &std::fclose);
    char text[256] = "";
    if (file && std::fgets(text, sizeof text, file.get()) != nullptr) text[std::strcspn(text, "\n")] = 0;
    say("%s %s", map, text);
  }
  return 0;
}

int pid(int, char**) {
  say("pid %d ppid %d sid %d pgid %d", ::getpid(), ::getppid(), ::getsid(0), ::getpgid(0));
  say("one %s", link_of("/proc/1/exe").c_str());
  return 0;
}

int cwd(int, char**) {
  char path[PATH_MAX];
  say("cwd %s", ::getcwd(path, sizeof path) == nullptr ? std::strerror(errno) : path);
  return 0;
}

int host(int, char**) {
  utsname names{};
  ::uname(&names);
  say("hostname %s", names.nodename);
  return 0;
}

int mounts(int argc, char** argv) {
  const std::unique_ptr<FILE, int (*)(FILE*)> file(std::fopen("/proc/self/mountinfo", "re"), &std::fclose);
  if (!file) return 1;
  char line[4096];
  while (std::fgets(line, sizeof line, file.get()) != nullptr) {
    line[std::strcspn(line, "\n")] = 0;
    if (argc == 0 || std::strstr(line, argv[0]) != nullptr) say("%s", line);
  }
  return 0;
}

int ifaces(int, char**) {
  for (const auto& name : names_in("/proc/self/net/dev_snmp6")) say("snmp6 %s", name.c_str());
  const std::unique_ptr<FILE, int (*)(FILE*)> file(std::fopen("/proc/self/net/dev", "re"), &std::fclose);
  char line[512];
  while (file && std::fgets(line, sizeof line, file.get()) != nullptr) {
    if (char* colon = std::strchr(line, ':')) {
      *colon = 0;
      say("iface %s", line + std::strspn(line, " "));
    }
  }
  return 0;
}

// Listens on 127.0.0.1, connects to itself and passes a byte.
int lo(int, char**) {
  const int server = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int client = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  if (server < 0 || client < 0 || ::bind(server, generic, size) != 0 || ::listen(server, 1) != 0 ||
      ::getsockname(server, generic, &size) != 0 || ::connect(client, generic, size) != 0) {
    say("lo %s", std::strerror(errno));
    return 1;
  }
  const int peer = ::accept(server, nullptr, nullptr);
  char byte = 0;
  const bool passed = ::write(client, "x", 1) == 1 && ::read(peer, &byte, 1) == 1 && byte == 'x';
  say("lo %s", passed ? "ok" : "no byte");
  return passed ? 0 : 1;
}

int limits(int, char**) {
  const mode_t mask = ::umask(0);
  say("umask %03o", mask);
  return 0;
}

int all(int argc, char** argv) {
  const bool failed =
      fds(argc, argv) + sig(argc, argv) + caps(argc, argv) + ns(argc, argv) + id(argc, argv) + cwd(argc, argv) > 0;
  return failed ? 1 : 0;
}

}  // namespace

const Command kFacts[] = {{"fds", fds},       {"sig", sig},       {"caps", caps},     {"ns", ns},
                          {"argv", argv_hex}, {"env", env},       {"id", id},         {"pid", pid},
                          {"cwd", cwd},       {"hostname", host}, {"mounts", mounts}, {"lo", lo},
                          {"umask", limits},  {"ifaces", ifaces}, {"all", all},       {"", nullptr}};

}  // namespace probe
