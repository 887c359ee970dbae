#include "clean.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "events.h"
#include "harness.h"

namespace sup::test {
namespace {

namespace fs = std::filesystem;

std::string case_dir;
std::string case_runtime;
std::vector<std::string> event_files;
int event_count = 0;
bool private_mounts = false;

std::map<int, std::string> open_fds() {
  std::map<int, std::string> all;
  for (int fd = 0; fd < 1024; ++fd) {
    if (::fcntl(fd, F_GETFD) < 0) continue;
    char target[4096];
    const std::string name = "/proc/self/fd/" + std::to_string(fd);
    const ssize_t n = ::readlink(name.c_str(), target, sizeof target);
    all[fd] = n < 0 ? "?" : std::string(target, static_cast<std::size_t>(n));
  }
  return all;
}

std::string name_of(pid_t pid) {
  std::string line = read_text("/proc/" + std::to_string(pid) + "/cmdline");
  for (auto& c : line) {
    if (c == 0) c = ' ';
  }
  return std::to_string(pid) + " (" + line + ") " + state_of(pid);
}

std::vector<pid_t> children() {
  std::vector<pid_t> all;
  const std::string text = read_text("/proc/self/task/" + std::to_string(::getpid()) + "/children");
  for (std::size_t at = 0; at < text.size();) {
    const auto end = text.find(' ', at);
    if (end == std::string::npos) break;
    all.push_back(std::atoi(text.substr(at, end - at).c_str()));
    at = end + 1;
  }
  return all;
}

// Everything that sup started and lost is by now our child, because this process is a subreaper.
void check_processes() {
  const auto end = std::chrono::steady_clock::now() + patient(std::chrono::seconds(2));
  while (true) {
    // The dead ones of a sup that was killed come to us as zombies: that is as it should be.
    while (::waitpid(-1, nullptr, WNOHANG) > 0) {
    }
    const auto left = children();
    if (left.empty()) return;
    if (std::chrono::steady_clock::now() > end) {
      for (const pid_t pid : left) {
        BOOST_ERROR("left behind: process " << name_of(pid));
        ::kill(pid, SIGKILL);
        ::waitpid(pid, nullptr, 0);
      }
      continue;
    }
    ::poll(nullptr, 0, 5);
  }
}

// The sockets of foreground runs that were killed go when somebody looks for supervisors next, and not before.
void look_for_supervisors() {
  if (!foreground_sockets().empty()) {
    Start start;
    start.args = {"ps"};
    start.events = false;
    (void)run(start);
  }
}

// The groups of every container that an event of this case tells of, in every hierarchy. Not all groups called sup: other cases
// run at the same time.
void check_cgroups() {
  std::set<std::string> ids;
  std::vector<std::string> files = event_files;
  std::error_code error;
  for (const auto& entry : fs::recursive_directory_iterator(case_runtime, error)) {
    if (entry.path().extension() == ".events") files.push_back(entry.path().string());
  }
  for (const auto& file : files) {
    const Events events(read_text(file));
    for (const auto& event : events.all()) {
      if (event.has("/id")) ids.insert(event.text("/id"));
    }
  }
  std::set<std::string> parents;
  for (const auto& line : lines(read_text("/proc/self/cgroup"))) {
    const auto path = line.substr(line.find(':', line.find(':') + 1) + 1);
    for (const auto& mount : lines(host_mounts())) {
      if (!has(mount, " - cgroup")) continue;
      std::size_t at = 0;
      for (int field = 0; field < 4; ++field) at = mount.find(' ', at) + 1;
      parents.insert(mount.substr(at, mount.find(' ', at) - at) + (path == "/" ? "" : path) + "/sup");
    }
  }
  for (const auto& parent : parents) {
    for (const auto& id : ids) {
      if (!exists(parent + "/" + id)) continue;
      BOOST_ERROR("left behind: cgroup " << parent << "/" << id);
      ::rmdir((parent + "/" + id).c_str());
    }
  }
}

}  // namespace

struct Clean::Before {
  std::map<int, std::string> fds = open_fds();
  std::string mounts = host_mounts();
};

Clean::Clean() {
  std::string pattern = fs::temp_directory_path().string() + "/sup-test-XXXXXX";
  BOOST_TEST_REQUIRE(::mkdtemp(pattern.data()) != nullptr);
  // The canonical path, because cases compare it with what the command sees.
  const std::string base = fs::canonical(pattern).string();
  case_dir = base + "/d";
  case_runtime = base + "/r";
  ::chmod(base.c_str(), 0755);
  for (const auto& path : {case_dir, case_runtime}) {
    ::mkdir(path.c_str(), 0755);
    ::chmod(path.c_str(), path == case_runtime ? 0700 : 0755);
    if (as_user() && ::geteuid() == 0) BOOST_TEST_REQUIRE(::chown(path.c_str(), uid(), gid()) == 0);
  }
  ::mkdir((base + "/e").c_str(), 0777);
  ::chmod((base + "/e").c_str(), 0777);
  event_files.clear();
  event_count = 0;
  before_ = std::make_unique<Before>();
}

Clean::~Clean() {
  check_processes();
  look_for_supervisors();
  check_cgroups();
  const auto fds = open_fds();
  for (const auto& [fd, target] : fds) {
    BOOST_TEST(before_->fds.contains(fd), "left behind: descriptor " << fd << " " << target);
  }
  // Other people may mount and unmount on the host: only a namespace of our own can be compared.
  if (private_mounts)
    BOOST_TEST(host_mounts() == before_->mounts, "left behind: the host's mounts changed\n"
                                                     << before_->mounts << "\nnow\n"
                                                     << host_mounts());
  std::error_code error;
  for (const auto& entry : fs::recursive_directory_iterator(case_runtime, error)) {
    const auto& path = entry.path();
    // A supervisor's lock stays, and so does the log of one that run -d started.
    if (path.extension() == ".events")
      check_events(read_text(path), path.string());
    else if (!entry.is_directory() && path.extension() != ".lock")
      BOOST_ERROR("left behind: " << path.string());
  }
  for (const auto& file : event_files) check_events(read_text(file), file);
  fs::remove_all(fs::path(case_dir).parent_path(), error);
  BOOST_TEST(!error, "the case's directory cannot be removed: " << error.message());
}

const std::string& dir() { return case_dir; }
const std::string& runtime_dir() { return case_runtime; }

std::vector<std::string> foreground_sockets() {
  std::vector<std::string> all;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(case_runtime + "/sup", ignored)) {
    if (entry.path().filename().string().starts_with("run-")) all.push_back(entry.path().filename().string());
  }
  std::ranges::sort(all);
  return all;
}

std::string new_events_file() {
  const std::string path = fs::path(case_dir).parent_path().string() + "/e/events-" + std::to_string(++event_count);
  event_files.push_back(path);
  return path;
}

void forget_events_file(const std::string& path) { std::erase(event_files, path); }
void add_events_file(const std::string& path) { event_files.push_back(path); }

std::string host_mounts() { return read_text("/proc/self/mountinfo"); }

void prepare_process() {
  std::signal(SIGPIPE, SIG_IGN);
  ::umask(022);
  ::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);  // cannot fail with these arguments
  if (::geteuid() == 0 && ::unshare(CLONE_NEWNS) == 0) {
    // Private first, to leave the host's peer groups; then shared, to have groups of our own.
    private_mounts = ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
                     ::mount(nullptr, "/", nullptr, MS_REC | MS_SHARED, nullptr) == 0;
  }
}

bool own_mounts() { return private_mounts; }

}  // namespace sup::test
