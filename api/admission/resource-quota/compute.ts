import type { Container, Pod } from '../../../machinery/kinds/core.ts';
import type { Usage } from '../../../machinery/quota/usage.ts';

/** Where processors or memory are limited in all, every container says what it asks. Source: "Resource quotas: compute resource quota". */

const names = ['cpu', 'memory', 'requests.cpu', 'requests.memory', 'limits.cpu', 'limits.memory'] as const;

/** `limits.cpu for: a,b; requests.memory for: a`; undefined: all is said. */
export function missingAmounts({ spec }: Pod, hard: Usage): string | undefined {
  const wanted = names.filter((name) => hard.has(name) && !says(spec?.resources, name)).toSorted();
  const containers = [...(spec?.containers ?? []), ...(spec?.initContainers ?? [])];
  const missing = wanted.flatMap((name) => {
    const silent = containers.filter(({ resources }) => !says(resources, name)).map((container) => container.name);
    return silent.length === 0 ? [] : [`${name} for: ${[...new Set(silent)].toSorted().join(',')}`];
  });
  return missing.length === 0 ? undefined : missing.join('; ');
}

function says(resources: Container['resources'], name: (typeof names)[number]): boolean {
  const [side = '', resource = side] = name.split('.');
  return resources?.[side === 'limits' ? 'limits' : 'requests']?.[resource] !== undefined;
}
