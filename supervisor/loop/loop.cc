#include "loop/loop.h"

#include <cstdio>
#include <cstdlib>
#include <utility>

namespace sup {

Loop::Loop() {
  if (const int r = uv_loop_init(&loop_); r != 0) {
    // Out of descriptors or memory before anything was begun: there is no loop to report it through.
    std::fprintf(stderr, "sup: event loop: cannot start: %s; raise the limit: ulimit -n\n", uv_strerror(r));
    std::_Exit(125);
  }
  watches_.emplace(uv_backend_fd(&loop_));
}

Loop::~Loop() {
  later_.clear();  // whoever it was for is gone
  uv_run(&loop_, UV_RUN_DEFAULT);
  if (uv_loop_close(&loop_) != 0) {
    std::fputs("sup: event loop: a handle outlived its owner\n", stderr);
    std::abort();
  }
}

void Loop::run() {
  stopped_ = false;
  running_ = true;
  turn_end();  // what was put off before there was a turn
  while (!stopped_) {
    const int alive = uv_run(&loop_, UV_RUN_ONCE);
    turn_end();
    if (alive == 0 && later_.empty()) break;
  }
  running_ = false;
}

void Loop::settle() {
  if (!running_) uv_run(&loop_, UV_RUN_NOWAIT);
}

void Loop::stop() { stopped_ = true; }

void Loop::later(std::function<void()> work) { later_.push_back(std::move(work)); }

void Loop::turn_end() {
  while (!later_.empty()) {
    auto work = std::exchange(later_, {});
    for (auto& w : work) w();
  }
}

std::uint64_t Loop::now_us() { return uv_hrtime() / 1000; }

}  // namespace sup
