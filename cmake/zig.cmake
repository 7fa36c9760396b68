# Compiles for any system with zig's C++ compiler and its copies of the system libraries:
# scripts/prebuild.mjs says where zig is (OVERLAPPED_ZIG), its name of the target (OVERLAPPED_TARGET)
# and CMake's name of the system (OVERLAPPED_SYSTEM).
set(CMAKE_TRY_COMPILE_PLATFORM_VARIABLES OVERLAPPED_ZIG OVERLAPPED_TARGET OVERLAPPED_SYSTEM)
set(CMAKE_SYSTEM_NAME ${OVERLAPPED_SYSTEM})
string(REGEX MATCH "^[^-]+" CMAKE_SYSTEM_PROCESSOR ${OVERLAPPED_TARGET})

set(CMAKE_CXX_COMPILER ${OVERLAPPED_ZIG} c++ -target ${OVERLAPPED_TARGET})
# The programs for archives are subcommands, too.
set(CMAKE_CXX_ARCHIVE_CREATE "\"${OVERLAPPED_ZIG}\" ar qc <TARGET> <OBJECTS>")
set(CMAKE_CXX_ARCHIVE_FINISH "\"${OVERLAPPED_ZIG}\" ranlib <TARGET>")

# What CMake would find out by a program that it links with flags zig does not take.
set(CMAKE_CXX_ABI_COMPILED TRUE)
set(CMAKE_CXX_SIZEOF_DATA_PTR 8)
set(CMAKE_CXX_BYTE_ORDER LITTLE_ENDIAN)
set(CMAKE_SIZEOF_VOID_P 8)

set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
