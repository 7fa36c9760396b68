// A FUSE file system that shows the folder in FAULT_ROOT and fails as FAULTS says: a list of names
// with numbers, such as "fsync=95,lseek=22". A number is an errno unless noted otherwise.
#define FUSE_USE_VERSION 35
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fuse3/fuse.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *root;

// The number of a fault; 0 if it is not set.
static long fault(const char *name) {
  char wanted[64];
  snprintf(wanted, sizeof wanted, "%s=", name);
  const char *all = getenv("FAULTS");
  const char *found = all ? strstr(all, wanted) : NULL;
  return found ? atol(found + strlen(wanted)) : 0;
}

#define FAIL_IF(name) \
  if (fault(name)) return -(int)fault(name)
#define AT(path)            \
  char full[PATH_MAX];      \
  snprintf(full, sizeof full, "%s%s", root, path)
#define RESULT(call) return (call) < 0 ? -errno : 0

static int on_getattr(const char *path, struct stat *st, struct fuse_file_info *fi) {
  AT(path);
  if ((fi ? fstat((int)fi->fh, st) : lstat(full, st)) < 0) return -errno;
  // "numbers": each look reports another file number.
  static unsigned long looks;
  if (fault("numbers")) st->st_ino = 100000 + ++looks;
  // "nosize": regular files report 0 bytes.
  if (fault("nosize") && S_ISREG(st->st_mode)) st->st_size = 0;
  // "coarse": times are kept to whole seconds.
  if (fault("coarse")) st->st_mtim.tv_nsec = st->st_atim.tv_nsec = st->st_ctim.tv_nsec = 0;
  return 0;
}
static int on_readdir(const char *path, void *buffer, fuse_fill_dir_t fill, off_t offset,
                      struct fuse_file_info *fi, enum fuse_readdir_flags flags) {
  (void)offset, (void)fi, (void)flags;
  AT(path);
  DIR *folder = opendir(full);
  if (!folder) return -errno;
  for (struct dirent *e; (e = readdir(folder));) fill(buffer, e->d_name, NULL, 0, 0);
  closedir(folder);
  return 0;
}
static int opened(int fd, struct fuse_file_info *fi) {
  if (fd < 0) return -errno;
  fi->fh = (uint64_t)fd;
  fi->direct_io = fault("direct") != 0;
  return 0;
}
static int on_open(const char *path, struct fuse_file_info *fi) {
  // "opens": so many opens fail with the error "open", and later ones succeed.
  static long opens;
  if (++opens <= fault("opens")) FAIL_IF("open");
  AT(path);
  return opened(open(full, fi->flags & ~O_DIRECT), fi);
}
static int on_create(const char *path, mode_t mode, struct fuse_file_info *fi) {
  AT(path);
  return opened(open(full, (fi->flags & ~O_DIRECT) | O_CREAT, mode), fi);
}
static int on_read(const char *path, char *data, size_t size, off_t at, struct fuse_file_info *fi) {
  (void)path;
  // "reads": so many reads fail, and later ones succeed. "badfrom", "badto": bytes that cannot be
  // read.
  static long reads;
  if (reads < fault("reads") && ++reads) return -EIO;
  if (at < fault("badto") && at + (off_t)size > fault("badfrom")) return -EIO;
  ssize_t n = pread((int)fi->fh, data, size, at);
  return n < 0 ? -errno : (int)n;
}
static int on_write(const char *path, const char *data, size_t size, off_t at,
                    struct fuse_file_info *fi) {
  (void)path;
  ssize_t n = pwrite((int)fi->fh, data, size, at);
  return n < 0 ? -errno : (int)n;
}
static int on_release(const char *path, struct fuse_file_info *fi) {
  (void)path;
  close((int)fi->fh);
  return 0;
}
static int on_fsync(const char *path, int data, struct fuse_file_info *fi) {
  (void)path, (void)data;
  FAIL_IF("fsync");
  RESULT(fsync((int)fi->fh));
}
static int on_fsyncdir(const char *path, int data, struct fuse_file_info *fi) {
  (void)path, (void)data, (void)fi;
  FAIL_IF("fsyncdir");
  return 0;
}
static off_t on_lseek(const char *path, off_t at, int whence, struct fuse_file_info *fi) {
  (void)path;
  FAIL_IF("lseek");
  off_t found = lseek((int)fi->fh, at, whence);
  return found < 0 ? -errno : found;
}
static ssize_t on_copy_range(const char *from, struct fuse_file_info *fi, off_t at, const char *to,
                             struct fuse_file_info *other, off_t other_at, size_t size, int flags) {
  (void)from, (void)to;
  // "copynone": copies nothing, without an error. "copyafter": fails from this byte on.
  if (fault("copynone")) return 0;
  if (at >= fault("copyafter")) FAIL_IF("copy");
  ssize_t n = copy_file_range((int)fi->fh, &at, (int)other->fh, &other_at, size, (unsigned)flags);
  return n < 0 ? -errno : n;
}
static int on_truncate(const char *path, off_t size, struct fuse_file_info *fi) {
  FAIL_IF("truncate");
  AT(path);
  RESULT(fi ? ftruncate((int)fi->fh, size) : truncate(full, size));
}
static int on_chmod(const char *path, mode_t mode, struct fuse_file_info *fi) {
  (void)fi;
  FAIL_IF("chmod");
  AT(path);
  RESULT(chmod(full, mode));
}
static int on_chown(const char *path, uid_t uid, gid_t gid, struct fuse_file_info *fi) {
  (void)fi;
  AT(path);
  RESULT(lchown(full, uid, gid));
}
static int on_utimens(const char *path, const struct timespec times[2], struct fuse_file_info *fi) {
  (void)fi;
  AT(path);
  RESULT(utimensat(AT_FDCWD, full, times, AT_SYMLINK_NOFOLLOW));
}
static int on_mkdir(const char *path, mode_t mode) {
  AT(path);
  RESULT(mkdir(full, mode));
}
static int on_unlink(const char *path) {
  AT(path);
  RESULT(unlink(full));
}
static int on_rmdir(const char *path) {
  AT(path);
  RESULT(rmdir(full));
}
static int on_symlink(const char *target, const char *path) {
  FAIL_IF("symlink");
  AT(path);
  RESULT(symlink(target, full));
}
static int on_readlink(const char *path, char *target, size_t size) {
  AT(path);
  ssize_t n = readlink(full, target, size - 1);
  if (n < 0) return -errno;
  target[n] = 0;
  return 0;
}
static int on_link(const char *from, const char *path) {
  AT(path);
  char other[PATH_MAX];
  snprintf(other, sizeof other, "%s%s", root, from);
  RESULT(link(other, full));
}
static int on_rename(const char *from, const char *path, unsigned flags) {
  if (flags) return -EINVAL;
  AT(path);
  char other[PATH_MAX];
  snprintf(other, sizeof other, "%s%s", root, from);
  RESULT(rename(other, full));
}
static int on_lock(const char *path, struct fuse_file_info *fi, int command, struct flock *lock) {
  (void)path, (void)fi, (void)command, (void)lock;
  return -(int)fault("lock");
}
static void *on_init(struct fuse_conn_info *connection, struct fuse_config *config) {
  (void)connection;
  config->use_ino = 1;
  config->attr_timeout = config->entry_timeout = 0;
  return NULL;
}

int main(int argc, char **argv) {
  root = getenv("FAULT_ROOT");
  if (!root) return 2;
  umask(0);
  struct fuse_operations operations = {
      .init = on_init, .getattr = on_getattr, .readdir = on_readdir, .open = on_open,
      .create = on_create, .read = on_read, .write = on_write, .release = on_release,
      .fsync = on_fsync, .fsyncdir = on_fsyncdir, .lseek = on_lseek,
      .copy_file_range = on_copy_range, .truncate = on_truncate, .chmod = on_chmod,
      .chown = on_chown, .utimens = on_utimens, .mkdir = on_mkdir, .unlink = on_unlink,
      .rmdir = on_rmdir, .symlink = on_symlink, .readlink = on_readlink, .link = on_link,
      .rename = on_rename};
  if (fault("lock")) operations.lock = on_lock;
  return fuse_main(argc, argv, &operations, NULL);
}
