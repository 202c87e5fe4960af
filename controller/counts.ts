/** Numbers of a status whose zero is written by leaving the field out. */
export function counts<K extends string>(values: Readonly<Record<K, number>>): { readonly [N in K]?: number } {
  // The entries that stay have the keys they came with.
  return Object.fromEntries(Object.entries<number>(values).filter(([, count]) => count !== 0)) as { readonly [N in K]?: number };
}
