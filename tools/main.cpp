#include "tools/program.h"

int main(int argc, char** argv) {
  return octet::tools::run_program({argv + (argc > 0 ? 1 : 0), argv + argc}, octet::tools::commands());
}
