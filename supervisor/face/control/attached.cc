#include "face/control/attached.h"

#include <chrono>
#include <csignal>
#include <nlohmann/json.hpp>
#include <utility>

#include "face/lastword.h"

namespace sup::control {
namespace {
// A client that is over its mark and takes nothing for so long is stopped or means no good.
constexpr std::chrono::milliseconds kPatience{2'000};
// Above this much input that the command has not read the client's waits.
constexpr std::size_t kInputMark = std::size_t{64} << 10;
}  // namespace

Attached::Attached(Loop& loop, Supervisor& supervisor, AttachOptions options, pid_t client)
    : supervisor_(supervisor), options_(options), client_(client), patience_(loop) {}

Attached::~Attached() { leave(); }

void Attached::leave() {
  if (held_ == nullptr) return;
  Held& held = *std::exchange(held_, nullptr);
  supervisor_.detach(held, *this);
  // Gone before it could be told that the command runs: nobody is left who wants it.
  if (framed_ == nullptr && ours_) (void)supervisor_.signal(held, SIGKILL, client_);
  // One that was let go has been told of.
  if (framed_ != nullptr && !gone_) supervisor_.note(held, event::Detached{.client = client_, .reason = left_});
}

Result<void> Attached::join(Held& held) {
  auto r = supervisor_.attach(held, *this, options_.size);
  if (r) held_ = &held;
  return r;
}

void Attached::begin(Framed& client) {
  framed_ = &client;
  if (held_ != nullptr && !resumed_) {
    supervisor_.note(*held_, event::Attached{.client = client_});
    if (options_.replay && !ours_) {
      for (const auto& chunk : held_->spec().tty ? held_->ring().repaint() : held_->ring().snapshot())
        output(chunk.stream, chunk.bytes);
    }
  }
  if (!end_.empty()) framed_->exit(end_);
}

void Attached::data(std::string_view bytes) {
  if (held_ == nullptr || gone_ || !options_.input || !held_->spec().interactive) return;
  supervisor_.type(*held_, *this, bytes);
  if (held_->input_queued() > kInputMark) framed_->pause_input();
}

void Attached::end_input() {
  if (held_ != nullptr && options_.input && held_->spec().interactive) supervisor_.end_input(*held_);
}

void Attached::resize(FrameSize size) {
  if (held_ == nullptr || size.rows == 0 || size.cols == 0) return;
  supervisor_.resize(*held_, *this, winsize{.ws_row = size.rows, .ws_col = size.cols, .ws_xpixel = 0, .ws_ypixel = 0});
}

void Attached::input_drained() {
  if (framed_ != nullptr) framed_->resume_input();
}

// What else is typed is for nobody, and must not keep the client's own frames from us.
void Attached::input_closed() {
  options_.input = false;
  if (framed_ != nullptr) framed_->resume_input();
}

void Attached::output(OutputStream stream, std::string_view bytes) {
  if (framed_ == nullptr || gone_) return;
  if (options_.slow == WhenSlow::drop && framed_->queued() > kMark) return;
  framed_->output(stream == OutputStream::err ? FrameType::err : FrameType::out, bytes);
  if (framed_->queued() > kCap && options_.slow != WhenSlow::block) return let_go();
  if (options_.slow == WhenSlow::detach && full() && !patience_.active()) wait_for_client();
}

bool Attached::full() const {
  return !gone_ && options_.slow != WhenSlow::drop && framed_ != nullptr && framed_->queued() > kMark;
}

nlohmann::json Attached::save() const {
  const auto size = held_ != nullptr ? Supervisor::window_of(*held_, *this) : std::nullopt;
  return {{"kind", "attached"},
          {"container", held_ != nullptr ? held_->id() : ""},
          {"client", client_},
          {"slow", static_cast<int>(options_.slow)},
          {"input", options_.input},
          {"rows", size ? size->ws_row : 0},
          {"cols", size ? size->ws_col : 0}};
}

void Attached::wait_for_client() {
  const std::uint64_t taken = framed_->sent() - framed_->queued();
  patience_.start(kPatience, [this, taken] {
    if (!full()) return;
    if (framed_->sent() - framed_->queued() == taken) return let_go();
    wait_for_client();
  });
}

// Only marked: this may be in the middle of the audience. The connection closes later, and we go with it.
void Attached::let_go() {
  gone_ = true;
  framed_->detach(to_string(event::Left::slow_client));
  if (held_ == nullptr) return;
  supervisor_.note(*held_, event::Detached{.client = client_, .reason = event::Left::slow_client});
  supervisor_.eased(*held_);
}

void Attached::drained() {
  if (held_ != nullptr) supervisor_.eased(*held_);
}

void Attached::ended(const Outcome& outcome) {
  over_ = true;
  // Not joined yet: it never ran, and that is the answer to who asked for it.
  if (held_ == nullptr) return;
  const Held& held = *std::exchange(held_, nullptr);
  end_ = last_word(held.id(), held.name(), outcome, outcome.shell_status());
  if (framed_ != nullptr) framed_->exit(end_);
}

}  // namespace sup::control
