// Names of glibc that the C++ library of Debian needs and musl lacks, so that a Node made for musl
// runs beside that library (scripts/foreign-tests.mjs). It includes no headers of glibc, because
// they would bind it to glibc. Numbers in formats that musl does not know end the program.
#include <stddef.h>
#include <stdint.h>

void abort(void);
void* malloc(size_t);
void free(void*);
size_t strftime_l(char*, size_t, const char*, const void*, void*);
unsigned long strtoul(const char*, char**, int);
long getrandom(void*, size_t, unsigned);
int fseeko(void*, long, int);
long ftello(void*);
int pthread_key_create(unsigned*, void (*)(void*));
int pthread_once(int*, void (*)(void));
void* pthread_getspecific(unsigned);
int pthread_setspecific(unsigned, const void*);

char __libc_single_threaded = 0;

unsigned long __isoc23_strtoul(const char* text, char** end, int base) {
  return strtoul(text, end, base);
}

size_t __strftime_l(char* to, size_t size, const char* format, const void* time, void* locale) {
  return strftime_l(to, size, format, time, locale);
}

uint32_t arc4random(void) {
  uint32_t number = 0;
  if (getrandom(&number, sizeof number, 0) != sizeof number) abort();
  return number;
}

int fseeko64(void* file, long offset, int whence) { return fseeko(file, offset, whence); }
long ftello64(void* file) { return ftello(file); }

int strfromf128(void) { abort(); }
int strtof128(void) { abort(); }

// ---- Destructors of variables of threads

struct Destructor {
  void (*run)(void*);
  void* object;
  struct Destructor* next;
};

static unsigned key;
static int once;

static void run_all(void* first) {
  for (struct Destructor *each = first, *next; each; each = next) {
    next = each->next;
    each->run(each->object);
    free(each);
  }
}

static void make_key(void) { pthread_key_create(&key, run_all); }

int __cxa_thread_atexit_impl(void (*run)(void*), void* object, void* library) {
  (void)library;
  pthread_once(&once, make_key);
  struct Destructor* added = malloc(sizeof *added);
  if (!added) return -1;
  *added = (struct Destructor){run, object, pthread_getspecific(key)};
  return pthread_setspecific(key, added);
}

// ---- Exceptions: where the tables of a function are (dl_find_object(3), elf(5))

enum { kLoaded = 1, kExceptionTables = 0x6474e550 };

struct Segment {
  uint32_t type, flags;
  uint64_t offset, address, physical, file_size, memory_size, alignment;
};

struct Loaded {
  uintptr_t address;
  const char* name;
  const struct Segment* segments;
  uint16_t count;
};

struct Found {
  unsigned long long flags;
  void *start, *end, *map, *tables;
  unsigned long long reserved[7];
};

struct Wanted {
  uintptr_t place;
  struct Found* found;
};

int dl_iterate_phdr(int (*)(struct Loaded*, size_t, void*), void*);

static int look_into(struct Loaded* loaded, size_t size, void* data) {
  (void)size;
  struct Wanted* wanted = data;
  uintptr_t start = UINTPTR_MAX, end = 0;
  void* tables = NULL;
  int is_here = 0;
  for (int i = 0; i < loaded->count; i++) {
    const struct Segment* segment = &loaded->segments[i];
    const uintptr_t from = loaded->address + segment->address, to = from + segment->memory_size;
    if (segment->type == kExceptionTables) tables = (void*)from;
    if (segment->type != kLoaded) continue;
    if (from < start) start = from;
    if (to > end) end = to;
    if (wanted->place >= from && wanted->place < to) is_here = 1;
  }
  if (!is_here || !tables) return 0;
  *wanted->found = (struct Found){.start = (void*)start, .end = (void*)end, .tables = tables};
  return 1;
}

int _dl_find_object(void* place, struct Found* found) {
  struct Wanted wanted = {(uintptr_t)place, found};
  return dl_iterate_phdr(look_into, &wanted) ? 0 : -1;
}

// ---- The processor: libgcc_s gives these names versions that musl takes for hidden ones.

int __cpu_model[4];
unsigned __cpu_features2[4];
int __cpu_indicator_init(void) { return 0; }
