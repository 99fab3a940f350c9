// Headers are precompiled with a file of their own; see cmake/targets.cmake.
