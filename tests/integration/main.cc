// The integration tests' main. Each ctest test runs one case of it; $SUP_TEST_AS=user runs sup as an
// ordinary user.
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <cstdio>
#include <cstdlib>

#include "clean.h"
#include "harness.h"
#include "support/listing.h"

namespace {

bool init_unit_test() {
  sup::test::list_when_asked();
  if (::geteuid() != 0 && !sup::test::as_user()) {
    std::printf("SKIP: this case is about root, and the tests are not run as root\n");
    std::fflush(stdout);
    std::_Exit(0);
  }
  sup::test::prepare_process();
  return true;
}

}  // namespace

int main(int argc, char** argv) { return boost::unit_test::unit_test_main(&init_unit_test, argc, argv); }
