// `sup version` and `sup --version`: everything that a bug report has to name.
#include <sys/utsname.h>
#include <uv.h>

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "face/cli/verb.h"
#include "face/print.h"
#include "sys/initimage.h"
#include "sys/toolversion.h"

#ifndef SUP_VERSION
#error "SUP_VERSION is the project's version, a string (supervisor/CMakeLists.txt)"
#endif

namespace sup::cli {
namespace {

class VersionVerb : public Verb {
 public:
  std::vector<Option> options() override { return {format_option(json_)}; }

  Result<int> run(const Globals&, std::vector<std::string> operands) override {
    if (!operands.empty()) return usage("version", "takes no arguments");
    // A missing or foreign init is worth a word, but no reason to hide the other versions.
    std::string init_path;
    std::string init_version;
    std::string trouble;
    if (const auto path = find_init()) {
      init_path = *path;
      if (const auto line = tool_version(*path)) {
        init_version = version_word(*line);
      } else {
        trouble = line.error().line();
      }
    } else {
      trouble = path.error().line();
    }
    utsname names{};
    ::uname(&names);
    if (json_) {
      nlohmann::ordered_json out;
      out["sup"] = SUP_VERSION;
      out["init"] = init_version.empty() ? nlohmann::ordered_json() : nlohmann::ordered_json(init_version);
      out["init_path"] = init_path.empty() ? nlohmann::ordered_json() : nlohmann::ordered_json(init_path);
      out["libuv"] = ::uv_version_string();
      out["kernel"] = names.release;
      out["machine"] = names.machine;
      return print(out.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
    }
    std::string text = "sup " SUP_VERSION "\n";
    text +=
        "init " +
        (init_version.empty() ? "unknown: " + trouble : printable(init_version) + " (" + printable(init_path) + ")") +
        "\n";
    text += std::string("libuv ") + ::uv_version_string() + "\n";
    text += std::string("kernel ") + printable(names.release) + " " + printable(names.machine) + "\n";
    return print(text);
  }

 private:
  bool json_ = false;
};

}  // namespace

std::unique_ptr<Verb> make_version() { return std::make_unique<VersionVerb>(); }

}  // namespace sup::cli
