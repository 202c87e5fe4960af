/** What an extension server says that it serves, in the forms in which this server tells it on. Source: APIResourceList, meta/v1; apidiscovery.k8s.io/v2. */

export interface ExtensionVersion {
  readonly group: string;
  readonly version: string;
  readonly groupPriority: number;
  readonly versionPriority: number;
  /** As the server itself lists them; what it said last when it doesn't answer. */
  readonly resources: readonly ExtensionResource[];
  readonly isFresh: boolean;
}

export interface ExtensionResource {
  /** `nodes`, `nodes/status`. */
  readonly name: string;
  readonly singularName: string;
  readonly namespaced: boolean;
  readonly kind: string;
  readonly group?: string;
  readonly version?: string;
  readonly verbs: readonly string[];
  readonly shortNames?: readonly string[];
  readonly categories?: readonly string[];
}

/** Of an APIResourceList, each under its name. What is none of its resources, or has another's name, is passed over; throws when it is no list at all. */
export function resourcesOf(body: Buffer): readonly ExtensionResource[] {
  const list: unknown = JSON.parse(body.toString());
  const resources: unknown = typeof list === 'object' && list !== null ? Reflect.get(list, 'resources') : undefined;
  if (!Array.isArray(resources)) throw new Error('the answer is no APIResourceList');
  const found = new Map<string, ExtensionResource>();
  for (const one of resources) {
    const resource = resourceOf(one);
    if (resource !== undefined && !found.has(resource.name)) found.set(resource.name, resource);
  }
  return [...found.values()];
}

function resourceOf(value: unknown): ExtensionResource | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const text = (name: string): string | undefined => {
    const found: unknown = Reflect.get(value, name);
    return typeof found === 'string' ? found : undefined;
  };
  const texts = (name: string): readonly string[] | undefined => {
    const found: unknown = Reflect.get(value, name);
    return Array.isArray(found) ? found.filter((one) => typeof one === 'string') : undefined;
  };
  const [name, kind, group, version, shortNames, categories] = [text('name'), text('kind'), text('group'), text('version'), texts('shortNames'), texts('categories')];
  if (name === undefined || kind === undefined) return undefined;
  return {
    name, kind, singularName: text('singularName') ?? '', namespaced: Reflect.get(value, 'namespaced') === true, verbs: texts('verbs') ?? [],
    ...(group === undefined ? {} : { group }), ...(version === undefined ? {} : { version }),
    ...(shortNames === undefined ? {} : { shortNames }), ...(categories === undefined ? {} : { categories }),
  };
}

/** One version's entry of an APIGroupDiscovery. */
export function aggregatedVersion({ group, version, resources, isFresh }: ExtensionVersion): object {
  const responseKind = (one: ExtensionResource): object => ({ group: one.group ?? group, version: one.version ?? version, kind: one.kind });
  const belonging = Map.groupBy(resources.filter(({ name }) => name.includes('/')), ({ name }) => name.slice(0, name.indexOf('/')));
  return {
    version,
    resources: resources.filter(({ name }) => !name.includes('/')).map((one) => {
      const subresources = belonging.get(one.name) ?? [];
      return {
        resource: one.name, responseKind: responseKind(one), scope: one.namespaced ? 'Namespaced' : 'Cluster', singularResource: one.singularName, verbs: one.verbs,
        ...(one.shortNames === undefined ? {} : { shortNames: one.shortNames }), ...(one.categories === undefined ? {} : { categories: one.categories }),
        ...(subresources.length === 0 ? {} : {
          subresources: subresources.map((sub) => ({ subresource: sub.name.slice(one.name.length + 1), responseKind: responseKind(sub), verbs: sub.verbs })),
        }),
      };
    }),
    freshness: isFresh ? 'Current' : 'Stale',
  };
}
