/* What a container is given of the host's: mounts that are attached to nothing yet, taken while the host's tree is in sight. */
#ifndef CORACLE_LENT_H
#define CORACLE_LENT_H

#include "spec.h"

#define LENT_NODES 6
#define LENT_CGROUPS 8

struct lent {
    int proc, sys, shm, cgroups[LENT_CGROUPS], nodes[LENT_NODES];
    int devices; /* the host's /dev, for who gets all of it; else -1 */
};

/* The names of `nodes`, below /dev. */
extern const char *const lent_nodes[LENT_NODES];

/* One for each of the spec's mounts; -1: it is made in the container, or an image. NULL: it failed, and what is open goes with the
 * process. `sandbox`: the pod's directory; `users`: its user namespace, or -1. */
int *lend_volumes(const struct spec *, int sandbox, int users, struct failure *);
/* All but the volumes. Called after detach_mounts: copies of what the host shares would be shared with it, and what a container
 * mounts over its /dev/null be on the host's; in the container's pid namespace, unless the pod shares one. `pids`: for JOINED_PIDS
 * the first process of the other container. */
int lend_kernel(const struct spec *, int sandbox, int users, int pids, struct lent *, struct failure *);
/* The images among the volumes. Called after detach_mounts, when nothing that is mounted shows on the host any more.
 * `directory`: the container's. */
int lend_images(const struct spec *, int directory, int users, int *volumes, struct failure *);

#endif
