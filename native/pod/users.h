/* A user namespace of the pod's own. What the host lends its containers keeps its owners on disk: it is shown through mounts
 * that map ids as the namespace does. */
#ifndef CORACLE_USERS_H
#define CORACLE_USERS_H

#include <stdbool.h>

#include "../frame.h"

/* `users`: the namespace, everywhere. Maps the mount that `tree` is, which must be attached to nothing yet. */
int users_map(int tree, int users, const char *name, struct failure *);
/* Becomes the namespace's root: nobody on the host from here on. */
int users_enter(int users, struct failure *);
/* The same for who has entered it with a container's other namespaces. */
int users_become_root(struct failure *);

#endif
