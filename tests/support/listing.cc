#include "support/listing.h"

#include <boost/test/framework.hpp>
#include <boost/test/tree/traverse.hpp>
#include <boost/test/tree/visitor.hpp>
#include <boost/test/unit_test_suite.hpp>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

namespace sup::test {
namespace {

namespace but = boost::unit_test;

class Lister : public but::test_tree_visitor {
 public:
  bool test_suite_start(const but::test_suite& suite) override {
    // The module itself is the first suite; --run_test paths do not name it.
    if (depth_++ > 0) push(suite);
    return true;
  }
  void test_suite_finish(const but::test_suite&) override {
    if (--depth_ > 0) pop();
  }
  void visit(const but::test_case& one) override {
    push(one);
    std::string path;
    std::string labels;
    for (const auto& level : levels_) {
      path += (path.empty() ? "" : "/") + level.name;
      for (const auto& label : level.labels) labels += (labels.empty() ? "" : ",") + label;
    }
    std::printf("%s %s\n", path.c_str(), labels.empty() ? "-" : labels.c_str());
    pop();
  }

 private:
  struct Level {
    std::string name;
    std::vector<std::string> labels;
  };
  void push(const but::test_unit& unit) { levels_.push_back({unit.p_name.get(), unit.p_labels.get()}); }
  void pop() { levels_.pop_back(); }

  int depth_ = 0;
  std::vector<Level> levels_;
};

}  // namespace

void list_when_asked() {
  if (std::getenv("SUP_TEST_LIST") == nullptr) return;
  but::framework::finalize_setup_phase();  // decorators, and with them the labels, are applied here
  Lister lister;
  but::traverse_test_tree(but::framework::master_test_suite(), lister, true);
  std::fflush(stdout);
  std::_Exit(0);
}

}  // namespace sup::test
