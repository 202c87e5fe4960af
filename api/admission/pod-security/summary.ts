/** One line for pods that have the same faults: `a (and 2 other pods): privileged`. */
export function summary(pods: readonly { readonly name: string; readonly reasons: string }[]): readonly string[] {
  const byReasons = Map.groupBy(pods, ({ reasons }) => reasons);
  return [...byReasons].map(([reasons, alike]) => {
    const [first = ''] = alike.map(({ name }) => name).toSorted();
    const others = alike.length - 1;
    const more = others === 0 ? '' : others === 1 ? ' (and 1 other pod)' : ` (and ${others} other pods)`;
    return `${first}${more}: ${reasons}`;
  }).toSorted();
}
