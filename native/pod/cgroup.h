/* The pod's cgroups, v1, hybrid or v2: one directory per hierarchy, made by coracle-host; containers are `c<index>` inside. */
#ifndef CORACLE_CGROUP_H
#define CORACLE_CGROUP_H

#include "spec.h"

/* Reads `{u32 version, hierarchies: [{controllers "cpu,cpuacct", slot directory}]}` and opens the directories. */
int cgroup_open(struct reader *, struct failure *);
/* Puts this process into `child` of the pod's cgroup, making it when missing. Slow after a quiet time: never on a request path. */
int cgroup_enter(const char *child, struct failure *);
int cgroup_make(unsigned index, struct failure *);
/* Memory and processes of the container `index`, or of the whole pod (-1). */
int cgroup_limit(int index, const struct resources *, struct failure *);
/* Its share of the processors. Once it runs: making a container ready would otherwise take as long as its share is small. */
int cgroup_limit_cpu(int index, const struct resources *, struct failure *);
/* Further files; those of a controller or a kernel that the machine has not are left out. */
int cgroup_write(int index, struct cgroup_files, struct failure *);
/* Fails where more memory is in use than `resources` would allow: the kernel would kill to get there. */
int cgroup_leaves_room(int index, const struct resources *, struct failure *);
/* How many processes the kernel has killed there for want of memory. */
uint64_t cgroup_oom_kills(unsigned index);
/* v2: when the kernel kills one process there for want of memory, it kills all of them, as Kubernetes has it. v1 cannot. */
void cgroup_die_together(unsigned index);
/* Before a kill: nothing there may fork any more, and no quota keeps what was killed from running to its end. */
void cgroup_let_end(unsigned index);
/* SIGKILL to everything in the container's cgroup but `spare`. For containers without a pid namespace of their own. */
void cgroup_kill(unsigned index, int spare);
/* Once, in a zygote: which of the pod's cgroups it and its container are in. */
void cgroup_remember(unsigned index);
/* Moves the calling zygote to the supervisor's: its container's is another's to fill. */
int cgroup_leave(struct failure *);
/* v1: is there a hierarchy of the pod's at /sys/fs/cgroup/<name>? */
bool cgroup_is_mounted_at(const char *name);
/* v1: the hierarchies' controller names ("cpu,cpuacct"), for mounting inside a container; NULL after the last. */
const char *cgroup_controllers(unsigned hierarchy);
/* Where the remembered cgroup is on the host. */
void cgroup_own_path(unsigned hierarchy, char *path, size_t size);
bool cgroup_is_v2(void);

#endif
