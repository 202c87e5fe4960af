import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Body } from '../request.ts';
import { createCodec } from './codec.ts';

const codec = createCodec();
const deployment = { group: 'apps', version: 'v1', kind: 'Deployment' };
const pod = { group: '', version: 'v1', kind: 'Pod' };
type Target = Parameters<typeof codec.decode>[0];

const json = (content: string): Body => ({ content: { bytes: Buffer.from(content) }, mediaType: 'application/json' });
const yaml = (content: string): Body => ({ content: { bytes: Buffer.from(content) }, mediaType: 'application/yaml' });

/** The codec needs a resource's group, version and kind only. */
const target = (kind: object): Target => kind as Target;

function decode(kind: object, body: Body, fieldValidation?: string) {
  const warnings: string[] = [];
  const object = codec.decode(target(kind), body, { fieldValidation, warn: (text) => warnings.push(text) });
  return { object, warnings };
}

/** What is stored for a body. */
function stored(kind: object, body: Body): unknown {
  return JSON.parse(codec.encode(target(kind), decode(kind, body).object).toString());
}

function failureOf(run: () => unknown): { code: number; message: string } {
  try {
    run();
  } catch (error) {
    return error as { code: number; message: string };
  }
  throw new Error('nothing was thrown');
}

const web = `
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  labels: {on: "yes", "1": b}
  creationTimestamp: null
spec:
  replicas: 2
  paused: off
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      hostNetwork: false
      automountServiceAccountToken: false
      containers:
      - name: web
        image: web:1
        command: []
        resources: {requests: {cpu: 0.1, memory: 1024Mi}, limits: {cpu: "1.50"}}
        ports: [{containerPort: 0x50, protocol: TCP}]
        livenessProbe: {httpGet: {port: http, path: /}}
        readinessProbe: {httpGet: {port: 80}}
      volumes:
      - name: config
        configMap: {name: c, defaultMode: 0644}
      - name: scratch
        emptyDir: {}
`;

describe('a manifest on its way to the store', () => {
  it('is held as Kubernetes holds it: canonical quantities, no empties, no nulls, structs always there', () => {
    expect(stored(deployment, yaml(web))).toEqual({
      kind: 'Deployment', apiVersion: 'apps/v1',
      metadata: { name: 'web', labels: { true: 'yes', 1: 'b' } },
      spec: {
        replicas: 2, selector: { matchLabels: { app: 'web' } }, strategy: {},
        template: {
          metadata: { labels: { app: 'web' } },
          spec: {
            automountServiceAccountToken: false,
            containers: [{
              name: 'web', image: 'web:1', resources: { requests: { cpu: '100m', memory: '1Gi' }, limits: { cpu: '1500m' } },
              ports: [{ containerPort: 80, protocol: 'TCP' }], livenessProbe: { httpGet: { port: 'http', path: '/' } }, readinessProbe: { httpGet: { port: 80 } },
            }],
            volumes: [{ name: 'config', configMap: { name: 'c', defaultMode: 420 } }, { name: 'scratch', emptyDir: {} }],
          },
        },
      },
      status: {},
    });
  });

  it('has one text, whatever the order it came in and however often it is read', () => {
    const first = codec.encode(target(deployment), decode(deployment, yaml(web)).object);
    const again = codec.encode(target(deployment), decode(deployment, json(first.toString())).object);
    expect(again.toString()).toBe(first.toString());
    const shuffled = '{"spec":{"template":{"spec":{"containers":[]}},"selector":{}},"metadata":{"name":"a","labels":{"b":"1","a":"2"}}}';
    expect(codec.encode(target(deployment), decode(deployment, json(shuffled)).object).toString()).toBe(
      '{"kind":"Deployment","apiVersion":"apps/v1","metadata":{"labels":{"a":"2","b":"1"},"name":"a"},'
      + '"spec":{"selector":{},"strategy":{},"template":{"metadata":{},"spec":{"containers":[]}}},"status":{}}');
  });

  it('decodes to the same object that its stored form has', () => {
    const { object } = decode(deployment, yaml(web));
    expect(decode(deployment, json(codec.encode(target(deployment), object).toString())).object).toEqual(object);
  });

  it('never stores its own resourceVersion', () => {
    expect(stored(pod, json('{"metadata":{"name":"a","resourceVersion":"7"}}'))).toMatchObject({ metadata: { name: 'a' } });
    expect(codec.encode(target(pod), { metadata: { name: 'a', resourceVersion: '7' } }).toString()).not.toContain('resourceVersion');
  });

  it('treats __proto__ as a key like any other', () => {
    const { object } = decode({ group: '', version: 'v1', kind: 'ConfigMap' }, json('{"data":{"__proto__":"x"},"__proto__":{"y":1}}'));
    expect(JSON.stringify(Reflect.get(object, 'data'))).toBe('{"__proto__":"x"}');
    expect(Object.getPrototypeOf(object)).toBe(Object.prototype);
  });

  it('keeps what a secret holds, base64 checked', () => {
    const secret = { group: '', version: 'v1', kind: 'Secret' };
    expect(stored(secret, json(String.raw`{"data":{"a":"aGVs\nbG8="},"stringData":{"b":"c"}}`))).toMatchObject({ data: { a: 'aGVsbG8=' }, stringData: { b: 'c' } });
    expect(failureOf(() => decode(secret, json('{"data":{"a":"a"}}'))).message).toContain('illegal base64 data at input byte 0');
  });

  it('brings times to UTC seconds or microseconds', () => {
    const lease = { group: 'coordination.k8s.io', version: 'v1', kind: 'Lease' };
    expect(stored(lease, json('{"metadata":{"creationTimestamp":"2026-01-02T03:04:05.9+02:00"},"spec":{"renewTime":"2026-01-02T03:04:05.123Z"}}')))
      .toMatchObject({ metadata: { creationTimestamp: '2026-01-02T01:04:05Z' }, spec: { renewTime: '2026-01-02T03:04:05.123000Z' } });
  });

  it('shares nothing with a value that came without bytes', () => {
    const value = { metadata: { name: 'a', annotations: { x: '1' } }, spec: { containers: [{ name: 'c' }] } };
    const object = codec.decode(target(pod), { content: { value }, mediaType: 'application/json' }, { fieldValidation: undefined, warn: () => undefined });
    expect(object.metadata?.annotations).toEqual({ x: '1' });
    expect(object.metadata?.annotations).not.toBe(value.metadata.annotations);
  });
});

describe('fields that the schema does not have', () => {
  const body = json('{"spec":{"replicas":1,"foo":1,"template":{"spec":{"containers":[{"name":"a","bar":null}]}}},"metadata":{"labels":{"a":"1","a":"2"}}}');
  const problems = ['unknown field "spec.foo"', 'unknown field "spec.template.spec.containers[0].bar"', 'duplicate field "metadata.labels.a"'];

  it('are told of in the order of the body, a repeated one as both', () => {
    const { warnings } = decode(deployment, json('{"spec":{"replicas":1,"replicas":2,"foo":1,"foo":2},"metadata":{"bar":1}}'));
    expect(warnings).toEqual(['duplicate field "spec.replicas"', 'unknown field "spec.foo"', 'duplicate field "spec.foo"', 'unknown field "metadata.bar"']);
  });

  it('are dropped with a warning each', () => {
    expect(decode(deployment, body).warnings).toEqual(problems);
    expect(JSON.stringify(decode(deployment, body).object)).not.toContain('foo');
  });

  it('are dropped in silence on request', () => {
    expect(decode(deployment, body, 'Ignore').warnings).toEqual([]);
  });

  it('are refused on request, all at once', () => {
    expect(failureOf(() => decode(deployment, body, 'Strict'))).toMatchObject({
      code: 400, message: `Deployment in version "v1" cannot be handled as a Deployment: strict decoding error: ${problems.join(', ')}`,
    });
  });

  it('are refused in what a patch made, as a fault of the patch', () => {
    const { code, message } = failureOf(() => codec.check(target(deployment), { spec: { foo: 1 } }, { fieldValidation: 'Strict', warn: () => undefined }));
    expect(code).toBe(422);
    expect(message).toBe(String.raw` "" is invalid: patch: Invalid value: "{\"spec\":{\"foo\":1}}": strict decoding error: unknown field "spec.foo"`);
  });

  it('are found in YAML too', () => {
    expect(decode(deployment, yaml('spec:\n  replicas: 1\n  replicas: 2\n')).warnings).toEqual(['yaml: unmarshal errors:\n  line 3: key "replicas" already set in map']);
  });

  it('can only be handled in the three known ways', () => {
    expect(failureOf(() => decode(deployment, body, 'Maybe'))).toMatchObject({ code: 422 });
  });
});

describe('a body that is refused', () => {
  const handled = 'Deployment in version "v1" cannot be handled as a Deployment: ';
  it.each([
    ['text for a number', '{"spec":{"replicas":"3"}}', `${handled}json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32`],
    ['a fraction', '{"spec":{"replicas":1.5}}', `${handled}json: cannot unmarshal number 1.5 into Go struct field DeploymentSpec.spec.replicas of type int32`],
    ['too large a number', '{"spec":{"replicas":2147483648}}', `${handled}json: cannot unmarshal number 2147483648 into Go struct field DeploymentSpec.spec.replicas of type int32`],
    ['a boolean for text, deep inside', '{"spec":{"template":{"spec":{"containers":[{"env":[{"value":true}]}]}}}}', `${handled}json: cannot unmarshal bool into Go struct field EnvVar.spec.template.spec.containers.env.value of type string`],
    ['an object for a list', '{"spec":{"template":{"spec":{"containers":{}}}}}', `${handled}json: cannot unmarshal object into Go struct field PodSpec.spec.template.spec.containers of type []v1.Container`],
    ['a number as a label', '{"metadata":{"labels":{"a":1}}}', `${handled}json: cannot unmarshal number into Go struct field ObjectMeta.metadata.labels of type string`],
    ['a quantity that is none', '{"spec":{"template":{"spec":{"containers":[{"resources":{"limits":{"cpu":"lots"}}}]}}}}', `${handled}quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'`],
    ['a day that is none', '{"metadata":{"creationTimestamp":"2026-02-30T00:00:00Z"}}', `${handled}parsing time "2026-02-30T00:00:00Z": day out of range`],
    ['a time that is none', '{"metadata":{"creationTimestamp":"now"}}', `${handled}parsing time "now" as "2006-01-02T15:04:05Z07:00": cannot parse "now" as "2006"`],
    ['another kind', '{"kind":"Pod","apiVersion":"v1"}', 'Pod in version "v1" cannot be handled as a Deployment: converting (v1.Pod) to (apps.Deployment): unknown conversion'],
    ['a kind that is none', '{"kind":"Boat","apiVersion":"v1"}', 'Boat in version "v1" cannot be handled as a Deployment: no kind "Boat" is registered for version "v1" in scheme "pkg/api/legacyscheme/scheme.go:30"'],
    ['a list', '[1]', String.raw`the object provided is unrecognized (must be of type Deployment): couldn't get version/kind; json parse error: json: cannot unmarshal array into Go value of type struct { APIVersion string "json:\"apiVersion,omitempty\""; Kind string "json:\"kind,omitempty\"" } (5b315d)`],
    ['half of a body', '{"metadata":', `the object provided is unrecognized (must be of type Deployment): couldn't get version/kind; json parse error: unexpected end of JSON input ({"metadata":)`],
    ['no JSON', '{"a":x}', `the object provided is unrecognized (must be of type Deployment): couldn't get version/kind; json parse error: invalid character 'x' looking for beginning of value ({"a":x})`],
    ['nesting without end', '['.repeat(1001), `the object provided is unrecognized (must be of type Deployment): couldn't get version/kind; json parse error: exceeded max depth (${'5b'.repeat(30)} ...)`],
  ])('%s', (_name, body, message) => {
    expect(failureOf(() => decode(deployment, json(body)))).toMatchObject({ code: 400, message });
  });

  it('bytes that are no UTF-8', () => {
    const body: Body = { content: { bytes: Buffer.from([0x22, 0xff, 0x22]) }, mediaType: 'application/json' };
    expect(failureOf(() => decode(deployment, body)).message).toContain('invalid UTF-8');
  });

  it('a version of the kind that was not asked for', () => {
    expect(failureOf(() => decode({ group: 'autoscaling', version: 'v1', kind: 'HorizontalPodAutoscaler' }, json('{"kind":"HorizontalPodAutoscaler","apiVersion":"autoscaling/v2"}'))).message)
      .toBe('the API version in the data (autoscaling/v2) does not match the expected API version (autoscaling/v1)');
  });
});

describe('YAML', () => {
  it.each([
    ['on', true], ['yes', true], ['off', false], ['0755', 493], ['0o755', 493], ['08', 8], ['0x1F', 31], ['1_000', 1000], ['2026-01-02', '2026-01-02'], ['12:30', '12:30'], ['190:20:30.15', '190:20:30.15'], ['~', null], ['"on"', 'on'], ['1.5', 1.5],
  ])('%s is read as kubectl reads it', (text, value) => {
    expect(codec.parse(yaml(`a: ${text}`))).toEqual({ a: value });
  });

  it('bombs are refused', () => {
    const lines = ['a0: &a0 [x]', ...Array.from({ length: 20 }, (_, i) => `a${i + 1}: &a${i + 1} [*a${i}, *a${i}, *a${i}]`)];
    expect(failureOf(() => codec.parse(yaml(lines.join('\n'))))).toMatchObject({ code: 400 });
  });
});

const readPod = (object: object) => decode(pod, json(JSON.stringify(object)), 'Ignore').object;

describe('an object that is too large', () => {
  it('is refused only when it takes more than a store does', () => {
    fc.assert(fc.property(fc.integer({ min: 1, max: 200_000 }), fc.constantFrom<object>({}, { name: 'x' }, { name: 'x', value: 'yyy' }), (count, item) => {
      const object = { metadata: { name: 'p' }, spec: { containers: [{ name: 'c', env: Array.from({ length: count }, () => item) }] } };
      try {
        readPod(object);
      } catch (error) {
        expect(error).toMatchObject({ code: 413 });
        const sizeOf = (items: number) => codec.encode(target(pod), readPod({ ...object, spec: { containers: [{ name: 'c', env: Array.from({ length: items }, () => item) }] } })).length;
        expect(sizeOf(1) + (sizeOf(2) - sizeOf(1)) * (count - 1)).toBeGreaterThan(1.5 * 1024 * 1024);
      }
    }), { numRuns: 20 });
  });

  it('may be as large as it likes in fields that nobody knows', () => {
    expect(() => readPod({ metadata: { name: 'p' }, unknown: 'x'.repeat(2 ** 21) })).not.toThrow();
  });
});
