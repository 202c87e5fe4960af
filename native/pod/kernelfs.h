/* What a container sees of the kernel: /proc, /sys with its cgroups, /dev, and what is hidden and protected in them. */
#ifndef CORACLE_KERNELFS_H
#define CORACLE_KERNELFS_H

#include "lent.h"
#include "spec.h"

/* Hangs them up below `root`. */
int kernelfs_attach(const struct spec *, int root, const struct lent *, struct failure *);
/* Hides and protects what the spec names, below `root`. */
int kernelfs_protect(const struct spec *, int root, struct failure *);
/* Both, where there is no container yet: called in the mount, pid and cgroup namespace that it will have. `sandbox`: the pod's
 * directory. Returns a directory that the three are in. */
int kernelfs_stage(const struct spec *, int sandbox, struct failure *);
/* From there to `root`, before the stage is gone with the host's mounts. */
int kernelfs_move(int stage, int root, struct failure *);

#endif
