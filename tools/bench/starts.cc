#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <functional>

#include "bundle.h"
#include "child.h"
#include "measures.h"

namespace bench {
namespace {

// The kernel takes a network namespace down after its last process is gone, in a thread of its own that holds the lock a
// new one needs; without a pause the next start pays for it.
constexpr useconds_t kPause = 5000;

struct Peer {
  std::string name;
  std::function<Words()> argv;  // a fresh one for each run
  std::optional<double> bar;
  int rounds = 0;
  std::string absent;
  std::string measure = "start: run /bin/true";
};

Row compare(const Peer& peer, const Words& ours) {
  Row row{.measure = peer.measure,
          .peer = peer.name,
          .unit = "us",
          .ours = {},
          .theirs = {},
          .absent = {},
          .failed = {},
          .bar = peer.bar};
  if (!peer.absent.empty()) {
    row.absent = "absent: " + peer.absent;
    return row;
  }
  std::vector<double> mine;
  std::vector<double> other;
  const int warm = 3;
  for (int i = -warm; i < peer.rounds; ++i) {
    double pair[2] = {0, 0};
    for (int k = 0; k < 2; ++k) {
      const int who = (i & 1) != 0 ? 1 - k : k;
      const double took = time_run(who == 0 ? ours : peer.argv());
      if (took < 0) {
        // Once more, for its own words.
        const std::string why =
            "status " + std::to_string(static_cast<int>(-took)) + ": " + first_line(who == 0 ? ours : peer.argv(), 2);
        (who == 0 ? row.failed : row.absent) = (who == 0 ? "" : "absent: fails here, ") + why;
        return row;
      }
      pair[who] = took;
      ::usleep(kPause);
    }
    if (i < 0) continue;
    mine.push_back(pair[0]);
    other.push_back(pair[1]);
  }
  row.ours = summarize(std::move(mine));
  row.theirs = summarize(std::move(other));
  return row;
}

// An image in docker's store for as long as this lives.
class DockerImage {
 public:
  DockerImage(const std::string& docker, const Bundle& image) : docker_(docker) {
    if (docker_.empty()) {
      why_ = "not installed";
    } else if (!image.why_not().empty()) {
      why_ = image.why_not();
    } else if (Child info({docker_, "info"}); info.wait(10) != 0) {
      why_ = "no daemon answers";
    } else {
      const std::string script = "tar -C \"$1\" -c . | \"$2\" import - " + tag();
      Child import({"/bin/sh", "-c", script, "sh", image.root(), docker_});
      imported_ = import.wait(60) == 0;
      if (!imported_) why_ = "import of the image fails";
    }
  }
  ~DockerImage() {
    if (imported_) (void)Child({docker_, "rmi", "-f", tag()}).wait(30);
  }
  DockerImage(const DockerImage&) = delete;
  DockerImage& operator=(const DockerImage&) = delete;
  [[nodiscard]] const std::string& why_not() const { return why_; }
  [[nodiscard]] static std::string tag() { return "sup-bench-" + std::to_string(::getpid()); }

 private:
  std::string docker_;
  std::string why_;
  bool imported_ = false;
};

// crun takes no part where control groups are both v1 and v2. For as long as this lives the v2 tree is out of everybody's sight.
class OneVersion {
 public:
  OneVersion() {
    const std::string unified = second_tree();
    if (unified.empty()) return;
    home_ = ::open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
    folder_ = ::open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (home_ < 0 || folder_ < 0 || ::unshare(CLONE_NEWNS) < 0) return;
    changed_ =
        ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 && ::umount2(unified.c_str(), MNT_DETACH) == 0;
  }
  ~OneVersion() {
    if (home_ >= 0) (void)(::setns(home_, CLONE_NEWNS) + ::fchdir(folder_));
    if (home_ >= 0) ::close(home_);
    if (folder_ >= 0) ::close(folder_);
  }
  OneVersion(const OneVersion&) = delete;
  OneVersion& operator=(const OneVersion&) = delete;
  [[nodiscard]] bool changed() const { return changed_; }

 private:
  // Where the v2 tree is mounted beside v1 ones; else empty.
  static std::string second_tree() {
    std::ifstream mounts("/proc/self/mounts");
    std::string v2;
    bool v1 = false;
    for (std::string source, target, type, rest; mounts >> source >> target >> type && std::getline(mounts, rest);) {
      if (type == "cgroup") v1 = true;
      if (type == "cgroup2") v2 = target;
    }
    return v1 ? v2 : "";
  }
  int home_ = -1;
  int folder_ = -1;
  bool changed_ = false;
};

}  // namespace

void measure_starts(const Setting& setting, Report& report) {
  const int fast = setting.quick ? 40 : 400;
  const Words sup = {setting.sup, "run", "/bin/true"};
  const auto installed = [](const std::string& path) {
    return path.empty() ? std::string("not installed") : std::string();
  };

  const std::string unshare = in_path("unshare");
  Words as_unshare = {unshare, "--mount", "--pid", "--uts", "--ipc", "--net", "--fork", "--mount-proc"};
  if (!setting.root) as_unshare.emplace_back("--map-root-user");
  as_unshare.emplace_back("/bin/true");
  const std::string bwrap = in_path("bwrap");
  Words as_bwrap = {bwrap, "--unshare-uts", "--unshare-pid", "--unshare-net", "--unshare-ipc", "--dev-bind", "/",
                    "/",   "--proc",        "/proc",         "/bin/true"};
  const Peer peers[] = {
      {.name = "unshare", .argv = [&] { return as_unshare; }, .bar = 1.0, .rounds = fast, .absent = installed(unshare)},
      {.name = "bwrap", .argv = [&] { return as_bwrap; }, .bar = 0.5, .rounds = fast, .absent = installed(bwrap)},
      {.name = "floor",
       .argv = [&] { return Words{setting.floors + "/start", "/bin/true"}; },
       .bar = {},
       .rounds = fast,
       .absent = setting.root ? "" : "needs root"},
      {.name = "nothing", .argv = [] { return Words{"/bin/true"}; }, .bar = {}, .rounds = fast, .absent = {}},
  };
  for (const auto& peer : peers) report.add(compare(peer, sup));
}

void measure_roots(const Setting& setting, Report& report) {
  const int slow = setting.quick ? 5 : 40;
  int serial = 0;
  const auto fresh = [&serial] { return "sup-bench-" + std::to_string(::getpid()) + "-" + std::to_string(++serial); };
  using enum Bundle::Limits;
  const Bundle image(setting.scratch + "/bundle", memory_and_pids);
  const Bundle unlimited(setting.scratch + "/unlimited", none);
  const std::string crun = in_path("crun");
  const std::string runc = in_path("runc");
  const std::string docker = in_path("docker");
  const DockerImage docker_image(docker, image);
  const auto oci = [&](const std::string& path) {
    if (path.empty()) return std::string("not installed");
    return setting.root ? image.why_not() : std::string("needs root");
  };

  // Docker's profile, on the same root and with the same limits, as each of them is asked for it; without a control group
  // crun alone can.
  const Words in_root = {setting.sup, "run", "--rootfs", unlimited.root(), "/bin/true"};
  const Words limited = {setting.sup, "run", "--rootfs", image.root(), "-m", "64m", "--pids-limit", "100", "/bin/true"};
  // Where systemd rules, all of them leave it to systemd, as docker does there: sup of itself.
  const bool systemd = ::access("/run/systemd/system", F_OK) == 0;
  const auto managed = [&](const std::string& runtime) {
    Words out = {runtime};
    if (systemd) out.emplace_back("--systemd-cgroup");
    out.insert(out.end(), {"run", "-b", image.folder(), fresh()});
    return out;
  };
  const auto held = [&](const Words& ours, const Peer& peer) { report.add(compare(peer, ours)); };
  const Peer as_crun{.name = "crun",
                     .argv = [&] { return managed(crun); },
                     .bar = 0.5,
                     .rounds = slow,
                     .absent = oci(crun),
                     .measure = "root: docker's profile, limits"};
  const Peer as_runc{.name = "runc",
                     .argv = [&] { return managed(runc); },
                     .bar = 0.2,
                     .rounds = slow,
                     .absent = oci(runc),
                     .measure = as_crun.measure};
  held(limited, as_crun);
  held(limited, as_runc);
  held(limited, {.name = "docker",
                 .argv =
                     [&] {
                       return Words{docker, "run",          "--rm", "--network",        "none",     "-m",
                                    "64m",  "--pids-limit", "100",  DockerImage::tag(), "/bin/true"};
                     },
                 .bar = {},
                 .rounds = slow / 4 + 2,
                 .absent = docker_image.why_not(),
                 .measure = as_crun.measure});
  const OneVersion view;
  if (view.changed()) {
    Peer there = as_crun;
    there.measure += ", v1 alone";
    held(limited, there);
    there = as_runc;
    there.measure += ", v1 alone";
    held(limited, there);
  }
  held(in_root,
       {.name = "crun",
        .argv = [&] { return Words{crun, "--cgroup-manager=disabled", "run", "-b", unlimited.folder(), fresh()}; },
        .bar = 0.5,
        .rounds = slow,
        .absent = oci(crun),
        .measure = "root: the same, no control groups"});
}

}  // namespace bench
