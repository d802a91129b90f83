#include "tidelog/tools/cli.hpp"

int main(int argument_count, char** arguments) {
  return tidelog::tools::run_bench(argument_count, arguments, TIDELOG_VERSION);
}
