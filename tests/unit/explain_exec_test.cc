// explain: real files that really fail to execute, and the reason that is found for each.
#include <elf.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>

#include "base/fd.h"
#include "explain_checks.h"
#include "spec/program.h"
#include "sys/cgrouplayout.h"
#include "sys/explain.h"
#include "tempdir.h"

using namespace sup;
using namespace sup::test;
namespace fs = std::filesystem;

namespace {

std::string slurp(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// A program of this machine with a loader; small, there everywhere.
const std::string& true_bytes() {
  static const std::string bytes = slurp("/bin/true");
  return bytes;
}

std::string with_machine(std::uint16_t machine) {
  std::string bytes = true_bytes();
  std::memcpy(bytes.data() + 18, &machine, sizeof machine);
  return bytes;
}

std::string with_loader(const std::string& loader) {
  std::string bytes = true_bytes();
  for (const char* known : {"/lib64/ld-linux-x86-64.so.2", "/lib/ld-linux-aarch64.so.1"}) {
    const auto at = bytes.find(known);
    if (at == std::string::npos) continue;
    BOOST_REQUIRE(loader.size() <= std::strlen(known));
    std::memset(bytes.data() + at, 0, std::strlen(known));
    std::memcpy(bytes.data() + at, loader.data(), loader.size());
    return bytes;
  }
  BOOST_FAIL("/bin/true has no loader that this test knows");
  return {};
}

constexpr uid_t kNobody = 65534;

// Tries the candidates in a child as init does (execvp's order), and fills in what came of it.
void try_it(ExecAttempt& attempt, const std::vector<std::string>& argv = {"x"},
            const std::vector<std::string>& envp = {}) {
  int ends[2];
  BOOST_REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
  const Fd ours(ends[0]);
  Fd theirs(ends[1]);
  std::vector<char*> args;
  std::vector<char*> vars;
  for (const auto& a : argv) args.push_back(const_cast<char*>(a.c_str()));
  for (const auto& v : envp) vars.push_back(const_cast<char*>(v.c_str()));
  args.push_back(nullptr);
  vars.push_back(nullptr);
  const pid_t pid = ::fork();
  BOOST_REQUIRE(pid >= 0);
  if (pid == 0) {
    if (::chdir(attempt.workdir.c_str()) < 0) ::_exit(99);
    if (attempt.who.uid != ::geteuid()) {
      if (::syscall(SYS_setgroups, 0, nullptr) < 0 ||
          ::setresgid(attempt.who.gid, attempt.who.gid, attempt.who.gid) < 0 ||
          ::setresuid(attempt.who.uid, attempt.who.uid, attempt.who.uid) < 0) {
        ::_exit(98);
      }
    }
    int report[2] = {0, 0};
    for (std::size_t i = 0; i < attempt.candidates.size(); ++i) {
      ::execve(attempt.candidates[i].c_str(), args.data(), vars.data());
      const int err = errno;
      const bool next = err == ENOENT || err == ENOTDIR || err == EACCES;
      if (report[0] != EACCES || !next) report[0] = err, report[1] = static_cast<int>(i);
      if (!next) break;
    }
    (void)!::write(theirs.get(), report, sizeof report);
    ::_exit(0);
  }
  theirs.reset();
  int report[2] = {0, 0};
  const ssize_t n = ::read(ours.get(), report, sizeof report);
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  BOOST_REQUIRE_MESSAGE(n == static_cast<ssize_t>(sizeof report),
                        "the command ran, or the child failed before, status " << status);
  attempt.err = report[0];
  attempt.failing = static_cast<std::size_t>(report[1]);
  attempt.size = exec_size(argv, envp);
}

int open_descriptors() {
  int count = 0;
  for ([[maybe_unused]] const auto& entry : fs::directory_iterator("/proc/self/fd")) ++count;
  return count;
}

Error explained(ExecAttempt attempt) {
  try_it(attempt);
  const int before = open_descriptors();
  Error error = explain_exec(attempt);
  BOOST_TEST(open_descriptors() == before);
  BOOST_TEST(error.where == "exec");
  BOOST_TEST(error.stage == "exec");
  BOOST_TEST(error.what == attempt.argv0);
  BOOST_TEST(error.err == attempt.err);
  BOOST_TEST(!has(error.line(), "\n"));
  BOOST_TEST_MESSAGE(error.line());
  return error;
}

Credentials self() { return {.uid = ::geteuid(), .gid = ::getegid(), .groups = {}}; }
// Whose permissions count: not root's.
Credentials somebody() { return ::geteuid() == 0 ? Credentials{kNobody, kNobody, {}} : self(); }

ExecAttempt at_path(const std::string& path, const std::string& workdir = "/", Credentials who = self()) {
  ExecAttempt attempt;
  attempt.argv0 = path;
  attempt.candidates = {path};
  attempt.workdir = workdir;
  attempt.who = std::move(who);
  return attempt;
}

ExecAttempt in_path(const std::string& name, const std::vector<std::string>& directories, Credentials who = self()) {
  ExecAttempt attempt;
  attempt.argv0 = name;
  for (const auto& d : directories) attempt.candidates.push_back(d + "/" + name);
  attempt.who = std::move(who);
  return attempt;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(explain)

BOOST_AUTO_TEST_CASE(missing_file) {
  const TempDir dir;
  check(explained(at_path(dir / "nosuch")), "E_EXEC_NOTFOUND", 127, {"does not exist"});
  dir.file("backup", "#!/bin/sh\n");
  check(explained(at_path(dir / "bakcup")), "E_EXEC_NOTFOUND", 127, {"did you mean " + dir.path() + "/backup?"});
  check(explained(at_path("./bakcup", dir.path())), "E_EXEC_NOTFOUND", 127, {"did you mean ./backup?"});
  check(explained(at_path("./q", dir.path())), "E_EXEC_NOTFOUND", 127, {"looked up in " + dir.path()});
}

BOOST_AUTO_TEST_CASE(missing_component) {
  const TempDir dir;
  const Error e = explained(at_path(dir / "a/b/c"));
  check(e, "E_EXEC_COMPONENT", 127, {dir / "a" + " does not exist"});
  BOOST_TEST(e.path == dir / "a");
  dir.file("file", "x");
  check(explained(at_path(dir / "file/c")), "E_EXEC_COMPONENT", 127, {dir / "file" + " is not a directory"});
  dir.file("script", "#!/bin/sh\n");
  check(explained(at_path(dir / "script/")), "E_EXEC_COMPONENT", 127, {"is not a directory"});
}

BOOST_AUTO_TEST_CASE(dangling_link) {
  const TempDir dir;
  fs::create_symlink("/nonexistent/target", dir / "link");
  check(explained(at_path(dir / "link")), "E_EXEC_NOTFOUND", 127,
        {dir / "link" + " is a symbolic link to /nonexistent/target"});
}

BOOST_AUTO_TEST_CASE(not_in_path) {
  const TempDir one;
  const TempDir two;
  check(explained(in_path("nosuch", {one.path(), two.path(), "/nonexistent"})), "E_EXEC_NOTFOUND", 127,
        {"not found in $PATH (3 directories)"});
  two.file("kubectl", "#!/bin/sh\n");
  check(explained(in_path("kubeclt", {one.path(), two.path()})), "E_EXEC_NOTFOUND", 127, {"did you mean kubectl?"});
  two.file("lsns", "#!/bin/sh\n");
  one.file("ls", "#!/bin/sh\n");   // as near, and shorter
  check(explained(in_path("lss", {two.path(), one.path()})), "E_EXEC_NOTFOUND", 127, {"did you mean ls?"});
  two.file("manual.txt", "no program", 0644);
  BOOST_TEST(!has(explained(in_path("manual.tx", {two.path()})).line(), "did you mean"));
  ExecAttempt here = in_path("kubectl", {one.path()});
  here.workdir = two.path();
  check(explained(here), "E_EXEC_NOTFOUND", 127, {"./kubectl"});
  check(explained(in_path("kubectl get pods", {two.path()})), "E_EXEC_NOTFOUND", 127, {"leave the quotes away"});
  ExecAttempt none = in_path("ls", {});
  none.err = ENOENT;
  check(explain_exec(none), "E_EXEC_NOTFOUND", 127, {"$PATH is empty"});
}

BOOST_AUTO_TEST_CASE(found_in_path_but_broken_wins_over_the_rest_of_path) {
  const TempDir one;
  const TempDir two;
  one.file("tool", "#!/nonexistent/interp\n");
  // execvp goes on after ENOENT: the errno belongs to the last directory, the reason to the first.
  const Error e = explained(in_path("tool", {one.path(), two.path()}));
  check(e, "E_EXEC_INTERP", 126, {one / "tool", "/nonexistent/interp"});
}

BOOST_AUTO_TEST_CASE(overlong_path_entries) {
  const TempDir dir;
  ExecAttempt attempt = in_path("nosuch", {dir.path()});
  attempt.too_long = 2;
  check(explained(attempt), "E_EXEC_NAMETOOLONG", 127, {"2 entries", "shorten $PATH"});
}

BOOST_AUTO_TEST_CASE(directory) {
  const TempDir dir;
  check(explained(at_path(dir.path())), "E_EXEC_DIR", 126, {"is a directory"});
}

BOOST_AUTO_TEST_CASE(no_x_bit) {
  const TempDir dir;
  const std::string path = dir.file("it's", "#!/bin/sh\n", 0644);
  check(explained(at_path(path)), "E_EXEC_PERM", 126, {"mode 0644", "chmod +x '" + dir.path() + "/it'\\''s'"});
  check(explained(in_path("it's", {dir.path()})), "E_EXEC_PERM", 126, {path + " is not executable"});
}

BOOST_AUTO_TEST_CASE(x_bit_for_others_only) {
  if (::geteuid() != 0) return;   // another owner is needed
  const TempDir dir;
  const std::string path = dir.file("tool", "#!/bin/sh\n", 0700);
  check(explained(at_path(path, "/", somebody())), "E_EXEC_PERM", 126, {"mode 0700, owner root"});
}

BOOST_AUTO_TEST_CASE(no_search_permission) {
  if (::geteuid() != 0) return;
  const TempDir dir;
  fs::create_directory(dir / "closed");
  std::ofstream(dir / "closed/tool") << "#!/bin/sh\n";
  ::chmod((dir / "closed/tool").c_str(), 0755);
  ::chmod((dir / "closed").c_str(), 0700);
  check(explained(at_path(dir / "closed/tool", "/", somebody())), "E_EXEC_PERM", 126,
        {"may not look into " + dir.path() + "/closed", "mode 0700", "owner root"});
  // In PATH it may be there or not: as a shell, sup calls that not found, but says why it may be.
  check(explained(in_path("tool", {dir / "closed", "/nonexistent"}, somebody())), "E_EXEC_NOTFOUND", 127,
        {"2 directories", "may not look into " + dir.path() + "/closed"});
  // The directory where the command stands need not be searchable from above.
  check(explained(at_path("./nosuch", dir.path(), somebody())), "E_EXEC_NOTFOUND", 127, {"does not exist"});
}

BOOST_AUTO_TEST_CASE(noexec_mount) {
  const TempDir dir;
  const uid_t uid = ::geteuid();
  const gid_t gid = ::getegid();
  int ends[2];
  BOOST_REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
  const Fd ours(ends[0]);
  Fd theirs(ends[1]);
  const pid_t pid = ::fork();
  BOOST_REQUIRE(pid >= 0);
  if (pid == 0) {
    const auto fail = [&](const char* what) {
      (void)!::write(theirs.get(), what, std::strlen(what));
      ::_exit(1);
    };
    if (::unshare(CLONE_NEWNS | (uid == 0 ? 0 : CLONE_NEWUSER)) < 0) fail("unshare");
    if (uid != 0) {
      std::ofstream("/proc/self/setgroups") << "deny";
      std::ofstream("/proc/self/uid_map") << uid << " " << uid << " 1";
      std::ofstream("/proc/self/gid_map") << gid << " " << gid << " 1";
    }
    if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) < 0) fail("private");
    if (::mount("tmpfs", dir.path().c_str(), "tmpfs", MS_NOEXEC, "mode=755") < 0) fail("tmpfs");
    std::ofstream(dir / "tool") << "#!/bin/sh\n";
    ::chmod((dir / "tool").c_str(), 0755);
    ExecAttempt attempt = at_path(dir / "tool");
    char* const none[] = {nullptr};
    if (::execve(attempt.candidates[0].c_str(), none, none) < 0) attempt.err = errno;
    const Error e = explain_exec(attempt);
    const std::string line = e.code + " " + std::to_string(e.status) + " " + e.line();
    (void)!::write(theirs.get(), line.data(), line.size());
    ::_exit(0);
  }
  theirs.reset();
  std::string line(4096, '\0');
  const ssize_t n = ::read(ours.get(), line.data(), line.size());
  line.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
  ::waitpid(pid, nullptr, 0);
  BOOST_TEST(has(line, "E_EXEC_NOEXEC_MOUNT 126"), line);
  BOOST_TEST(has(line, "lies on " + dir.path() + ", which is mounted noexec"), line);
  BOOST_TEST(has(line, "mount -o remount,exec " + dir.path()), line);
}

BOOST_AUTO_TEST_CASE(crlf_script) {
  const TempDir dir;
  const std::string path = dir.file("dos.sh", "#!/bin/sh\r\necho hi\r\n");
  check(explained(at_path(path)), "E_EXEC_CRLF", 126, {"CR LF", "\"/bin/sh\\x0d\"", "sed -i 's/\\r$//' " + path});
}

BOOST_AUTO_TEST_CASE(interpreters) {
  const TempDir dir;
  check(explained(at_path(dir.file("a", "#!/nonexistent/bin/python9\n"))), "E_EXEC_INTERP", 126,
        {"its interpreter /nonexistent/bin/python9", "/nonexistent does not exist"});
  const Error moved = explained(at_path(dir.file("b", "#! /usr/local/lib/sh -e\n")));
  check(moved, "E_EXEC_INTERP", 126, {"/usr/local/lib/sh does not exist", "write #!/usr/bin/sh in the first line"});
  BOOST_TEST(moved.path == "/usr/local/lib/sh");
  check(explained(at_path(dir.file("c", "#!bin/nosuch\n"), dir.path())), "E_EXEC_INTERP", 126,
        {"relative", dir.path()});
  const std::string plain = dir.file("plain", "no x", 0644);
  check(explained(at_path(dir.file("d", "#!" + plain + "\n"))), "E_EXEC_INTERP", 126,
        {"its interpreter " + plain + " is not executable", "chmod +x " + plain});
  check(explained(at_path(dir.file("e", "#!" + dir.path() + "\n"))), "E_EXEC_INTERP", 126, {"is a directory"});
  check(explained(at_path(dir.file("f", "#!\n"))), "E_EXEC_INTERP", 126, {"names no interpreter"});
  check(explained(at_path(dir.file("g", "#!/" + std::string(300, 'x') + "\n"))), "E_EXEC_INTERP", 126,
        {"longer than the 255 bytes"});
  check(explained(at_path(dir.file("loop", "#!" + dir.path() + "/loop\n"))), "E_EXEC_INTERP", 126, {"leads back to"});
  dir.file("l0", "#!/nonexistent/x\n");
  check(explained(at_path(dir.file("l1", "#!" + dir.path() + "/l0\n"))), "E_EXEC_INTERP", 126,
        {"/nonexistent does not exist"});
  std::string above = "/bin/sh";
  for (int i = 0; i < 7; ++i) above = dir.file("deep" + std::to_string(i), "#!" + above + "\n");
  check(explained(at_path(above)), "E_EXEC_INTERP", 126, {"more than the kernel follows"});
}

BOOST_AUTO_TEST_CASE(loader) {
  const TempDir dir;
  const std::string musl = dir.file("musl", with_loader("/lib/ld-musl-none.so.1"));
  const Error e = explained(at_path(musl));
  check(e, "E_EXEC_LOADER", 126, {"its loader /lib/ld-musl-none.so.1 does not exist", "musl"});
  BOOST_TEST(e.path == "/lib/ld-musl-none.so.1");
  check(explained(at_path(dir.file("script", "#!" + musl + "\n"))), "E_EXEC_LOADER", 126,
        {"its interpreter " + musl + ": its loader"});
  // The path may be all of 27 bytes: a short link to a loader that is none.
  std::string name = "/tmp/sup-ld-" + std::to_string(::getpid() % 100'000);
  std::ofstream(name) << "no loader\n";
  ::chmod(name.c_str(), 0755);
  const Error bad = explained(at_path(dir.file("badloader", with_loader(name))));
  ::unlink(name.c_str());
  check(bad, "E_EXEC_LOADER", 126, {"is no ELF file"});
}

BOOST_AUTO_TEST_CASE(machine) {
  const TempDir dir;
  const Error e = explained(at_path(dir.file("s390", with_machine(22))));
  check(e, "E_EXEC_MACHINE", 126, {"s390", "this machine is " + native_machine(), "qemu-user-static"});
  std::string big = with_machine(22);
  big[EI_DATA] = ELFDATA2MSB;
  std::swap(big[18], big[19]);
  check(explained(at_path(dir.file("s390be", big))), "E_EXEC_MACHINE", 126, {"s390"});
}

BOOST_AUTO_TEST_CASE(formats) {
  const TempDir dir;
  const std::string empty = dir.file("empty", "");
  check(explained(at_path(empty)), "E_EXEC_EMPTY", 126, {"is an empty file"});
  const std::string text = dir.file("text", "echo hello\n");
  check(explained(at_path(text)), "E_EXEC_FORMAT", 126, {"without a #! line", "sh " + text});
  check(explained(at_path(dir.file("binary", std::string_view("\0\1\2\3", 4)))), "E_EXEC_FORMAT", 126,
        {"not a program"});
  check(explained(at_path(dir.file("cut", true_bytes().substr(0, 40)))), "E_EXEC_FORMAT", 126, {"truncated ELF"});
  check(explained(at_path(dir.file("cut2", true_bytes().substr(0, 100)))), "E_EXEC_FORMAT", 126, {"truncated ELF"});
  std::string object = true_bytes();
  object[16] = 1;
  check(explained(at_path(dir.file("object.o", object))), "E_EXEC_FORMAT", 126, {"object file"});
}

BOOST_AUTO_TEST_CASE(special_files_are_not_opened) {
  const TempDir dir;
  BOOST_REQUIRE(::mkfifo((dir / "fifo").c_str(), 0755) == 0);
  check(explained(at_path(dir / "fifo")), "E_EXEC_OTHER", 126, {"is a FIFO"});
  check(explained(at_path("/dev/null")), "E_EXEC_OTHER", 126, {"is a device"});
  // As an interpreter, too.
  check(explained(at_path(dir.file("s", "#!" + dir.path() + "/fifo\n"))), "E_EXEC_INTERP", 126, {"is a FIFO"});
}

BOOST_AUTO_TEST_CASE(too_long) {
  const TempDir dir;
  const std::string path = dir.file("tool", "#!/bin/sh\n");
  ExecAttempt attempt = at_path(path);
  try_it(attempt, {"tool", std::string(140'000, 'a')});
  check(explain_exec(attempt), "E_EXEC_TOOLONG", 126, {"argument 1 has 140001 bytes", "131072"});
  try_it(attempt, {"tool"}, {"A=1", "BIG=" + std::string(140'000, 'a')});
  check(explain_exec(attempt), "E_EXEC_TOOLONG", 126, {"variable BIG has 140005 bytes"});
  try_it(attempt, std::vector<std::string>(100, std::string(100'000, 'a')));
  check(explain_exec(attempt), "E_EXEC_TOOLONG", 126, {"arguments (10000100 bytes)", "limit of"});
}

BOOST_AUTO_TEST_CASE(name_too_long) {
  const TempDir dir;
  check(explained(at_path(dir / std::string(300, 'n'))), "E_EXEC_NAMETOOLONG", 127, {"more than 255 bytes"});
  std::string path = dir.path();
  while (path.size() < 5000) path += "/x";
  check(explained(at_path(path)), "E_EXEC_NAMETOOLONG", 127, {"more than the 4095"});
  check(explained(in_path(std::string(300, 'n'), {dir.path()})), "E_EXEC_NAMETOOLONG", 127, {"255"});
}

BOOST_AUTO_TEST_CASE(busy) {
  const TempDir dir;
  const std::string path = dir.file("tool", true_bytes());
  const Fd writer(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  BOOST_REQUIRE(writer);
  check(explained(at_path(path)), "E_EXEC_BUSY", 126, {"open for writing", path});
}

BOOST_AUTO_TEST_CASE(link_loop) {
  const TempDir dir;
  fs::create_symlink("b", dir / "a");
  fs::create_symlink("a", dir / "b");
  check(explained(at_path(dir / "a")), "E_EXEC_LOOP", 126, {"too many symbolic links"});
}

BOOST_AUTO_TEST_CASE(when_nothing_is_wrong_any_more_the_errno_is_said) {
  const TempDir dir;
  const std::string path = dir.file("tool", true_bytes());
  ExecAttempt attempt = at_path(path);
  const auto with = [&attempt](int err) {
    attempt.err = err;
    return explain_exec(attempt);
  };
  check(with(EACCES), "E_EXEC_PERM", 126, {"Permission denied", "ACL"});
  check(with(ENOENT), "E_EXEC_OTHER", 126, {"No such file or directory, though the file is there"});
  check(with(EIO), "E_EXEC_OTHER", 126, {"Input/output error"});
  check(with(ENOMEM), "E_EXEC_OTHER", 126, {"Cannot allocate memory"});
  check(with(EPERM), "E_EXEC_OTHER", 126, {"Operation not permitted"});
  check(with(ENOEXEC), "E_EXEC_FORMAT", 126, {"Exec format error"});
  ::unlink(path.c_str());
  check(with(EIO), "E_EXEC_NOTFOUND", 127, {"does not exist"});
}

BOOST_AUTO_TEST_CASE(names_cannot_forge_lines) {
  const TempDir dir;
  const Error e = explained(at_path(dir / "a\nsup: all is well\x1b[2J"));
  BOOST_TEST(!has(e.line(), "\n"));
  BOOST_TEST(!has(e.line(), "\x1b"));
}

BOOST_AUTO_TEST_CASE(inside_another_root) {
  // The root is a directory: absolute links and ".." stay in it.
  const TempDir dir;
  fs::create_directories(dir / "bin");
  fs::create_directories(dir / "etc");
  std::ofstream(dir / "etc/passwd") << "alice:x:4711:4711::/:/bin/sh\n";
  dir.file("bin/tool", "#!/bin/interp\n");
  fs::create_symlink("/bin/tool", dir / "link");
  fs::create_symlink("../../../../bin/tool", dir / "up");
  const Fd root(::open(dir.path().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  for (const char* path : {"/link", "/up", "/../../bin/tool"}) {
    ExecAttempt attempt = at_path(path);
    attempt.root = root.get();
    attempt.err = ENOENT;
    check(explain_exec(attempt), "E_EXEC_INTERP", 126, {"its interpreter /bin/interp does not exist"});
  }
  ExecAttempt attempt = at_path("/bin/tool", "/", {4711, 4711, {}});
  attempt.root = root.get();
  attempt.err = EACCES;
  ::chmod((dir / "bin/tool").c_str(), 0600);
  check(explain_exec(attempt), "E_EXEC_PERM", 126, {"not executable for alice"});
  attempt.candidates = {attempt.argv0 = "/etc/hostname"};
  attempt.err = ENOENT;
  check(explain_exec(attempt), "E_EXEC_NOTFOUND", 127, {});
}

BOOST_AUTO_TEST_CASE(mode_bits) {
  struct stat st{};
  st.st_uid = 10;
  st.st_gid = 20;
  st.st_mode = S_IFREG | 0070;
  BOOST_TEST(!may(st, {10, 20, {}}, X_OK));        // the owner's bits alone count for the owner
  BOOST_TEST(may(st, {11, 20, {}}, X_OK));
  BOOST_TEST(may(st, {11, 21, {5, 20}}, X_OK));
  BOOST_TEST(!may(st, {11, 21, {5}}, X_OK));
  BOOST_TEST(may(st, {0, 0, {}}, X_OK));           // root: somebody may
  st.st_mode = S_IFREG | 0644;
  BOOST_TEST(!may(st, {0, 0, {}}, X_OK));
  BOOST_TEST(may(st, {0, 0, {}}, R_OK | W_OK));
}

BOOST_AUTO_TEST_SUITE_END()
