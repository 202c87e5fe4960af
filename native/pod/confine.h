/* The last things before exec: everything that a container's process must not keep is given up here. */
#ifndef CORACLE_CONFINE_H
#define CORACLE_CONFINE_H

#include "spec.h"

/* Ids, capabilities, no_new_privs, seccomp, in the only order that works. After it returns 0 the process is the user's. */
int confine(const struct spec *, struct failure *);
/* Drops everything but `capabilities` from all sets of a root process. */
int limit_capabilities(uint64_t capabilities, struct failure *);

#endif
