// The -i/-t truth table without a terminal, and what goes through the streams.
#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <boost/test/unit_test.hpp>

#include "clean.h"
#include "events.h"
#include "harness.h"
#include "probe/pattern.h"

using namespace sup::test;
namespace but = boost::unit_test;

namespace {

Start feeding(std::string input) {
  Start start;
  start.input = std::move(input);
  return start;
}

bool pipe_like(const std::string& kind) { return kind == "pipe" || kind == "socket"; }

}  // namespace

BOOST_FIXTURE_TEST_SUITE(streams, Clean, *but::label("both"))

BOOST_AUTO_TEST_CASE(no_flags_null_and_two_pipes) {
  const auto result = sup_run({probe_path(), "streams"}, feeding("unread"));
  BOOST_TEST(result.code == 0);
  BOOST_TEST(value(result.out, "stream 0") == "null");
  BOOST_TEST(pipe_like(value(result.out, "stream 1")), result.out);
  BOOST_TEST(pipe_like(value(result.out, "stream 2")), result.out);
  BOOST_TEST(value(result.out, "same12") == "0");
  BOOST_TEST(value(result.out, "ctty") != "yes");
}

BOOST_AUTO_TEST_CASE(i_pipe_and_two_pipes) {
  const auto result = sup_run({"-i", probe_path(), "streams"}, feeding("x"));
  BOOST_TEST(pipe_like(value(result.out, "stream 0")), result.out);
  BOOST_TEST(pipe_like(value(result.out, "stream 1")), result.out);
  BOOST_TEST(value(result.out, "same12") == "0");
}

BOOST_AUTO_TEST_CASE(t_a_pty_for_all_three_and_one_warning) {
  const auto result = sup_run({"-t", probe_path(), "streams"});
  BOOST_TEST(result.code == 0);
  for (const char* stream : {"stream 0", "stream 1", "stream 2"})
    BOOST_TEST(value(result.out, stream) == "tty", result.out);
  BOOST_TEST(value(result.out, "ctty") == "yes");
  BOOST_TEST(lines(result.err).size() == 1U, "one warning that there is no terminal: " << shown(result.err));
}

BOOST_AUTO_TEST_CASE(t_is_never_fed) {
  const auto result = sup_run({"-t", probe_path(), "fed", "300"}, feeding("words for nobody\n"));
  BOOST_TEST(value(result.out, "fed") == "no", result.out);
}

BOOST_AUTO_TEST_CASE(ti_a_pty_that_is_fed) {
  const auto result = sup_run({"-ti", probe_path(), "streams"}, feeding(""));
  BOOST_TEST(value(result.out, "stream 0") == "tty", result.out);
  const auto fed = sup_run({"-ti", probe_path(), "fed", "3000"}, feeding("line\n"));
  BOOST_TEST(value(fed.out, "fed") == "yes", fed.out);
}

BOOST_AUTO_TEST_CASE(stdout_and_stderr_are_apart) {
  const auto result = sup_run({probe_path(), "both"});
  BOOST_TEST(result.out == "to stdout\n");
  BOOST_TEST(result.err == "to stderr\n");
}

BOOST_AUTO_TEST_CASE(t_merges_them) {
  const auto result = sup_run({"-t", probe_path(), "both"});
  BOOST_TEST(has(result.out, "to stdout"));
  BOOST_TEST(has(result.out, "to stderr"));
}

BOOST_AUTO_TEST_CASE(half_close_and_still_drained) {
  const auto result = sup_run({"-i", probe_path(), "drain", "300000"}, feeding(std::string(100'000, 'x')));
  BOOST_TEST(result.code == 0);
  Pattern pattern(Pattern::Kind::text);
  BOOST_TEST(result.out.size() == 300'000U);
  BOOST_TEST(pattern.check(result.out.data(), result.out.size()));
}

BOOST_AUTO_TEST_CASE(i_passes_every_byte) {
  std::string bytes(1 << 20, '\0');
  Pattern(Pattern::Kind::binary).fill(bytes.data(), bytes.size());
  const auto result = sup_run({"-i", probe_path(), "read", "binary"}, feeding(bytes));
  BOOST_TEST(value(result.out, "read") == "1048576 ok", result.out);
  const auto back = sup_run({"-i", probe_path(), "cat"}, feeding(bytes));
  BOOST_TEST((back.out == bytes), back.out.size() << " bytes came back");
}

BOOST_AUTO_TEST_CASE(end_of_input_reaches_a_terminal_as_veof) {
  for (const char* text : {"hi\n", "hi", "", "two\nlines", "line\n\n"}) {
    auto start = feeding(text);
    const auto result = sup_run({"-ti", "cat"}, start);
    BOOST_TEST(result.code == 0, shown(text) << " ended with " << result.code);
    const std::string word = lines(text).empty() ? "" : lines(text)[0];
    BOOST_TEST(has(result.out, word), shown(result.out));
  }
}

BOOST_AUTO_TEST_CASE(veof_only_after_a_long_input_was_read) {
  std::string text;
  for (int i = 0; i < 2000; ++i) text += "line " + std::to_string(i) + "\n";
  const auto result = sup_run({"-ti", "sh", "-c", "stty -echo; echo ready; wc -l"}, feeding(text));
  BOOST_TEST(result.code == 0);
  // What came before stty is echoed; the count is what wc read.
  BOOST_TEST(lines(result.out).back() == "2000", shown(result.out));
}

BOOST_AUTO_TEST_CASE(stdin_may_be_a_file_or_null_or_closed) {
  const auto path = write_file("in.txt", "from a file\n");
  for (const char* flags : {"-i", "-ti"}) {
    Start start;
    start.in = Start::In::given;
    start.in_fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    const auto result = sup_run({flags, "cat"}, start);
    ::close(start.in_fd);
    BOOST_TEST(result.code == 0);
    BOOST_TEST(has(result.out, "from a file"), flags << shown(result.out));
    BOOST_TEST(sup_run({flags, "cat"}).code == 0);  // /dev/null
    Start closed;
    closed.in = Start::In::closed;
    BOOST_TEST(sup_run({flags, "cat"}, closed).code == 0, flags << " with 0 closed");
  }
}

BOOST_AUTO_TEST_CASE(stdout_may_be_a_file_and_is_appended_in_order) {
  const auto path = write_file("out.txt", "");
  Start start;
  start.out_fd = ::open(path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC);
  start.err_fd = start.out_fd;
  const auto result = sup_run({"sh", "-c", "echo one; echo two >&2; echo three"}, start);
  ::close(start.out_fd);
  BOOST_TEST(result.code == 0);
  BOOST_TEST(read_text(path) == "one\ntwo\nthree\n");
}

BOOST_AUTO_TEST_CASE(all_three_closed) {
  Start start;
  start.in = Start::In::closed;
  start.close_out = start.close_err = true;
  const auto result = sup_run({probe_path(), "exit", "7"}, start);
  BOOST_TEST(result.code == 7);
  BOOST_TEST(Events(result.events).count("exited") == 1U);
}

BOOST_AUTO_TEST_CASE(a_reader_that_goes_away_ends_it) {
  for (const char* flag : {"--sig-proxy=true", "-t", "-i"}) {
    Start start;
    start.program = "/bin/sh";
    start.args = {"-c", "\"$0\" --events none run " + std::string(flag) + " yes 2>/dev/null | head -n 1", sup_path()};
    const auto result = run(start);
    BOOST_TEST(result.code == 0);
    BOOST_TEST(lines(result.out).at(0) == "y");
  }
}

BOOST_AUTO_TEST_CASE(the_bytes_are_counted) {
  for (const char* flag : {"-t", "--init"}) {
    const auto result = sup_run({flag, probe_path(), "write", "70000"});
    BOOST_TEST(result.out.size() == 70'000U);
    const auto exited = Events(result.events).first("exited");
    if (exited.has("/bytes/stdout"))
      BOOST_TEST(exited.number("/bytes/stdout") == 70'000, exited.line());
    else
      BOOST_TEST(flag != std::string("-t"), "a terminal's bytes are always counted");
  }
}

BOOST_AUTO_TEST_CASE(output_of_a_terminal_keeps_its_line_ends) {
  // Where nobody shows it on a terminal, "\n" stays "\n" or becomes "\r\n": never anything else, never doubled.
  const auto result = sup_run({"-t", "sh", "-c", "echo a; echo b"});
  BOOST_TEST((result.out == "a\nb\n" || result.out == "a\r\nb\r\n"), shown(result.out));
}

// As a service manager gives it: one socket for both, of which the command and the events have the same description.
BOOST_AUTO_TEST_CASE(a_socket_for_both_stays_blocking_for_the_command) {
  int ends[2];
  BOOST_TEST_REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
  const sup::Fd ours(ends[0]);
  sup::Fd theirs(ends[1]);
  Start start;
  start.args = {
      "--events", "stderr", "run", "-i", "/bin/sh", "-c", "read go && head -c 2000000 /dev/zero && echo all written"};
  start.events = false;
  start.in = Start::In::open;
  start.out_fd = start.err_fd = theirs.get();
  Process process(start);
  std::string got;
  char piece[65536];
  while (!has(got, "\"started\"")) {
    const ssize_t n = ::read(ours.get(), piece, sizeof piece);
    BOOST_TEST_REQUIRE(n > 0);
    got.append(piece, static_cast<std::size_t>(n));
  }
  BOOST_TEST((::fcntl(theirs.get(), F_GETFL) & O_NONBLOCK) == 0);
  process.send("go\n");
  // The reader sleeps until the socket is full: a command that met EAGAIN there would give up.
  pollfd room{.fd = theirs.get(), .events = POLLOUT, .revents = 0};
  BOOST_TEST(process.wait_until([&] { return ::poll(&room, 1, 0) == 0; }, "a full socket"));
  theirs.reset();
  for (ssize_t n = 0; (n = ::read(ours.get(), piece, sizeof piece)) > 0;)
    got.append(piece, static_cast<std::size_t>(n));
  BOOST_TEST(process.wait().code() == 0);
  BOOST_TEST(has(got, "all written"));
  BOOST_TEST(std::ranges::count(got, '\0') == 2'000'000);
  BOOST_TEST(has(got, "\"exited\""));
}

// Opened again through /proc it would be another terminal, and what is written to that nobody reads.
BOOST_AUTO_TEST_CASE(a_pty_master_as_stdout_is_that_very_one) {
  const sup::Fd master(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
  BOOST_TEST_REQUIRE(::unlockpt(master.get()) == 0);
  const sup::Fd slave(::ioctl(master.get(), TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC));
  Start start;
  start.args = {"run", "-t", "/bin/echo", "here"};
  start.out_fd = master.get();
  Process process(start);
  BOOST_TEST(process.wait().code() == 0);
  char line[64];
  pollfd readable{.fd = slave.get(), .events = POLLIN, .revents = 0};
  BOOST_TEST_REQUIRE(::poll(&readable, 1, 0) == 1);
  const ssize_t n = ::read(slave.get(), line, sizeof line);
  BOOST_TEST(has(std::string(line, n > 0 ? static_cast<std::size_t>(n) : 0), "here"));
}

BOOST_AUTO_TEST_SUITE_END()
