#include "core/audience.h"

#include <algorithm>
#include <ranges>
#include <utility>

namespace sup {

void Audience::add(Viewer& viewer, std::optional<winsize> size) { seats_.push_back({&viewer, size}); }

void Audience::remove(const Viewer& viewer) {
  std::erase_if(seats_, [&](const Seat& seat) { return seat.viewer == &viewer; });
}

void Audience::output(OutputStream stream, std::string_view bytes) const {
  for (const auto& seat : seats_) seat.viewer->output(stream, bytes);
}

bool Audience::full() const {
  return std::ranges::any_of(seats_, [](const Seat& seat) { return seat.viewer->full(); });
}

void Audience::started() const {
  for (const auto& seat : seats_) seat.viewer->started();
}

// Over a copy: who may type again does so at once, and is then the one who was active last.
void Audience::input_drained() const {
  for (const auto seats = seats_; const auto& seat : seats) seat.viewer->input_drained();
}

void Audience::input_closed() const {
  for (const auto seats = seats_; const auto& seat : seats) seat.viewer->input_closed();
}

void Audience::ended(const Outcome& outcome) {
  for (const auto& seat : std::exchange(seats_, {})) seat.viewer->ended(outcome);
}

void Audience::active(const Viewer& viewer) {
  // Mostly it is so already: who types types on.
  if (seats_.empty() || seats_.back().viewer == &viewer) return;
  const auto seat = std::ranges::find_if(seats_, [&](const Seat& s) { return s.viewer == &viewer; });
  if (seat != seats_.end()) std::rotate(seat, seat + 1, seats_.end());
}

void Audience::resized(const Viewer& viewer, const winsize& size) {
  active(viewer);
  if (!seats_.empty() && seats_.back().viewer == &viewer) seats_.back().size = size;
}

std::optional<winsize> Audience::window() const {
  for (const auto& seat : std::views::reverse(seats_)) {
    if (seat.size) return seat.size;
  }
  return std::nullopt;
}

std::optional<winsize> Audience::window_of(const Viewer& viewer) const {
  const auto seat = std::ranges::find(seats_, &viewer, [](const Seat& one) -> const Viewer* { return one.viewer; });
  return seat == seats_.end() ? std::nullopt : seat->size;
}

}  // namespace sup
