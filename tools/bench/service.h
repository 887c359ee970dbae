// A supervisor of the bench's own, and a client that speaks its protocol without a program in between.
#pragma once
#include <cstdint>
#include <string>

#include "child.h"
#include "measures.h"

namespace bench {

class Service {
 public:
  // `sup daemon OPTIONS` in a runtime folder below scratch; ready() tells whether it serves.
  Service(const Setting& setting, const Words& options);
  ~Service();
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;

  [[nodiscard]] bool ready() const { return ready_; }
  [[nodiscard]] pid_t pid() const { return child_.pid(); }
  [[nodiscard]] const std::string& socket() const { return socket_; }
  [[nodiscard]] std::string logs() const { return socket_ + ".logs"; }

 private:
  std::string folder_;
  std::string socket_;
  Child child_;
  bool ready_ = false;
};

class Client {
 public:
  explicit Client(const std::string& socket);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  [[nodiscard]] bool connected() const { return fd_ >= 0; }
  // Sends a request; its number.
  std::uint64_t send(const std::string& method, const std::string& params);
  // The answer with that number, whole; others before it are thrown away. "": it ended, or nothing came in time.
  std::string answer(std::uint64_t number, double seconds = 60);
  // The next answer, whichever.
  std::string next(double seconds = 60);

 private:
  int fd_ = -1;
  std::uint64_t sent_ = 0;
  std::string got_;
};

// The value of a member that is a string, in a line of JSON as sup writes it; "": none.
std::string member(const std::string& line, const std::string& name);
// {"spec":{"argv":[…],…},"environ":[],"cwd":"/"} of words without quotes.
std::string run_params(const Words& argv, const std::string& more = "");

}  // namespace bench
