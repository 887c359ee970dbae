#include "face/control/executed.h"

#include <chrono>
#include <csignal>
#include <nlohmann/json.hpp>
#include <utility>

#include "face/lastword.h"

namespace sup::control {
namespace {

// Between HUP and KILL, when the client has gone.
constexpr std::chrono::milliseconds kHangUp{10'000};
// A client that takes nothing for so long keeps nobody's last words any longer.
constexpr std::chrono::milliseconds kPatience{10'000};

}  // namespace

Executed::Executed(Loop& loop, std::string id, std::string name, bool input)
    : link_(std::make_shared<Link>()), id_(std::move(id)), name_(std::move(name)), input_(input), patience_(loop) {
  link_->client = this;
}

Executed::~Executed() {
  link_->client = nullptr;
  Container* const command = link_->command;
  if (command == nullptr || command->ended()) return;
  for (const Channel channel : {Channel::out, Channel::err}) {
    // It stays, and its output is thrown away; or it meets what a terminal that vanishes would be to it.
    if (left_)
      command->resume_output(channel);
    else
      command->close_output(channel);
  }
  if (left_) return;
  command->end_input();
  command->stop(SIGHUP, kHangUp, Reason::stopped);
}

Container::Hooks Executed::hooks(std::function<void()> started, std::function<void(const Error&)> failed) {
  return {
      .started = std::move(started),
      .output =
          [link = link_](Channel channel, std::string_view bytes) {
            if (link->client != nullptr) link->client->output(channel, bytes);
          },
      .input_drained =
          [link = link_] {
            if (link->client != nullptr && link->client->framed_ != nullptr) link->client->framed_->resume_input();
          },
      // It reads no more: what else the client types is for nobody, and must not keep the client's own frames from us.
      .input_closed =
          [link = link_] {
            if (link->client == nullptr) return;
            link->client->input_ = false;
            if (link->client->framed_ != nullptr) link->client->framed_->resume_input();
          },
      .ended =
          [link = link_, failed = std::move(failed)](const Outcome& outcome) {
            link->command = nullptr;
            if (!outcome.ran) return failed(*outcome.error);
            if (link->client != nullptr) link->client->ended(outcome);
          }};
}

void Executed::output(Channel channel, std::string_view bytes) {
  if (framed_ == nullptr) return;
  framed_->output(channel == Channel::out ? FrameType::out : FrameType::err, bytes);
  if (waits_ || framed_->queued() <= kMark || link_->command == nullptr) return;
  waits_ = true;
  for (const Channel each : {Channel::out, Channel::err}) link_->command->pause_output(each);
  taken_ = framed_->sent() - framed_->queued();
  patience_.start(kPatience, [this] { look(); });
}

void Executed::drained() {
  if (!std::exchange(waits_, false)) return;
  patience_.stop();
  if (link_->command == nullptr) return;
  for (const Channel each : {Channel::out, Channel::err}) link_->command->resume_output(each);
}

// A live command waits for its client for as long as that likes. A dead one keeps its container, and the supervisor, from
// an end.
void Executed::look() {
  if (!waits_ || link_->command == nullptr || framed_ == nullptr) return;
  const std::uint64_t taken = framed_->sent() - framed_->queued();
  if (taken == taken_ && link_->command->dead()) {
    for (const Channel each : {Channel::out, Channel::err}) link_->command->close_output(each);
    return framed_->detach("slow_client");
  }
  taken_ = taken;
  patience_.start(kPatience, [this] { look(); });
}

void Executed::data(std::string_view bytes) {
  if (!input_ || link_->command == nullptr) return;
  link_->command->write_input(bytes);
  if (link_->command->input_queued() > kMark && framed_ != nullptr) framed_->pause_input();
}

void Executed::end_input() {
  if (input_ && link_->command != nullptr) link_->command->end_input();
}

void Executed::resize(FrameSize size) {
  if (link_->command == nullptr || size.rows == 0 || size.cols == 0) return;
  (void)link_->command->resize(winsize{.ws_row = size.rows, .ws_col = size.cols, .ws_xpixel = 0, .ws_ypixel = 0});
}

void Executed::ended(const Outcome& outcome) {
  if (framed_ != nullptr) framed_->exit(last_word(id_, name_, outcome, outcome.shell_status()));
}

nlohmann::json Executed::save() const {
  return {{"kind", "exec"},
          {"exec", link_->command != nullptr ? link_->command->exec_id() : ""},
          {"container", id_},
          {"name", name_},
          {"input", input_}};
}

bool Executed::resume(Supervisor& supervisor, const std::string& exec) {
  auto command = supervisor.resume_exec(exec, hooks({}, [](const Error&) {}));
  if (command) has(**command);
  return command.has_value();
}

void Executed::begin(Framed& client) {
  framed_ = &client;
  // After a live upgrade, more than should may wait for the client already; or nothing more.
  if (link_->command == nullptr) return;
  waits_ = framed_->queued() > kMark;
  if (waits_) patience_.start(kPatience, [this] { look(); });
  for (const Channel each : {Channel::out, Channel::err}) {
    if (waits_)
      link_->command->pause_output(each);
    else
      link_->command->resume_output(each);
  }
}

}  // namespace sup::control
