// Boost.Test's own code, for builds whose containers differ from those in Debian's library (SUP_DEBUG_STL).
#include <boost/test/included/unit_test.hpp>
