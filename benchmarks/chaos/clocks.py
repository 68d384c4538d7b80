"""Wall clocks that can be set: a small library before libc adds seconds to what the system says.

The clocks that count from boot stay as they are, as they do where somebody sets a machine's clock.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_VARIABLE = "TUNEWELL_CHAOS_CLOCK"
_N_BYTES = 8
_SOURCE = rf"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <semaphore.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const volatile int64_t *shift;

__attribute__((constructor)) static void open_shift(void) {{
    const char *path = getenv("{_VARIABLE}");
    int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0) return;
    void *page = mmap(NULL, {_N_BYTES}, PROT_READ, MAP_SHARED, file, 0);
    if (page != MAP_FAILED) shift = page;
    close(file);
}}

static int64_t shift_s(void) {{ return shift ? *shift : 0; }}

int clock_gettime(clockid_t clock, struct timespec *at) {{
    int failed = syscall(SYS_clock_gettime, clock, at);
    if (!failed && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) at->tv_sec += shift_s();
    return failed;
}}

int gettimeofday(struct timeval *restrict at, void *restrict zone) {{
    struct timespec now;
    int failed = clock_gettime(CLOCK_REALTIME, &now);
    if (at) *at = (struct timeval){{now.tv_sec, now.tv_nsec / 1000}};
    return failed;
}}

time_t time(time_t *at) {{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (at) *at = now.tv_sec;
    return now.tv_sec;
}}

/* The kernel waits by the clock that was not shifted. */
int sem_timedwait(sem_t *restrict semaphore, const struct timespec *restrict until) {{
    static int (*next)(sem_t *, const struct timespec *);
    if (!next) *(void **)&next = dlsym(RTLD_NEXT, "sem_timedwait");
    struct timespec really = {{until->tv_sec - shift_s(), until->tv_nsec}};
    return next(semaphore, &really);
}}
"""


@dataclass(frozen=True, slots=True)
class Clock:
    """The wall clock of the processes that are started with its environment, and of their children.

    Attributes:
        library: What stands before libc.
        shift: The file that holds the seconds.
    """

    library: Path
    shift: Path

    @property
    def environment(self) -> Mapping[str, str]:
        """Variables for a process that is to go by this clock."""
        return {"LD_PRELOAD": str(self.library), _VARIABLE: str(self.shift)}

    def set(self, seconds: int) -> None:
        """Let it be fast by so many seconds, or slow."""
        with self.shift.open("r+b") as file:
            file.write(seconds.to_bytes(_N_BYTES, "little", signed=True))


def make_clocks(folder: Path, names: tuple[str, ...]) -> dict[str, Clock]:
    """Make clocks that are right for now; none where there is no C compiler that works.

    Args:
        folder: Where their files go.
        names: What each is called.
    """
    compiler = shutil.which("cc")
    if compiler is None:
        return {}
    library = folder / "clock.so"
    source = folder / "clock.c"
    source.write_text(_SOURCE)
    words = [compiler, "-O1", "-shared", "-fPIC", "-o", str(library), str(source), "-ldl"]
    if subprocess.run(words, check=False, capture_output=True).returncode:  # it may lack libc's headers
        return {}
    clocks = {name: Clock(library, folder / f"{name}.clock") for name in names}
    for clock in clocks.values():
        clock.shift.write_bytes(bytes(_N_BYTES))
    return clocks
