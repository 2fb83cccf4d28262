// The main program of every suite that brings none of its own.
#include "tests/support/support.h"

int main(int argc, char** argv) { return octet::testing::run_suite(argc, argv); }
