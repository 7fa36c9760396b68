// Runs a program that may not make a system call, as in a container whose seccomp profile denies
// the call.
//
//   deny-call io_uring_setup|statx|dioalign|preadv2|pwritev2|last-signal PROGRAM ARGUMENT...
//
// `dioalign` denies statx() only where it asks for the alignment of direct I/O, which Linux before
// 6.1 does not report. preadv2() and pwritev2() fail with ENOSYS, and signal 64 cannot be sent, as
// in qemu-user.

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

struct denial {
  const char* name;
  unsigned number;
  // The call is denied if this argument has all of these bits.
  unsigned argument;
  unsigned bits;
  unsigned error;
};

static const struct denial denials[] = {
    {"io_uring_setup", __NR_io_uring_setup, 0, 0, EPERM},
    {"statx", __NR_statx, 0, 0, EPERM},
    // STATX_DIOALIGN, which headers before Linux 6.1 lack.
    {"dioalign", __NR_statx, 3, 0x2000, EPERM},
    {"preadv2", __NR_preadv2, 0, 0, ENOSYS},
    {"pwritev2", __NR_pwritev2, 0, 0, ENOSYS},
    {"last-signal", __NR_tgkill, 2, 64, EINVAL},
};

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  const size_t count = sizeof denials / sizeof denials[0];
  size_t index = 0;
  while (index < count && strcmp(argv[1], denials[index].name) != 0) index++;
  if (index == count) return 2;
  const struct denial denied = denials[index];
  const unsigned offset = offsetof(struct seccomp_data, args) + denied.argument * sizeof(__u64);
  struct sock_filter instructions[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, denied.number, 0, 4),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offset),
      BPF_STMT(BPF_ALU | BPF_AND | BPF_K, denied.bits),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, denied.bits, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | denied.error),
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
