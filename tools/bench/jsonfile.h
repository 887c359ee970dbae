// docker's json-file: lines a second of CPU.
#pragma once
#include <string>

#include "measures.h"

namespace bench {

// That dockerd and the shims of these containers use between the first line and the last; their start and their end, which cost
// more than the lines do, are not in it. docker: the client. Negative: `why` (no dockerd answers, above all). Leaves neither
// containers nor an image.
double lines_by_docker(const Setting& setting, const std::string& docker, int children, int lines, std::string& why);

}  // namespace bench
