// Runs a program that may not make a system call, as in a container whose seccomp profile denies
// the call.
//
//   deny-call io_uring_setup|statx|dioalign PROGRAM ARGUMENT...
//
// `dioalign` denies statx() only where it asks for the alignment of direct I/O, which Linux before
// 6.1 does not report.

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

// STATX_DIOALIGN, which headers before Linux 6.1 lack.
static const unsigned direct_alignment = 0x2000;

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  const unsigned number =
      strcmp(argv[1], "io_uring_setup") == 0 ? __NR_io_uring_setup : __NR_statx;
  // The call is denied if its fourth argument has all of these bits.
  const unsigned bits = strcmp(argv[1], "dioalign") == 0 ? direct_alignment : 0;
  struct sock_filter instructions[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 4),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[3])),
      BPF_STMT(BPF_ALU | BPF_AND | BPF_K, bits),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, bits, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  struct sock_fprog program = {
      .len = sizeof instructions / sizeof instructions[0],
      .filter = instructions,
  };
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
      prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) {
    perror("seccomp");
    return 2;
  }
  execvp(argv[2], argv + 2);
  perror(argv[2]);
  return 2;
}
