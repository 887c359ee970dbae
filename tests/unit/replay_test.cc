// replay: the verb itself, in a child whose standard output is a pipe or a terminal of the test's.
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <cerrno>
#include <cstdio>
#include <fstream>

#include "base/clock.h"
#include "base/fd.h"
#include "face/cli/verb.h"
#include "face/say.h"

using namespace sup;

namespace {

constexpr const char* kHead = R"({"version":3,"term":{"cols":80,"rows":24}})"
                              "\n";
constexpr std::int64_t kPatience = 20'000'000;   // microseconds; only a broken player needs them

bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

// A recording on disk.
class Recording {
 public:
  explicit Recording(const std::string& text) {
    const Fd fd(::mkstemp(name_));
    BOOST_REQUIRE(fd);
    std::ofstream(name_) << text;
  }
  Recording(const Recording&) = delete;
  Recording& operator=(const Recording&) = delete;
  ~Recording() { ::unlink(name_); }
  [[nodiscard]] std::string path() const { return name_; }

 private:
  char name_[32] = "/tmp/sup-replay-XXXXXX";
};

struct Replay {
  std::vector<std::pair<std::string, std::string>> options;   // name, value
  std::vector<std::string> operands;
  bool terminal = false;
  std::string input;      // standard input
};

// A replay in a child. Its output comes by read(); what it says on standard error by errors().
class Playing {
 public:
  explicit Playing(const Replay& replay) {
    int out[2];
    int err[2];
    int in[2];
    if (replay.terminal) {
      BOOST_REQUIRE(::openpty(&out[0], &out[1], nullptr, nullptr, nullptr) == 0);
      ::tcgetattr(out[1], &before_);
    } else {
      BOOST_REQUIRE(::pipe(out) == 0);
    }
    BOOST_REQUIRE(::pipe(err) == 0);
    BOOST_REQUIRE(::pipe(in) == 0);
    std::fflush(nullptr);  // what is buffered is the parent's to print, once
    pid_ = ::fork();
    BOOST_REQUIRE(pid_ >= 0);
    if (pid_ == 0) {
      if (replay.terminal) {
        ::setsid();
        ::ioctl(out[1], TIOCSCTTY, 0);
      }
      ::dup2(in[0], 0);
      ::dup2(out[1], 1);
      ::dup2(err[1], 2);
      for (const int fd : {in[0], in[1], out[0], out[1], err[0], err[1]}) ::close(fd);
      ::signal(SIGPIPE, SIG_IGN);   // as main does
      for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP}) ::signal(number, SIG_DFL);
      const auto verb = cli::make_replay();
      for (const auto& [name, value] : replay.options) {
        for (auto& option : verb->options()) {
          if (option.name != name) continue;
          if (auto set = option.set(value); !set) {
            say(set.error());
            ::_exit(set.error().status);
          }
        }
      }
      const auto result = verb->run({}, replay.operands);
      if (!result) say(result.error());
      ::_exit(result ? *result : result.error().status);
    }
    ::close(out[1]);
    ::close(err[1]);
    ::close(in[0]);
    out_.reset(out[0]);
    err_.reset(err[0]);
    Fd input(in[1]);
    (void)!::write(input.get(), replay.input.data(), replay.input.size());
  }
  Playing(const Playing&) = delete;
  Playing& operator=(const Playing&) = delete;
  ~Playing() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }

  // Reads on until `wanted` has been seen (empty: to the end); everything that has come so far.
  const std::string& read_until(std::string_view wanted) {
    const std::int64_t deadline = now_us() + kPatience;
    while (wanted.empty() || !has(text_, wanted)) {
      pollfd wait{out_.get(), POLLIN, 0};
      const std::int64_t left = deadline - now_us();
      if (left <= 0 || ::poll(&wait, 1, static_cast<int>(left / 1000 + 1)) <= 0) {
        BOOST_ERROR("the replay did not go on; so far: " + text_);
        break;
      }
      char buffer[65536];
      const ssize_t n = ::read(out_.get(), buffer, sizeof buffer);
      if (n <= 0) break;   // a terminal says EIO at its end
      text_.append(buffer, static_cast<std::size_t>(n));
    }
    return text_;
  }
  std::string errors() {
    std::string text;
    char buffer[4096];
    for (ssize_t n = 0; (n = ::read(err_.get(), buffer, sizeof buffer)) > 0;)
      text.append(buffer, static_cast<std::size_t>(n));
    return text;
  }
  int wait(int flags = 0) {
    int status = -1;
    while (::waitpid(pid_, &status, flags) < 0 && errno == EINTR) {
    }
    if (!WIFSTOPPED(status)) pid_ = -1;
    return status;
  }
  void type(std::string_view keys) const {
    BOOST_REQUIRE(::write(out_.get(), keys.data(), keys.size()) == static_cast<ssize_t>(keys.size()));
  }
  void close_output() { out_.reset(); }
  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] bool same_settings() const {
    termios now{};
    ::tcgetattr(out_.get(), &now);
    return now.c_lflag == before_.c_lflag && now.c_iflag == before_.c_iflag && now.c_oflag == before_.c_oflag;
  }

 private:
  pid_t pid_ = -1;
  Fd out_;
  Fd err_;
  std::string text_;
  termios before_{};
};

std::string event(const std::string& gap, const std::string& json) {
  return "[" + gap + ", \"o\", \"" + json + "\"]\n";
}

constexpr const char* kForever = "900000000";   // seconds

}  // namespace

BOOST_AUTO_TEST_SUITE(replay)

BOOST_AUTO_TEST_CASE(to_a_pipe_all_at_once) {
  const Recording file(kHead + event("1", "one ") + "[1, \"r\", \"90x30\"]\n[1, \"i\", \"typed\"]\n" +
                       event(kForever, "two\\r\\n\\u001b[1m") + "[0, \"x\", \"3\"]\n");
  Playing playing({.options = {}, .operands = {file.path()}, .terminal = false, .input = {}});
  BOOST_TEST(playing.read_until("") == "one two\r\n\x1b[1m");
  BOOST_TEST(playing.errors().empty());
  BOOST_TEST(playing.wait() == 0);
}

BOOST_AUTO_TEST_CASE(from_standard_input_and_version_2) {
  Playing playing(
      {.options = {},
       .operands = {"-"},
       .terminal = false,
       .input = "{\"version\":2,\"width\":80,\"height\":24}\n[0.1, \"o\", \"a\"]\n[0.2, \"o\", \"\u00e9\"]\n"});
  BOOST_TEST(playing.read_until("") == "a\u00e9");
  BOOST_TEST(playing.wait() == 0);
}

BOOST_AUTO_TEST_CASE(timing_is_kept_when_asked_for) {
  const Recording file(kHead + event("0.15", "a") + event("0.15", "b"));
  const std::int64_t begin = now_us();
  Playing playing({.options = {{"speed", "1"}}, .operands = {file.path()}, .terminal = false, .input = {}});
  BOOST_TEST(playing.read_until("") == "ab");
  BOOST_TEST(now_us() - begin >= 300'000);   // never early
  BOOST_TEST(playing.wait() == 0);
}

BOOST_AUTO_TEST_CASE(faster_and_idle_limit) {
  const Recording file(kHead + event("300000", "a") + event("300000", "b"));
  Playing fast({.options = {{"speed", "1000000"}}, .operands = {file.path()}, .terminal = true, .input = {}});
  BOOST_TEST(fast.read_until("b") == "ab");
  BOOST_TEST(fast.wait() == 0);
  Playing limited({.options = {{"idle-limit", "10ms"}}, .operands = {file.path()}, .terminal = true, .input = {}});
  BOOST_TEST(limited.read_until("b") == "ab");
  BOOST_TEST(limited.wait() == 0);
}

BOOST_AUTO_TEST_CASE(ctrl_c_puts_the_terminal_right) {
  const Recording file(kHead + event("0", "\\u001b[?1049h\\u001b[?25l\\u001b[31mhere") + event(kForever, "never"));
  Playing playing({.options = {}, .operands = {file.path()}, .terminal = true, .input = {}});
  playing.read_until("here");
  playing.type("\x03");
  const std::string text = playing.read_until("\x1b[?25h");
  BOOST_TEST(has(text, "here\x1b[0m\x1b[?1049l\x1b[?25h"));
  const int status = playing.wait();
  BOOST_TEST(WIFSIGNALED(status));
  BOOST_TEST(WTERMSIG(status) == SIGINT);
  BOOST_TEST(playing.same_settings());
}

BOOST_AUTO_TEST_CASE(term_and_hangup_put_it_right_too) {
  const Recording file(kHead + event("0", "\\u001b[?25lhere") + event(kForever, "never"));
  for (const int number : {SIGTERM, SIGHUP, SIGQUIT}) {
    Playing playing({.options = {}, .operands = {file.path()}, .terminal = true, .input = {}});
    playing.read_until("here");
    ::kill(playing.pid(), number);
    BOOST_TEST(has(playing.read_until("\x1b[?25h"), "here\x1b[?25h"));
    const int status = playing.wait();
    BOOST_TEST((WIFSIGNALED(status) && WTERMSIG(status) == number));
    BOOST_TEST(playing.same_settings());
  }
}

BOOST_AUTO_TEST_CASE(ctrl_z_stops_and_goes_on) {
  const Recording file(kHead + event("0", "\\u001b[?25lhere") + event(kForever, "never"));
  Playing playing({.options = {}, .operands = {file.path()}, .terminal = true, .input = {}});
  playing.read_until("here");
  playing.type("\x1a");
  const int stopped = playing.wait(WUNTRACED);
  BOOST_REQUIRE(WIFSTOPPED(stopped));
  BOOST_TEST(has(playing.read_until("\x1b[?25h"), "\x1b[?25h"));
  BOOST_TEST(playing.same_settings());
  ::kill(playing.pid(), SIGCONT);
  ::kill(playing.pid(), SIGTERM);
  const int status = playing.wait();
  BOOST_TEST((WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM));
  BOOST_TEST(playing.same_settings());
}

BOOST_AUTO_TEST_CASE(what_the_terminal_answers_does_not_reach_the_shell) {
  // DA: "what are you?", and the answer while nobody reads it; an echo of it would be there before "more".
  const Recording file(kHead + event("0", "\\u001b[cready") + event("0.3", "more") + event(kForever, "never"));
  Playing playing({.options = {}, .operands = {file.path()}, .terminal = true, .input = {}});
  playing.read_until("ready");
  playing.type("\x1b[?62;c");
  BOOST_TEST(!has(playing.read_until("more"), "62;c"));
  ::kill(playing.pid(), SIGTERM);
  (void)playing.wait();
  BOOST_TEST(playing.same_settings());
}

BOOST_AUTO_TEST_CASE(cut_off_in_the_last_line) {
  const Recording file(std::string(kHead) + event("0", "whole") + "[0.5, \"o\", \"hal");
  Playing playing({.options = {}, .operands = {file.path()}, .terminal = false, .input = {}});
  BOOST_TEST(playing.read_until("") == "whole");
  BOOST_TEST(has(playing.errors(), "line 3: cut off"));
  BOOST_TEST(playing.wait() == 0);
  // A last line that is only without its line end is whole.
  const Recording fine(kHead + event("0", "a") + "[0.5, \"o\", \"b\"]");
  Playing second({.options = {}, .operands = {fine.path()}, .terminal = false, .input = {}});
  BOOST_TEST(second.read_until("") == "ab");
  BOOST_TEST(second.errors().empty());
}

BOOST_AUTO_TEST_CASE(what_is_no_recording) {
  const auto refused = [](const std::string& text, std::string_view part) {
    const Recording file(text);
    Playing playing({.options = {}, .operands = {file.path()}, .terminal = false, .input = {}});
    playing.read_until("");
    const std::string said = playing.errors();
    BOOST_TEST(has(said, part), said);
    BOOST_TEST(has(said, file.path()), said);
    const int status = playing.wait();
    BOOST_TEST((WIFEXITED(status) && WEXITSTATUS(status) == 125));
  };
  refused("", "is empty");
  refused("#!/bin/sh\n", "is empty, not a recording");   // nothing but a comment
  refused("echo hello\n", "line 1: is not the header");
  refused("{\"version\":1}\n", "version 1 is not known");
  refused("{\"version\":3,", "line 1");
  refused(std::string(kHead) + "rubbish\n" + event("0", "x"), "line 2: is not valid JSON");
}

BOOST_AUTO_TEST_CASE(usage_errors) {
  const auto refused = [](const Replay& replay, std::string_view part) {
    Playing playing(replay);
    playing.read_until("");
    const std::string said = playing.errors();
    BOOST_TEST(has(said, part), said);
    const int status = playing.wait();
    BOOST_TEST((WIFEXITED(status) && WEXITSTATUS(status) == 125));
  };
  refused({.options = {}, .operands = {}, .terminal = false, .input = {}}, "no recording given");
  refused({.options = {}, .operands = {"a", "b"}, .terminal = false, .input = {}}, "one recording at a time");
  refused({.options = {}, .operands = {"/nonexistent/file"}, .terminal = false, .input = {}},
          "/nonexistent/file: No such file or directory");
  refused({.options = {}, .operands = {"/tmp"}, .terminal = false, .input = {}}, "/tmp: Is a directory");
  for (const char* speed : {"0", "-1", "x", "", "nan", "1e9", "2x"}) {
    refused({.options = {{"speed", speed}}, .operands = {"/dev/null"}, .terminal = false, .input = {}},
            "is not a speed");
  }
  refused({.options = {{"idle-limit", "soon"}}, .operands = {"/dev/null"}, .terminal = false, .input = {}},
          "--idle-limit");
}

BOOST_AUTO_TEST_CASE(a_reader_who_leaves_is_no_error) {
  std::string text = kHead;
  for (int i = 0; i < 200; ++i) text += event("0", std::string(10'000, 'x'));
  const Recording file(text);
  Playing playing({.options = {}, .operands = {file.path()}, .terminal = false, .input = {}});
  playing.read_until("x");
  playing.close_output();
  BOOST_TEST(playing.errors().empty());
  BOOST_TEST(playing.wait() == 0);
}

BOOST_AUTO_TEST_CASE(a_large_recording_is_complete) {
  std::string text = kHead;
  std::string expected;
  for (int i = 0; i < 2000; ++i) {
    const std::string part = std::to_string(i) + std::string(1000, static_cast<char>('a' + i % 26));
    text += event("0.001", part);
    expected += part;
  }
  const Recording file(text);
  Playing playing({.options = {}, .operands = {file.path()}, .terminal = false, .input = {}});
  BOOST_TEST((playing.read_until("") == expected));
  Playing terminal({.options = {{"speed", "1000000"}}, .operands = {file.path()}, .terminal = true, .input = {}});
  BOOST_TEST((terminal.read_until("") == expected));
  BOOST_TEST(terminal.wait() == 0);
}

BOOST_AUTO_TEST_SUITE_END()
