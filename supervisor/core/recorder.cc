#include "core/recorder.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <ctime>

#include "base/text.h"
#include "loop/loop.h"

namespace sup {

Recorder::Recorder(Fd file, std::uint64_t begin) : file_(std::move(file)), begin_us_(begin) {}

Result<std::unique_ptr<Recorder>> Recorder::open(const std::string& path, const winsize& size, const Spec& spec) {
  const auto refused = [&](int err, std::string why) {
    return std::unexpected(
        Error{.code = "E_RECORD", .where = "--record", .what = path, .err = err, .why = std::move(why), .path = path});
  };
  Fd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0600));
  if (!file) return refused(errno, errno == ELOOP ? "it is a symbolic link" : "");
  struct stat st{};
  if (::fstat(file.get(), &st) < 0) return refused(errno, {});
  if (!S_ISREG(st.st_mode)) return refused(EINVAL, "it is not a regular file");
  if (::ftruncate(file.get(), 0) < 0) return refused(errno, {});
  CastHeader header;
  header.cols = size.ws_col;
  header.rows = size.ws_row;
  if (const char* term = std::getenv("TERM")) header.term = term;
  header.timestamp = ::time(nullptr);
  header.command = shell_join(spec.argv);
  if (const char* shell = std::getenv("SHELL")) header.env.emplace_back("SHELL", shell);
  std::unique_ptr<Recorder> recorder(new Recorder(std::move(file), Loop::now_us()));
  recorder->put(CastWriter::header(header));
  return recorder;
}

void Recorder::output(std::string_view bytes) { put(cast_.output(at(), bytes)); }
void Recorder::resized(const winsize& size) { put(cast_.resize(at(), size.ws_col, size.ws_row)); }
void Recorder::ended(int status) { put(cast_.exit(at(), status)); }

std::chrono::nanoseconds Recorder::at() const { return std::chrono::microseconds(Loop::now_us() - begin_us_); }

void Recorder::put(const std::string& lines) {
  std::string_view rest = lines;
  while (!rest.empty() && failed_ == 0) {
    const ssize_t n = ::write(file_.get(), rest.data(), rest.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) {
      failed_ = errno;
    } else {
      rest.remove_prefix(static_cast<std::size_t>(n));
    }
  }
}

}  // namespace sup
