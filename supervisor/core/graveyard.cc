#include "core/graveyard.h"

#include <chrono>
#include <utility>

namespace sup {
namespace {

constexpr std::chrono::milliseconds kPause{2};  // without another one
constexpr std::size_t kMost = 2048;             // three descriptors each
constexpr std::size_t kSlice = 32;              // a turn

}  // namespace

void Graveyard::take(std::unique_ptr<Container> dead) {
  dead->forsake();
  dead_.push_back(std::move(dead));
  more_ = true;
  if (!pause_.active()) pause_.start(kPause, [this] { look(); });
}

void Graveyard::look() {
  if (std::exchange(more_, false) && dead_.size() < kMost) return pause_.start(kPause, [this] { look(); });
  empty();
}

void Graveyard::empty() {
  for (std::size_t i = 0; i < kSlice && !dead_.empty(); ++i) dead_.pop_front();
  if (!dead_.empty()) slice_.start([this] { empty(); });
}

}  // namespace sup
