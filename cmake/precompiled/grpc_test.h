// Precompiled for tests that speak gRPC.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "grpc.h"
