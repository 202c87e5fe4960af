import fc, { type Arbitrary } from 'fast-check';

/** Deployments and strategic merge patches for them, small enough that keys, values and directives meet often. */

type Json = Record<string, unknown>;

const word = fc.constantFrom('a', 'b', 'c', 'd');
const value = fc.constantFrom('1', '2', '3');
const port = fc.constantFrom(80, 81, 82);
const labels = fc.dictionary(word, value, { maxKeys: 3 });

/** Never empty: Kubernetes refuses to order what has no elements, since it can't tell of which type they would be. */
const unique = <T extends Json>(item: Arbitrary<T>, key: string) => fc.uniqueArray(item, { selector: (one) => one[key], minLength: 1, maxLength: 4 });

const optional = (fields: Record<string, Arbitrary<unknown>>, requiredKeys: string[] = []) => fc.record(fields, { requiredKeys }) as Arbitrary<Json>;

const env = optional({ name: word, value, valueFrom: fc.constant({ fieldRef: { fieldPath: 'metadata.name' } }) }, ['name']);
const containerPort = optional({ containerPort: port, protocol: fc.constantFrom('TCP', 'UDP'), name: word }, ['containerPort']);
const container = optional({
  name: word, image: value, args: fc.array(value, { maxLength: 3 }), env: unique(env, 'name'), ports: unique(containerPort, 'containerPort'),
  resources: optional({ limits: labels }),
}, ['name']);
const volume = fc.oneof(
  fc.record({ name: word, emptyDir: fc.constant({}) }), fc.record({ name: word, hostPath: fc.record({ path: value }) }), fc.record({ name: word, secret: fc.record({ secretName: value }) }),
) as Arbitrary<Json>;
const strategy = fc.oneof(fc.constant({ type: 'Recreate' }), fc.constant({ type: 'RollingUpdate', rollingUpdate: { maxSurge: 1 } })) as Arbitrary<Json>;

const deployment = (finalizers: Arbitrary<string[]>, podSpec: Arbitrary<Json>) => fc.record({
  metadata: optional({ labels, annotations: labels, finalizers }),
  spec: optional({ replicas: fc.integer({ min: 0, max: 9 }), strategy, template: fc.record({ spec: podSpec }) }),
});

/** What is patched. */
export const original = deployment(fc.uniqueArray(word, { minLength: 1, maxLength: 4 }), optional({
  containers: unique(container, 'name'), volumes: unique(volume, 'name'), nodeSelector: labels, tolerations: fc.array(optional({ key: word, value }), { maxLength: 2 }),
  imagePullSecrets: unique(optional({ name: word }, ['name']), 'name'),
}));

const orNull = <T>(arbitrary: Arbitrary<T>): Arbitrary<T | null> => fc.option(arbitrary, { freq: 5 });
const labelPatch = fc.oneof({ weight: 5, arbitrary: fc.dictionary(word, orNull(value), { maxKeys: 3 }) }, labels.map((map) => ({ ...map, $patch: 'replace' })), fc.constant({ $patch: 'delete' })) as Arbitrary<Json>;

/** A list that merges by `key`: items, deletions, now and then `$patch: replace`, and under `$setElementOrder` the order of all or some. */
function listPatch(name: string, item: Arbitrary<Json>, key: string): Arbitrary<Json> {
  const deletion = item.map((one) => ({ [key]: one[key], $patch: 'delete' }) as Json);
  const items = unique(fc.oneof({ weight: 4, arbitrary: item }, { weight: 1, arbitrary: deletion }), key);
  const list = fc.oneof({ weight: 8, arbitrary: items }, items.map((some) => [...some, { $patch: 'replace' }]));
  const ordered = fc.record({ some: items, rest: unique(item, key), shuffle: fc.boolean() }).map(({ some, rest, shuffle }) => {
    const kept = some.filter((one) => one['$patch'] === undefined).map((one) => one[key]);
    const others = rest.map((one) => one[key]).filter((one) => !kept.includes(one));
    const order = (shuffle ? [...others, ...kept] : [...kept, ...others]).map((one) => ({ [key]: one }));
    return { [`$setElementOrder/${name}`]: order, ...(some.length === 0 ? {} : { [name]: some }) };
  });
  return fc.oneof({ weight: 3, arbitrary: fc.constant({}) }, { weight: 3, arbitrary: list.map((some) => ({ [name]: some })) }, { weight: 3, arbitrary: ordered }, fc.constant({ [name]: null }));
}

const joined = (...parts: Arbitrary<Json>[]): Arbitrary<Json> => fc.tuple(...parts).map((some) => Object.assign({}, ...some) as Json);

const containerPatch = joined(
  optional({ name: word, image: orNull(value), args: orNull(fc.array(value, { maxLength: 2 })), resources: orNull(optional({ limits: orNull(labelPatch) })) }, ['name']),
  listPatch('env', env, 'name'), listPatch('ports', containerPort, 'containerPort'),
);
const volumePatch = fc.oneof(volume, volume.map((one) => ({ ...one, $retainKeys: Object.keys(one) }) as Json));
const podSpecPatch = joined(
  listPatch('containers', containerPatch, 'name'), listPatch('volumes', volumePatch, 'name'), listPatch('imagePullSecrets', optional({ name: word }, ['name']), 'name'),
  optional({ nodeSelector: orNull(labelPatch), tolerations: orNull(fc.array(optional({ key: word }), { maxLength: 2 })) }),
);
const finalizersPatch = fc.oneof(
  fc.constant({}), fc.uniqueArray(word, { maxLength: 3 }).map((finalizers) => ({ finalizers })),
  fc.uniqueArray(word, { maxLength: 3 }).map((gone) => ({ '$deleteFromPrimitiveList/finalizers': gone })),
  fc.uniqueArray(word, { minLength: 1, maxLength: 4 }).map((order) => ({ '$setElementOrder/finalizers': order, finalizers: order.slice(0, 1) })),
) as Arbitrary<Json>;
const strategyPatch = fc.oneof(strategy, strategy.map((one) => ({ ...one, $retainKeys: Object.keys(one) })), strategy.map((one) => ({ ...one, $patch: 'replace' }))) as Arbitrary<Json>;

/** What is done to it. */
export const patch = optional({
  metadata: joined(optional({ labels: orNull(labelPatch), annotations: orNull(labelPatch) }), finalizersPatch),
  spec: joined(optional({ replicas: orNull(fc.integer({ min: 0, max: 9 })), strategy: strategyPatch }), podSpecPatch.map((spec) => ({ template: { spec } }))),
});
