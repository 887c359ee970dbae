#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <functional>

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

// A root of busybox alone, for those who cannot do without an image.
class Image {
 public:
  explicit Image(const Setting& setting) : folder_(setting.scratch + "/bundle") {
    const std::string busybox = in_path("busybox");
    if (busybox.empty()) {
      why_ = "needs busybox";
      return;
    }
    const std::string root = folder_ + "/rootfs";
    for (const std::string& dir : {folder_, root, root + "/bin", root + "/proc", root + "/dev", root + "/tmp"})
      ::mkdir(dir.c_str(), 0755);
    std::ifstream from(busybox, std::ios::binary);
    std::ofstream to(root + "/bin/busybox", std::ios::binary);
    to << from.rdbuf();
    to.close();
    ::chmod((root + "/bin/busybox").c_str(), 0755);
    if (::symlink("busybox", (root + "/bin/true").c_str()) != 0 || !to) why_ = "the image cannot be made";
    std::ofstream(folder_ + "/config.json")
        << R"({"ociVersion":"1.0.2","hostname":"bench","process":{"terminal":false,"user":{"uid":0,"gid":0},"cwd":"/",)"
           R"("args":["/bin/true"],"env":["PATH=/bin"],"noNewPrivileges":true},"root":{"path":"rootfs"},)"
           R"("mounts":[{"destination":"/proc","type":"proc","source":"proc","options":["nosuid","noexec","nodev"]}],)"
           R"("linux":{"namespaces":[{"type":"pid"},{"type":"network"},{"type":"ipc"},{"type":"uts"},{"type":"mount"}]}})";
  }
  [[nodiscard]] const std::string& why_not() const { return why_; }
  [[nodiscard]] const std::string& folder() const { return folder_; }

 private:
  std::string folder_;
  std::string why_;
};

// An image in docker's store for as long as this lives.
class DockerImage {
 public:
  DockerImage(const std::string& docker, const Image& image) : docker_(docker) {
    if (docker_.empty()) {
      why_ = "not installed";
    } else if (!image.why_not().empty()) {
      why_ = image.why_not();
    } else if (Child info({docker_, "info"}); info.wait(10) != 0) {
      why_ = "no daemon answers";
    } else {
      const std::string script = "tar -C \"$1\" -c . | \"$2\" import - " + tag();
      Child import({"/bin/sh", "-c", script, "sh", image.folder() + "/rootfs", docker_});
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

}  // namespace

void measure_starts(const Setting& setting, Report& report) {
  const int fast = setting.quick ? 40 : 400;
  const int slow = setting.quick ? 5 : 40;
  const Words sup = {setting.sup, "run", "/bin/true"};
  int serial = 0;
  const auto fresh = [&serial] { return "sup-bench-" + std::to_string(::getpid()) + "-" + std::to_string(++serial); };
  const auto installed = [](const std::string& path) {
    return path.empty() ? std::string("not installed") : std::string();
  };

  const std::string unshare = in_path("unshare");
  Words as_unshare = {unshare, "--mount", "--pid", "--uts", "--ipc", "--net", "--fork", "--mount-proc"};
  if (!setting.root) as_unshare.emplace_back("--map-root-user");
  as_unshare.emplace_back("/bin/true");
  const std::string bwrap = in_path("bwrap");
  const Words as_bwrap = {bwrap, "--unshare-uts", "--unshare-pid", "--unshare-net", "--unshare-ipc", "--dev-bind", "/",
                          "/",   "--proc",        "/proc",         "/bin/true"};
  const Image image(setting);
  const std::string crun = in_path("crun");
  const std::string runc = in_path("runc");
  const std::string docker = in_path("docker");
  const DockerImage docker_image(docker, image);
  const auto oci = [&](const std::string& path) {
    if (path.empty()) return std::string("not installed");
    return setting.root ? image.why_not() : std::string("needs root");
  };

  const Peer peers[] = {
      {.name = "unshare", .argv = [&] { return as_unshare; }, .bar = 1.0, .rounds = fast, .absent = installed(unshare)},
      {.name = "bwrap", .argv = [&] { return as_bwrap; }, .bar = 0.5, .rounds = fast, .absent = installed(bwrap)},
      {.name = "floor",
       .argv = [&] { return Words{setting.floors + "/start", "/bin/true"}; },
       .bar = {},
       .rounds = fast,
       .absent = setting.root ? "" : "needs root"},
      {.name = "nothing", .argv = [] { return Words{"/bin/true"}; }, .bar = {}, .rounds = fast, .absent = {}},
      {.name = "crun",
       .argv = [&] { return Words{crun, "--cgroup-manager=disabled", "run", "-b", image.folder(), fresh()}; },
       .bar = {},
       .rounds = slow,
       .absent = oci(crun),
       .measure = "start: the same, busybox image there"},
      {.name = "runc",
       .argv = [&] { return Words{runc, "run", "-b", image.folder(), fresh()}; },
       .bar = {},
       .rounds = slow,
       .absent = oci(runc),
       .measure = "start: the same, busybox image there"},
      {.name = "docker",
       .argv = [&] { return Words{docker, "run", "--rm", "--network", "none", DockerImage::tag(), "/bin/true"}; },
       .bar = {},
       .rounds = slow / 4 + 2,
       .absent = docker_image.why_not(),
       .measure = "start: the same, busybox image there"},
  };
  for (const auto& peer : peers) report.add(compare(peer, sup));
}

}  // namespace bench
