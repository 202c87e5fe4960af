/* What a container is given of the host's: mounts that are attached to nothing yet, taken while the host's tree is in sight. */
#ifndef CORACLE_LENT_H
#define CORACLE_LENT_H

#include "spec.h"

#define LENT_NODES 6
#define LENT_CGROUPS 8

struct lent {
    int *volumes; /* one for each of the spec's mounts; -1: it is made in the container */
    int proc, sys, shm, cgroups[LENT_CGROUPS], nodes[LENT_NODES];
    int devices; /* the host's /dev, for who gets all of it; else -1 */
};

/* The names of `nodes`, below /dev. */
extern const char *const lent_nodes[LENT_NODES];

/* Called in the container's mount namespace and, unless the pod shares one, pid namespace. `sandbox`: the pod's directory;
 * `users`: its user namespace, or -1; `pids`: for JOINED_PIDS the first process of the other container. What is open when this fails goes
 * with the process. */
int lend(const struct spec *, int sandbox, int users, int pids, struct lent *, struct failure *);
/* The images among the volumes. Called after it, when nothing that is mounted shows on the host any more. `directory`: the container's. */
int lend_images(const struct spec *, int directory, int users, struct lent *, struct failure *);

#endif
