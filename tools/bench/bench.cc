// bench: measures sup against its peers and against floor programs that do the least that the same task can cost.
// tools/bench/run builds it and calls it.
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>

#include "child.h"
#include "measures.h"

namespace {

using namespace bench;

constexpr char kUsage[] =
    "usage: bench --sup FILE --floors FOLDER [--quick] [--only start,root,output,memory,cost,many] [--json FILE] [--strict]\n";

std::string load() {
  std::ifstream file("/proc/loadavg");
  std::string one;
  std::string five;
  file >> one >> five;
  return one + " " + five;
}

double load_now() { return std::strtod(load().c_str(), nullptr); }

// Gone with everything in it, on every way out but SIGKILL.
class Scratch {
 public:
  Scratch() {
    const char* tmp = std::getenv("TMPDIR");
    std::string name = std::string(tmp != nullptr && *tmp != 0 ? tmp : "/tmp") + "/sup-bench.XXXXXX";
    if (::mkdtemp(name.data()) != nullptr) path_ = name;
  }
  ~Scratch() {
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

int fail(const std::string& what) {
  std::fprintf(stderr, "bench: %s\n", what.c_str());
  return 125;
}

bool wants(const std::string& only, const std::string& topic) {
  return only.empty() || ("," + only + ",").find("," + topic + ",") != std::string::npos;
}

}  // namespace

int main(int argc, char** argv) {
  Setting setting;
  std::string json;
  std::string only;
  bool strict = false;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    const auto value = [&]() -> std::string { return i + 1 < argc ? argv[++i] : ""; };
    if (word == "--sup") {
      setting.sup = value();
    } else if (word == "--floors") {
      setting.floors = value();
    } else if (word == "--json") {
      json = value();
    } else if (word == "--only") {
      only = value();
    } else if (word == "--quick") {
      setting.quick = true;
    } else if (word == "--strict") {
      strict = true;
    } else {
      return fail("unknown option " + word + "\n" + kUsage);
    }
  }
  char resolved[PATH_MAX];
  for (std::string* path : {&setting.sup, &setting.floors}) {
    if (path->empty() || ::realpath(path->c_str(), resolved) == nullptr)
      return fail(*path + ": " + std::strerror(errno) + "\n" + kUsage);
    *path = resolved;
  }
  setting.root = ::geteuid() == 0;
  const Scratch scratch;
  if (scratch.path().empty()) return fail(std::string("no temporary folder: ") + std::strerror(errno));
  setting.scratch = scratch.path();
  std::signal(SIGPIPE, SIG_IGN);
  ::unsetenv("SUP_EVENTS");       // as it comes: three events a run, into /dev/null here
  ::unsetenv("LD_DEBUG");
  // Before all else that runs here, for all alike; without the right to, at the usual priority.
  (void)::setpriority(PRIO_PROCESS, 0, -15);

  utsname os{};
  ::uname(&os);
  const long cpus = ::sysconf(_SC_NPROCESSORS_ONLN);
  const std::string before = load();
  const std::string version = first_line({setting.sup, "--version"});
  std::printf("%s, Linux %s, %ld CPUs, load %s%s%s\n", version.c_str(), os.release, cpus, before.c_str(),
              setting.root ? "" : ", not root", setting.quick ? ", quick" : "");
  if (load_now() > static_cast<double>(cpus) / 2)
    std::puts("The machine is not quiet: the ratios hold better than the figures, and neither well.");
  std::putchar('\n');

  Report report;
  if (wants(only, "start")) measure_starts(setting, report);
  if (wants(only, "root")) measure_roots(setting, report);
  if (wants(only, "output")) measure_carrying(setting, report);
  if (wants(only, "memory")) measure_memory(setting, report);
  if (wants(only, "many")) measure_many(setting, report);
  if (wants(only, "cost")) measure_cost(setting, report);
  const std::string after = load();
  std::printf("\nload at the end %s; medians, rows without a bar are for information\n", after.c_str());

  if (!json.empty()) {
    char machine[512];
    std::snprintf(machine, sizeof machine,
                  R"({"kernel":"%s","arch":"%s","cpus":%ld,"load_before":"%s","load_after":"%s","root":%s,"quick":%s})",
                  os.release, os.machine, cpus, before.c_str(), after.c_str(), setting.root ? "true" : "false",
                  setting.quick ? "true" : "false");
    if (!report.write_json(json, machine)) return fail(json + ": " + std::strerror(errno));
  }
  return strict && !report.all_passed() ? 1 : 0;
}
