// Node-API comes from the program that loads the addon, whatever its name is: Electron and others
// rename node.exe. The addon therefore imports from "node.exe" late, and this hook answers the
// first such import with the running program. MSVC builds get the like of it from cmake-js.
#ifdef _WIN32

#ifndef WIN32_LEAN_AND_MEAN
#define WIN32_LEAN_AND_MEAN
#endif
#include <windows.h>

#include <delayimp.h>

#include <cstring>

namespace {

FARPROC WINAPI answer_with_program(unsigned event, PDelayLoadInfo info) {
  if (event != dliNotePreLoadLibrary || _stricmp(info->szDll, "node.exe") != 0) return nullptr;
  // The helper takes the module of a library through the type of a function.
  return reinterpret_cast<FARPROC>(reinterpret_cast<void*>(GetModuleHandleW(nullptr)));
}

}  // namespace

extern "C" {
decltype(__pfnDliNotifyHook2) __pfnDliNotifyHook2 = answer_with_program;
}

#endif
