// Reload: the daemon becomes another version of its program, in place.
//
//   idle ──begin()──► trying ───────────────► settling ──────────────► exec: the new program goes on
//    ▲                  │ it cannot read the    │ a start does not       │
//    └──────────────────┴ state, or does not ───┴ come to an end ────────┴ execve fails: all goes on as it was
//                         run: its words
#pragma once
#include <functional>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "base/error.h"
#include "core/reaper.h"
#include "loop/loop.h"
#include "loop/stream.h"
#include "loop/timer.h"

namespace sup {

// Owned by the daemon.
class Reload {
 public:
  // What only the daemon knows.
  struct Host {
    std::function<nlohmann::json()> save;                   // the whole state, as of now
    std::function<std::vector<int>()> descriptors;          // that the state names
    std::function<void(bool)> hold;  // nothing new is begun, nothing is read from clients; and back
    std::function<bool()> settled;  // nothing is half done
    std::function<std::vector<std::string>(bool trial)>
        argv;  // of the new program; "@" stands for the state's descriptor
  };
  Reload(Loop& loop, Reaper& reaper, Host host);

  // program: an absolute path. failed: told once if it comes to nothing; after a success nobody is left to be told. E_RELOAD
  // when one is under way.
  [[nodiscard]] Result<void> begin(std::string program, std::function<void(const Error&)> failed);

 private:
  void tried();  // once it has ended
  void hear(std::string_view bytes);
  void settle();
  void go();
  void give_up(const Error& error);

  Loop& loop_;
  Reaper& reaper_;
  Host host_;
  std::string program_;
  std::function<void(const Error&)> failed_;
  std::unique_ptr<Stream> words_;  // of a trial that is under way
  std::string said_;
  pid_t trial_ = -1;
  int status_ = 0;
  Timer patience_;
  std::uint64_t since_us_ = 0;
};

}  // namespace sup
