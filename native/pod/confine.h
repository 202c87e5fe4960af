/* The last things before exec: everything that a container's process must not keep is given up here. */
#ifndef CORACLE_CONFINE_H
#define CORACLE_CONFINE_H

#include "spec.h"

/* Ids, capabilities, no_new_privs, seccomp, in the only order that works. After it returns 0 the process is the user's.
 * `pass`: unless 0, the filter lets through what passed_call makes with it, whatever the profile says. */
int confine(const struct spec *, uint64_t pass, struct failure *);
/* The calls of a preparer after its confinement: clone, setsid, TIOCSCTTY, exit_group. */
long passed_call(long number, uint64_t pass, long first, long second, long third);
/* A filter that leaves a root process only waiting for its children. */
int allow_only_waiting(struct failure *);
/* Drops everything but `capabilities` from all sets of a root process. */
int limit_capabilities(uint64_t capabilities, struct failure *);

#endif
