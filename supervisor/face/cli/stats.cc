// stats: what containers use. Sampled here, beside the supervisor, which only keeps what was seen last.
#include <poll.h>

#include <map>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "face/cli/running.h"
#include "face/looks.h"
#include "face/print.h"
#include "spec/jsonmember.h"
#include "sys/sample.h"

namespace sup::cli {
namespace {

using Json = nlohmann::json;

Json to_json(const std::string& id, const Sample& sample) {
  return {{"id", id}, {"at_us", sample.at_us}, {"cpu_us", sample.cpu_us}};
}

class StatsVerb : public Verb {
 public:
  std::vector<Option> options() override {
    std::vector<Option> o;
    o.push_back({0, "no-stream", "", "once, not every second", "", to(once_)});
    o.push_back(format_option(json_));
    return o;
  }

  Result<int> run(const Globals& globals, std::vector<std::string> operands) override {
    auto clients = control::reach(globals.supervisor);
    if (!clients) return std::unexpected(clients.error());
    const bool screen = !once_ && !json_ && can_write_over(1);
    bool missing = false;
    for (bool first = true;; first = false) {
      const auto containers = running(*clients, operands, missing);
      if (first) remember(*clients, containers);
      const Json rows = look(containers);
      std::string text =
          json_ ? rows.dump(once_ ? 2 : -1, ' ', false, Json::error_handler_t::replace) + "\n" : table_of(rows);
      // From the top, over what was there: a screen that is cleared first flickers.
      if (screen) text = (first ? "\x1b[2J" : "") + ("\x1b[H" + over(text)) + "\x1b[J";
      if (auto r = print(text); !r || once_) return r ? Result<int>(missing ? 125 : 0) : r;
      if (!operands.empty() && containers.empty()) return missing ? 125 : 0;
      pollfd reader{.fd = 1, .events = 0, .revents = 0};
      ::poll(&reader, 1, kEvery);
      if ((reader.revents & (POLLERR | POLLHUP)) != 0) return 0;
      if (globals.supervisor.empty() && operands.empty()) clients = control::reach({}, true);
      if (!clients || (!globals.supervisor.empty() && clients->empty())) return 0;
    }
  }

 private:
  // What was seen last, by whoever looked: a rate is known at once.
  void remember(std::vector<control::Client>& clients, const std::vector<RunningContainer>& containers) {
    for (auto& client : clients) {
      Json samples = Json::array();
      const auto exchange = [&] {
        const auto answer = client.call("stats.exchange", {{"samples", samples}});
        samples = Json::array();
        if (!answer || !answer->is_array()) return;
        for (const auto& row : *answer)
          last_[text_in(row, "id")] = {number_in(row, "at_us", std::uint64_t{0}),
                                       number_in(row, "cpu_us", std::uint64_t{0})};
      };
      for (const auto& one : containers) {
        if (!one.supervisor.empty() && one.supervisor != client.supervisor()) continue;
        if (const auto sample = sample_container(one.pid, one.id)) samples.push_back(to_json(one.id, *sample));
        if (samples.size() == 1000) exchange();
      }
      if (!samples.empty()) exchange();
    }
  }

  Json look(const std::vector<RunningContainer>& containers) {
    Json rows = Json::array();
    std::map<std::string, Last> now;
    for (const auto& one : containers) {
      const auto sample = sample_container(one.pid, one.id);
      if (!sample) continue;
      // Never seen before, or seen in an earlier run: since its start.
      Last before{sample->started_us, 0};
      if (const auto found = last_.find(one.id);
          found != last_.end() && found->second.at_us > sample->started_us && found->second.cpu_us <= sample->cpu_us)
        before = found->second;
      const auto interval = sample->at_us > before.at_us ? sample->at_us - before.at_us : 1;
      const double percent =
          100.0 * static_cast<double>(sample->cpu_us - before.cpu_us) / static_cast<double>(interval);
      now[one.id] = {sample->at_us, sample->cpu_us};
      Json row = {{"id", one.id},
                  {"name", one.name},
                  {"pid", one.pid},
                  {"cpu_percent", percent},
                  {"cpu_us", sample->cpu_us},
                  {"interval_ms", interval / 1000},
                  {"memory_bytes", sample->memory_bytes},
                  {"processes", sample->processes},
                  {"threads", sample->threads}};
      if (sample->memory_limit_bytes) row["memory_limit_bytes"] = *sample->memory_limit_bytes;
      if (sample->read_bytes) row["read_bytes"] = *sample->read_bytes;
      if (sample->written_bytes) row["written_bytes"] = *sample->written_bytes;
      rows.push_back(std::move(row));
    }
    last_ = std::move(now);
    return rows;
  }

  static std::string table_of(const Json& rows) {
    std::vector<std::vector<std::string>> cells{{"ID", "NAME", "CPU%", "MEM", "LIMIT", "PIDS", "READ", "WRITTEN"}};
    const auto bytes = [](const Json& row, const char* key) {
      return row.contains(key) ? human_bytes(row.at(key).get<std::uint64_t>()) : std::string("-");
    };
    for (const auto& row : rows) {
      cells.push_back({text_in(row, "id"), printable(text_in(row, "name")), one_decimal(real_in(row, "cpu_percent")),
                       bytes(row, "memory_bytes"), bytes(row, "memory_limit_bytes"),
                       std::to_string(number_in(row, "threads", 0U)), bytes(row, "read_bytes"),
                       bytes(row, "written_bytes")});
    }
    return sup::table(cells, columns(1));
  }

  // Each line ends what was behind it.
  static std::string over(const std::string& text) {
    std::string out;
    for (const char c : text) {
      if (c == '\n')
        out += "\x1b[K\r\n";
      else
        out += c;
    }
    return out;
  }

  struct Last {
    std::uint64_t at_us;
    std::uint64_t cpu_us;
  };
  static constexpr int kEvery = 1000;   // ms
  bool once_ = false;
  bool json_ = false;
  std::map<std::string, Last> last_;   // by id
};

}  // namespace

std::unique_ptr<Verb> make_stats() { return std::make_unique<StatsVerb>(); }

}  // namespace sup::cli
