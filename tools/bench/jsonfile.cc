#include "jsonfile.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <vector>

#include "child.h"

namespace bench {
namespace {

constexpr const char* kImage = "sup-bench-lines";
constexpr std::size_t kAtOnce = 8;  // clients of docker

// Who listens on docker's socket; 1: a socket of systemd's, whose daemon says its pid in the usual place.
pid_t dockerd() {
  const char* host = std::getenv("DOCKER_HOST");
  const std::string where = host == nullptr ? "unix:///var/run/docker.sock" : host;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (!where.starts_with("unix://") || where.size() - 7 >= sizeof address.sun_path) return -1;
  where.copy(address.sun_path, sizeof address.sun_path - 1, 7);
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  ucred peer{};
  socklen_t size = sizeof peer;
  const bool there = ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 &&
                     ::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0;
  ::close(fd);
  if (!there) return -1;
  pid_t pid = peer.pid;
  if (pid == 1 && !(std::ifstream("/var/run/docker.pid") >> pid)) return -1;
  return pid;
}

// The fields of /proc/PID/stat from the third on.
std::vector<std::string> stat_of(pid_t pid) {
  std::ostringstream text;
  text << std::ifstream("/proc/" + std::to_string(pid) + "/stat").rdbuf();
  const std::string all = text.str();
  std::istringstream rest(all.substr(std::min(all.size(), all.rfind(')') + 1)));
  std::vector<std::string> fields;
  for (std::string field; rest >> field;) fields.push_back(field);
  return fields;
}

pid_t parent_of(pid_t pid) {
  const auto fields = stat_of(pid);
  return fields.size() > 1 ? std::atoi(fields[1].c_str()) : -1;
}

// Seconds that all of its threads, also those that have ended, have had of a CPU.
double cpu_of(pid_t pid) {
  const auto fields = stat_of(pid);
  if (fields.size() < 13) return 0;
  return (std::atof(fields[11].c_str()) + std::atof(fields[12].c_str())) / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

std::uint64_t lines_in(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::uint64_t count = 0;
  for (std::string line; std::getline(file, line);) count += line.find("\"stream\":\"stdout\"") != std::string::npos;
  return count;
}

// Gone on every way out.
class Containers {
 public:
  Containers(std::string docker, const Setting& setting)
      : docker_(std::move(docker)), gate_(setting.scratch + "/gate") {
    ::mkfifo(gate_.c_str(), 0600);
    std::string tar = "tar -C '" + setting.floors + "' -c lines | '" + docker_ + "' import - " + kImage;
    made_ = Child({"/bin/sh", "-c", tar}).wait() == 0;
  }
  ~Containers() {
    if (open_ >= 0) ::close(open_);
    Words remove = {docker_, "rm", "-f"};
    for (int i = 0; i < count_; ++i) remove.push_back(name(i));
    if (count_ > 0) (void)Child(remove).wait(300);
    (void)Child({docker_, "rmi", kImage}).wait();
    ::unlink(gate_.c_str());
  }
  Containers(const Containers&) = delete;
  Containers& operator=(const Containers&) = delete;

  bool start(int count, int lines) {
    count_ = count;
    bool good = made_;
    std::vector<Child> under_way;
    for (int i = 0; i < count && good; ++i) {
      under_way.emplace_back(Words{docker_, "run", "-d", "--name", name(i), "--network", "none", "--log-driver",
                                   "json-file", "-v", gate_ + ":/gate", kImage, "/lines", std::to_string(lines),
                                   "/gate"});
      if (under_way.size() < kAtOnce && i + 1 < count) continue;
      for (Child& one : under_way) good = one.wait(120) == 0 && good;
      under_way.clear();
    }
    return good;
  }
  // From now on they write.
  void open() { open_ = ::open(gate_.c_str(), O_WRONLY | O_CLOEXEC); }
  // A line of `docker inspect` for each.
  [[nodiscard]] Words inspect(const std::string& format) const {
    Words all;
    for (int i = 0; i < count_; ++i) all.push_back(first_line({docker_, "inspect", "-f", format, name(i)}));
    return all;
  }

 private:
  static std::string name(int i) { return "sup-bench-" + std::to_string(::getpid()) + "-" + std::to_string(i); }
  std::string docker_, gate_;
  bool made_ = false;
  int count_ = 0;
  int open_ = -1;
};

}  // namespace

double lines_by_docker(const Setting& setting, const std::string& docker, int children, int lines, std::string& why) {
  const pid_t daemon = dockerd();
  if (daemon <= 0) return why = "no dockerd answers", -1;
  Containers all(docker, setting);
  if (!all.start(children, lines)) return why = "its containers do not start", -1;
  const Words logs = all.inspect("{{.LogPath}}");
  std::vector<pid_t> whose = {daemon};
  for (const auto& pid : all.inspect("{{.State.Pid}}")) whose.push_back(parent_of(std::atoi(pid.c_str())));
  const auto used = [&] {
    double sum = 0;
    for (const pid_t pid : whose) sum += cpu_of(pid);
    return sum;
  };
  const auto found = [&] {
    std::uint64_t sum = 0;
    for (const auto& log : logs) sum += lines_in(log);
    return sum;
  };
  const auto total = static_cast<std::uint64_t>(children) * static_cast<std::uint64_t>(lines);
  ::usleep(500'000);
  const double before = used();
  all.open();
  double now = before;
  double last = -1;
  // Over when it is at rest and the logs are whole.
  for (int i = 0; i < 600; ++i) {
    ::usleep(200'000);
    now = used();
    if (now > before && now - last < 0.1 && found() == total) break;
    last = now;
  }
  if (const auto lost = total - found(); lost != 0)
    return why = std::to_string(lost) + " of " + std::to_string(total) + " lines are not in its logs", -1;
  return static_cast<double>(total) / (now - before);
}

}  // namespace bench
