// Recorder: what a terminal showed, into an asciicast file.
#pragma once
#include <sys/ioctl.h>

#include <memory>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/fd.h"
#include "spec/asciicast.h"
#include "spec/spec.h"

namespace sup {

// Owned by who pumps the output. Writes go to a regular file, at once; a full disk ends the recording, not the run.
class Recorder {
 public:
  // Creates or truncates the file (0600: a terminal may show secrets; a symlink, FIFO or device is refused).
  static Result<std::unique_ptr<Recorder>> open(const std::string& path, const winsize& size, const Spec& spec);
  void output(std::string_view bytes);
  void resized(const winsize& size);
  void ended(int status);
  // The errno that ended the recording early; 0: none did.
  [[nodiscard]] int failed() const { return failed_; }

 private:
  Recorder(Fd file, std::uint64_t begin);
  void put(const std::string& lines);
  [[nodiscard]] std::chrono::nanoseconds at() const;

  Fd file_;
  CastWriter cast_;
  std::uint64_t begin_us_;
  int failed_ = 0;
};

}  // namespace sup
