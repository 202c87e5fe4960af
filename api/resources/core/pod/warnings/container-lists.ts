/** The lists of containers of a pod, in the order in which Kubernetes walks them. */
export const containerLists = ['initContainers', 'containers', 'ephemeralContainers'] as const;
