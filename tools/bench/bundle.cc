#include "bundle.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <string_view>

#include "child.h"

namespace bench {
namespace {

// What docker 20.10 writes for runc, but for what sup has no part of: no mount of the control groups, no files of docker's own
// bound over /etc. (sup's own /etc/hosts and /etc/hostname are in its figure.)
constexpr std::string_view kMounts =
    R"([{"destination":"/proc","type":"proc","source":"proc","options":["nosuid","noexec","nodev"]},)"
    R"({"destination":"/dev","type":"tmpfs","source":"tmpfs","options":["nosuid","strictatime","mode=755","size=65536k"]},)"
    R"({"destination":"/dev/pts","type":"devpts","source":"devpts",)"
    R"("options":["nosuid","noexec","newinstance","ptmxmode=0666","mode=0620","gid=5"]},)"
    R"({"destination":"/sys","type":"sysfs","source":"sysfs","options":["nosuid","noexec","nodev","ro"]},)"
    R"({"destination":"/dev/mqueue","type":"mqueue","source":"mqueue","options":["nosuid","noexec","nodev"]},)"
    R"({"destination":"/dev/shm","type":"tmpfs","source":"shm",)"
    R"("options":["nosuid","noexec","nodev","mode=1777","size=65536k"]}])";

constexpr std::string_view kMasked =
    R"("maskedPaths":["/proc/acpi","/proc/asound","/proc/interrupts","/proc/kcore","/proc/keys","/proc/latency_stats",)"
    R"("/proc/sched_debug","/proc/scsi","/proc/timer_list","/proc/timer_stats","/sys/devices/virtual/powercap",)"
    R"("/sys/firmware"],"readonlyPaths":["/proc/bus","/proc/fs","/proc/irq","/proc/sys","/proc/sysrq-trigger"])";

// docker's fourteen.
constexpr std::string_view kCapabilities =
    R"(["CAP_CHOWN","CAP_DAC_OVERRIDE","CAP_FSETID","CAP_FOWNER","CAP_MKNOD","CAP_NET_RAW","CAP_SETGID","CAP_SETUID",)"
    R"("CAP_SETFCAP","CAP_SETPCAP","CAP_NET_BIND_SERVICE","CAP_SYS_CHROOT","CAP_KILL","CAP_AUDIT_WRITE"])";

#define N(name) "\"" #name "\""
constexpr const char* kAllowed[] = {
#include "supervisor/spec/seccomp_allowed.inc"
    N(ptrace),
    N(process_vm_readv),
    N(process_vm_writev),
    N(chroot),
};
#undef N

#if defined(__x86_64__)
constexpr std::string_view kArchitectures = R"(["SCMP_ARCH_X86_64","SCMP_ARCH_X86","SCMP_ARCH_X32"])";
#else
constexpr std::string_view kArchitectures = R"(["SCMP_ARCH_AARCH64","SCMP_ARCH_ARM"])";
#endif

std::string seccomp() {
  const auto rule = [](std::string_view names, std::string_view more) {
    return R"({"names":[)" + std::string(names) + R"(],"action":"SCMP_ACT_ALLOW")" + std::string(more) + "}";
  };
  const auto when = [](std::string_view op, const std::string& value) {
    return R"(,"args":[{"index":0,"op":")" + std::string(op) + R"(","value":)" + value + "}]";
  };
  std::string names;
  for (const char* name : kAllowed) names.append(names.empty() ? "" : ",").append(name);
  std::string out = R"({"defaultAction":"SCMP_ACT_ERRNO","architectures":)" + std::string(kArchitectures) +
                    R"(,"syscalls":[)" + rule(names, "");
  out += "," + rule(R"("socket")", when("SCMP_CMP_NE", "40"));
  for (const char* value : {"0", "8", "131072", "131080", "4294967295"})
    out += "," + rule(R"("personality")", when("SCMP_CMP_EQ", value));
  out += "," + rule(R"("clone")", when("SCMP_CMP_MASKED_EQ", "2114060288"));
  return out + R"(,{"names":["clone3"],"action":"SCMP_ACT_ERRNO","errnoRet":38}]})";
}

std::string config(Bundle::Limits limits) {
  std::string out = R"({"ociVersion":"1.0.2","hostname":"bench","process":{"terminal":false,"user":{"uid":0,"gid":0},)"
                    R"("cwd":"/","args":["/bin/true"],"env":["PATH=/bin"],"capabilities":{)";
  for (const char* set : {"bounding", "effective", "permitted"})
    out.append("\"").append(set).append("\":").append(kCapabilities).append(set[0] == 'p' ? "" : ",");
  out.append(R"(}},"root":{"path":"rootfs"},"mounts":)").append(kMounts);
  out += R"(,"linux":{"namespaces":[{"type":"pid"},{"type":"network"},{"type":"ipc"},{"type":"uts"},{"type":"mount"})";
  if (limits == Bundle::Limits::memory_and_pids)
    out += R"(,{"type":"cgroup"}],"resources":{"memory":{"limit":67108864},"pids":{"limit":100}})";
  else
    out += "]";
  out.append(",").append(kMasked).append(R"(,"seccomp":)").append(seccomp());
  return out + "}}";
}

}  // namespace

Bundle::Bundle(const std::string& folder, Limits limits) : folder_(folder) {
  const std::string busybox = in_path("busybox");
  if (busybox.empty()) {
    why_ = "needs busybox";
    return;
  }
  ::mkdir(folder.c_str(), 0755);
  for (const char* dir : {"", "/bin", "/proc", "/dev", "/sys", "/etc", "/tmp"}) ::mkdir((root() + dir).c_str(), 0755);
  std::ifstream from(busybox, std::ios::binary);
  std::ofstream to(root() + "/bin/busybox", std::ios::binary);
  to << from.rdbuf();
  to.close();
  ::chmod((root() + "/bin/busybox").c_str(), 0755);
  std::ofstream text(folder + "/config.json");
  text << config(limits);
  text.close();
  if (::symlink("busybox", (root() + "/bin/true").c_str()) != 0 || !to || !text) why_ = "the image cannot be made";
}

}  // namespace bench
