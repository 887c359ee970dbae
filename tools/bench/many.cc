#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <deque>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "child.h"
#include "jsonfile.h"
#include "measures.h"
#include "service.h"

namespace bench {
namespace {

constexpr useconds_t kPause =
    8000;   // for the kernel to take a network namespace down, and for the pool to be filled again
constexpr std::size_t kInFlight = 32;

// What stamp and many tell: nanoseconds, eight bytes each.
class Fifo {
 public:
  explicit Fifo(const std::string& path) : path_(path) {
    if (::mkfifo(path.c_str(), 0600) == 0) fd_ = ::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NONBLOCK);
  }
  ~Fifo() {
    if (fd_ >= 0) ::close(fd_);
    ::unlink(path_.c_str());
  }
  Fifo(const Fifo&) = delete;
  Fifo& operator=(const Fifo&) = delete;
  [[nodiscard]] const std::string& path() const { return path_; }
  // Microseconds; negative: nothing came.
  double next() const {
    std::int64_t ns = 0;
    pollfd p{.fd = fd_, .events = POLLIN, .revents = 0};
    if (::poll(&p, 1, 10'000) <= 0 || ::read(fd_, &ns, sizeof ns) != sizeof ns) return -1;
    return static_cast<double>(ns) / 1e3;
  }

 private:
  std::string path_;
  int fd_ = -1;
};

Row row_of(std::string measure, std::string peer, std::string unit, std::optional<double> bar) {
  return Row{.measure = std::move(measure),
             .peer = std::move(peer),
             .unit = std::move(unit),
             .ours = {},
             .theirs = {},
             .absent = {},
             .failed = {},
             .bar = bar};
}

// One container from the request to the first instruction of its command. Negative: it went wrong.
double ask_for_stamp(Client& client, const Setting& setting, const Fifo& fifo) {
  const double from = now_us();
  const auto number =
      client.send("container.run", run_params({setting.floors + "/stamp", fifo.path()}, R"(,"rm":true)"));
  const double began = fifo.next();
  const std::string answer = client.answer(number, 10);
  if (began < 0 || member(answer, "id").empty()) return -1;
  (void)client.answer(client.send("container.wait", R"({"container":")" + member(answer, "id") + "\"}"), 10);
  return began - from;
}

double fork_and_exec(const std::string& program, const Fifo& fifo) {
  const char* const argv[] = {program.c_str(), fifo.path().c_str(), nullptr};
  const double from = now_us();
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::execv(program.c_str(), const_cast<char* const*>(argv));
    ::_exit(127);
  }
  const double began = fifo.next();
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return status == 0 && began > 0 ? began - from : -1;
}

double floor_start(const Setting& setting, const Fifo& fifo) {
  Child child({setting.floors + "/many", "0", setting.floors + "/stamp", fifo.path()});
  const double from = fifo.next();
  const double began = fifo.next();
  return child.wait() == 0 && from > 0 && began > 0 ? began - from : -1;
}

template <typename Theirs>
Row first_instruction(Row row, const Setting& setting, const std::string& pool, int rounds, const Theirs& theirs) {
  const Fifo fifo(setting.scratch + "/stamps");
  const Service service(setting, {"--pool", pool});
  Client client(service.socket());
  if (!service.ready() || !client.connected()) {
    row.failed = "the supervisor does not serve";
    return row;
  }
  ::usleep(300'000);   // the first of the pool
  std::vector<double> mine;
  std::vector<double> other;
  for (int i = -3; i < rounds; ++i) {
    double pair[2] = {0, 0};
    for (int k = 0; k < 2; ++k) {
      const int who = (i & 1) != 0 ? 1 - k : k;
      pair[who] = who == 0 ? ask_for_stamp(client, setting, fifo) : theirs(fifo);
      if (pair[who] < 0) {
        row.failed = who == 0 ? "a container did not begin" : "the other did not begin";
        return row;
      }
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

double number_in(const std::string& path, const std::string& name) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with(name)) return std::strtod(line.c_str() + name.size(), nullptr);
  }
  return -1;
}

std::string proc(pid_t pid, const char* file) { return "/proc/" + std::to_string(pid) + "/" + file; }

double pss_kib(pid_t pid) { return number_in(proc(pid, "smaps_rollup"), "Pss:"); }

double wakeups(pid_t pid) {
  return number_in(proc(pid, "status"), "voluntary_ctxt_switches:") +
         number_in(proc(pid, "status"), "nonvoluntary_ctxt_switches:");
}

// Seconds that a process has had of a CPU.
double cpu_s(pid_t pid) {
  std::ifstream file(proc(pid, "schedstat"));
  double ns = -1;
  file >> ns;
  return ns / 1e9;
}

// Requests with so many of them on their way. The answers' ids; fewer: something failed, and `why`.
Words pipelined(Client& client, const std::string& method, const std::vector<std::string>& params, std::string& why,
                std::size_t in_flight = kInFlight) {
  Words ids;
  std::size_t sent = 0;
  for (std::size_t got = 0; got < params.size(); ++got) {
    for (; sent < params.size() && sent - got < in_flight; ++sent) (void)client.send(method, params[sent]);
    const std::string line = client.next();
    if (line.empty() || line.find("\"error\":{") != std::string::npos) {
      why = method + ": " + (line.empty() ? "no answer" : line.substr(0, 200));
      return ids;
    }
    ids.push_back(member(line, "id"));
  }
  return ids;
}

Summary single(double value) { return {.p25 = value, .p50 = value, .count = 1}; }

// Starts, holds and stops `count` sleepers, and the floor does the same.
void sleepers(const Setting& setting, Report& report, std::size_t count) {
  const std::string many = std::to_string(count);
  Row rate = row_of("many: sleepers started, " + many, "floor", "/s", 0.8);
  rate.at_most = false;
  Row memory = row_of("many: memory of each in the supervisor", "", "KiB", 16);
  memory.absolute = true;
  memory.digits = 1;
  Row idle = row_of(setting.quick ? "many: wakeups in 2 s of rest" : "many: wakeups in 10 s of rest", "", "", 0);
  idle.absolute = true;
  Row stop = row_of("many: sleepers stopped, " + many, "floor", "ms", 1.2);
  std::vector<double> rates[2];
  std::vector<double> stops[2];
  std::vector<double> each;
  std::vector<double> woken;
  const int rounds = setting.quick ? 1 : 3;
  for (int round = 0; round < rounds; ++round) {
    {
      const Service service(setting, {});
      Client client(service.socket());
      if (!service.ready()) rate.failed = "the supervisor does not serve";
      ::usleep(300'000);
      const double before = pss_kib(service.pid());
      const std::vector<std::string> params(count, run_params({setting.floors + "/stamp"}, R"(,"rm":false)"));
      const double from = now_us();
      const Words ids = rate.failed.empty() ? pipelined(client, "container.run", params, rate.failed) : Words{};
      rates[0].push_back(static_cast<double>(count) / (now_us() - from) * 1e6);
      if (ids.size() != count) {
        if (rate.failed.empty()) rate.failed = "only " + std::to_string(ids.size()) + " began";
        break;
      }
      ::usleep(1'000'000);
      each.push_back((pss_kib(service.pid()) - before) / static_cast<double>(count));
      const double slept = wakeups(service.pid());
      ::usleep(setting.quick ? 2'000'000 : 10'000'000);
      woken.push_back(wakeups(service.pid()) - slept);
      std::vector<std::string> names;
      for (const auto& id : ids) names.push_back(R"({"container":")" + id + "\"}");
      const double begun = now_us();
      // All at once, as the floor kills all before it waits for the first.
      if (pipelined(client, "container.stop", names, stop.failed, count).size() != count) break;
      stops[0].push_back((now_us() - begun) / 1e3);
    }
    ::usleep(500'000);
    int in[2];
    int out[2];
    if (!setting.root || ::pipe2(in, O_CLOEXEC) < 0 || ::pipe2(out, O_CLOEXEC) < 0) continue;
    Child floor({setting.floors + "/many", many, setting.floors + "/stamp"}, {.in = in[0], .out = out[1], .err = -1});
    ::close(in[0]);
    ::close(out[1]);
    std::int64_t ns = 0;
    if (::read(out[0], &ns, sizeof ns) == sizeof ns)
      rates[1].push_back(static_cast<double>(count) / static_cast<double>(ns) * 1e9);
    ::close(in[1]);
    if (::read(out[0], &ns, sizeof ns) == sizeof ns) stops[1].push_back(static_cast<double>(ns) / 1e6);
    ::close(out[0]);
    (void)floor.wait();
    ::usleep(500'000);
  }
  const auto put = [&](Row& row, std::vector<double>& ours, std::vector<double>& theirs) {
    if (!ours.empty()) row.ours = summarize(ours);
    if (!theirs.empty()) row.theirs = summarize(theirs);
    if (theirs.empty() && row.failed.empty()) row.absent = "absent: the floor needs root";
    report.add(row);
  };
  put(rate, rates[0], rates[1]);
  if (!each.empty()) memory.ours = summarize(each), report.add(memory);
  if (!woken.empty()) idle.ours = summarize(woken), report.add(idle);
  put(stop, stops[0], stops[1]);
}

// How long `ps` waits for its answer while containers come and go.
Row listing(const Setting& setting, std::size_t count) {
  Row row = row_of("many: p99 of ps, " + std::to_string(count) + " come and go", "", "ms", 20);
  row.absolute = true;
  row.digits = 1;
  const Service service(setting, {});
  Client storm(service.socket());
  Client asks(service.socket());
  if (!service.ready()) {
    row.failed = "the supervisor does not serve";
    return row;
  }
  const std::string params = run_params({"/bin/true"}, R"(,"rm":true)");
  std::vector<double> took;
  std::size_t sent = 0;
  std::size_t got = 0;
  for (; sent < kInFlight; ++sent) (void)storm.send("container.run", params);
  double next_ask = now_us();
  while (got < count) {
    // Both from one thread: what has come of the storm is read when there is nothing to ask.
    while (got < count) {
      const std::string line = storm.next(got < sent ? 0.002 : 10);
      if (line.empty()) break;
      ++got;
      if (sent < count) (void)storm.send("container.run", params), ++sent;
      if (now_us() > next_ask) break;
    }
    const double from = now_us();
    if (asks.answer(asks.send("container.list", R"({"all":false})"), 30).empty()) {
      row.failed = "no answer";
      return row;
    }
    took.push_back((now_us() - from) / 1e3);
    next_ask = now_us() + 3000;
  }
  std::ranges::sort(took);
  row.ours = single(took[std::min(took.size() - 1, took.size() * 99 / 100)]);
  row.ours->count = took.size();
  return row;
}

std::uint64_t lines_below(const std::string& folder, const std::string& part) {
  std::uint64_t count = 0;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder, ignored)) {
    if (!entry.is_regular_file(ignored)) continue;
    std::ifstream file(entry.path(), std::ios::binary);
    for (std::string line; std::getline(file, line);) count += line.find(part) != std::string::npos ? 1 : 0;
  }
  return count;
}

constexpr const char* kLinesText = "<line>";

// Lines a second of CPU that the one process (or all of them) that writes the logs has used. Negative: `why`.
double lines_by_sup(const Setting& setting, int children, int lines, std::string& why) {
  const Service service(setting, {});
  Client client(service.socket());
  if (!service.ready()) return why = "the supervisor does not serve", -1;
  ::usleep(300'000);
  const double before = cpu_s(service.pid());
  const std::vector<std::string> params(
      static_cast<std::size_t>(children),
      run_params({setting.floors + "/lines", std::to_string(lines)}, R"(,"rm":false)"));
  const Words ids = pipelined(client, "container.run", params, why);
  for (const auto& id : ids) (void)client.answer(client.send("container.wait", R"({"container":")" + id + "\"}"));
  const double used = cpu_s(service.pid()) - before;
  const auto total = static_cast<std::uint64_t>(children) * static_cast<std::uint64_t>(lines);
  const auto found = lines_below(service.logs(), kLinesText);
  if (found != total)
    return why = std::to_string(found) + " of " + std::to_string(total) + " lines are in the logs", -1;
  return static_cast<double>(total) / used;
}

double lines_by_supervisord(const Setting& setting, const std::string& supervisord, int children, int lines,
                            std::string& why) {
  const std::string folder = setting.scratch + "/supervisord";
  ::mkdir(folder.c_str(), 0700);
  std::ofstream(folder + "/conf") << "[supervisord]\nnodaemon=true\nlogfile=/dev/null\nlogfile_maxbytes=0\npidfile="
                                  << folder << "/pid\nchildlogdir=" << folder
                                  << "\n[program:l]\ncommand=" << setting.floors << "/lines " << lines
                                  << "\nnumprocs=" << children
                                  << "\nprocess_name=%(process_num)03d\nautorestart=false\nstartsecs=0\nstdout_logfile="
                                  << folder
                                  << "/%(process_num)03d.log\nstdout_logfile_maxbytes=10MB\nstdout_logfile_backups=3\n";
  Child child({supervisord, "-c", folder + "/conf"});
  const auto total = static_cast<std::uint64_t>(children) * static_cast<std::uint64_t>(lines);
  double used = -1;
  double last = -1;
  // Over when its logs are whole and it is at rest; it cannot be asked without its socket.
  for (int i = 0; i < 300; ++i) {
    ::usleep(200'000);
    used = cpu_s(child.pid());
    if (used == last || used - last < 0.004) {
      if (lines_below(folder, kLinesText) == total) break;
    }
    last = used;
  }
  const auto found = lines_below(folder, kLinesText);
  ::kill(child.pid(), SIGTERM);
  (void)child.wait(20);
  std::error_code ignored;
  std::filesystem::remove_all(folder, ignored);
  if (found != total)
    return why = std::to_string(found) + " of " + std::to_string(total) + " lines are in its logs", -1;
  return static_cast<double>(total) / used;
}

// podman's and CRI-O's monitor: one process a container, so theirs is the sum.
double lines_by_conmon(const Setting& setting, const std::string& conmon, int children, int lines, std::string& why) {
  const std::string folder = setting.scratch + "/conmon";
  ::mkdir(folder.c_str(), 0700);
  // A runtime that makes no namespace: what is measured is who carries the lines. It starts the command and says its pid.
  std::ofstream(folder + "/runtime")
      << "#!/bin/sh\nwhile [ $# -gt 0 ]; do [ \"$1\" = --pid-file ] && pid=$2; shift; done\n"
      << setting.floors << "/lines " << lines << " & echo $! > \"$pid\"\n";
  ::chmod((folder + "/runtime").c_str(), 0755);
  double used = 0;
  std::vector<Child> all;
  rusage before{};
  ::getrusage(RUSAGE_CHILDREN, &before);
  for (int i = 0; i < children; ++i) {
    const std::string each = folder + "/" + std::to_string(i);
    ::mkdir(each.c_str(), 0700);
    all.emplace_back(Words{conmon,
                           "--sync",
                           "-c",
                           "c" + std::to_string(i),
                           "-u",
                           "c" + std::to_string(i),
                           "-r",
                           folder + "/runtime",
                           "-b",
                           each,
                           "-p",
                           each + "/pid",
                           "-l",
                           "k8s-file:" + each + "/log",
                           "--exit-dir",
                           each,
                           "--persist-dir",
                           each,
                           "--socket-dir-path",
                           each});
  }
  int bad = 0;
  for (auto& child : all) bad += child.wait(60) == 127 ? 1 : 0;
  rusage after{};
  ::getrusage(RUSAGE_CHILDREN, &after);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  used = seconds(after.ru_utime) + seconds(after.ru_stime) - seconds(before.ru_utime) - seconds(before.ru_stime);
  const auto total = static_cast<std::uint64_t>(children) * static_cast<std::uint64_t>(lines);
  const auto found = lines_below(folder, "stdout F ");  // a line that it met in two pieces has one of them marked P
  std::error_code ignored;
  std::filesystem::remove_all(folder, ignored);
  if (bad != 0 || found != total)
    return why = std::to_string(found) + " of " + std::to_string(total) + " lines are in its logs", -1;
  return static_cast<double>(total) / used;
}

Row logging(const Setting& setting, const std::string& peer, const std::string& program,
            double (*theirs)(const Setting&, const std::string&, int, int, std::string&)) {
  Row row = row_of("many: lines logged a CPU-second, 100 at once", peer, "/s", 1.0);
  row.at_most = false;
  const int children = 100;
  const int lines = setting.quick ? 500 : 5000;
  const double ours = lines_by_sup(setting, children, lines, row.failed);
  if (ours < 0) return row;
  row.ours = single(ours);
  if (program.empty()) {
    row.absent = "absent: not installed";
    return row;
  }
  std::string why;
  const double other = theirs(setting, program, children, lines, why);
  if (other < 0) {
    row.absent = "absent: " + why;
  } else {
    row.theirs = single(other);
  }
  return row;
}

}  // namespace

void measure_many(const Setting& setting, Report& report) {
  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &files);
  const int rounds = setting.quick ? 30 : 300;
  const std::string stamp = setting.floors + "/stamp";
  report.add(first_instruction(row_of("pool: request to first instruction", "fork+exec", "us", 1.0), setting, "8",
                               rounds, [&](const Fifo& fifo) { return fork_and_exec(stamp, fifo); }));
  if (setting.root) {
    report.add(first_instruction(row_of("pool: the same, from the cold", "floor", "us", 1.2), setting, "0", rounds,
                                 [&](const Fifo& fifo) { return floor_start(setting, fifo); }));
  }
  const std::size_t count = setting.quick ? 200 : 1000;
  sleepers(setting, report, count);
  report.add(listing(setting, count));
  report.add(logging(setting, "supervisord", in_path("supervisord"), lines_by_supervisord));
  report.add(logging(setting, "conmon", in_path("conmon"), lines_by_conmon));
  report.add(logging(setting, "json-file", in_path("docker"), lines_by_docker));
}

}  // namespace bench
