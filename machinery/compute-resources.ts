/** Names of what containers ask and nodes have. Source: "Resource management for pods and containers". */

/** What every node has. */
export const computeResources: ReadonlySet<string> = new Set(['cpu', 'memory', 'ephemeral-storage']);

/** Memory in pages of one size: `hugepages-2Mi`. */
export const isHuge = (name: string): boolean => name.startsWith('hugepages-');
