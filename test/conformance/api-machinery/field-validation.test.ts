import { describe, expect, it } from 'vitest';
import { useCluster } from '../cluster.ts';
import { define, type Defined } from '../definitions.ts';
import { call, type Answer } from '../raw.ts';

const cluster = useCluster('field-validation');
const strictly = 'fieldManager=field_validation_mgr&fieldValidation=Strict';

/** JSON text, since no object has a field twice. */
const deployment = (metadata: string, spec: string): string => `{
  "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": "my-dep", ${metadata} "labels": { "app": "nginx" } },
  "spec": {
    ${spec} "selector": { "matchLabels": { "app": "nginx" } },
    "template": { "metadata": { "labels": { "app": "nginx" } }, "spec": { "containers": [{ "name": "nginx", "image": "nginx:latest" }] } }
  }
}`;

const ports = {
  type: 'array', 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['containerPort', 'protocol'],
  items: {
    type: 'object', required: ['containerPort', 'protocol'],
    properties: { containerPort: { type: 'integer', format: 'int32' }, hostIP: { type: 'string' }, hostPort: { type: 'integer', format: 'int32' }, name: { type: 'string' }, protocol: { type: 'string' } },
  },
};

const schemaOf = (spec: object, more: object = {}) => ({
  openAPIV3Schema: { type: 'object', properties: { spec: {
    type: 'object', ...more, properties: { foo: { type: 'string' }, cronSpec: { type: 'string', pattern: String.raw`^(\d+|\*)(/\d+)?(\s+(\d+|\*)(/\d+)?){4}$` }, ports, ...spec },
  } } },
});

/** Two versions under one schema, of cluster scope. */
const defineWith = (schema?: object) => define(cluster.client, {
  scope: 'Cluster', versions: [{ name: 'v1beta1', ...schema === undefined ? {} : { schema } }, { name: 'v1beta2', storage: false, ...schema === undefined ? {} : { schema } }],
});

/** Server-side apply, strictly, of an object in YAML: `top` and `spec` are lines of it. */
function apply(defined: Defined, { metadata = '', top = '', spec = '  foo: foo1\n' }: { readonly metadata?: string; readonly top?: string; readonly spec?: string } = {}): Promise<Answer> {
  const { group, plural, kind } = defined.as('v1beta1');
  const body = `
apiVersion: ${group}/v1beta1
kind: ${kind}
metadata:
  name: mytest
${metadata}${top}spec:
${spec}  cronSpec: "* * * * */5"
  ports:
  - name: x
    containerPort: 80
    protocol: TCP`;
  return call('PATCH', `/apis/${group}/v1beta1/${plural}/mytest?${strictly}`, { headers: { 'content-type': 'application/apply-patch+yaml' }, body });
}

/** `spec.template` with lines of its metadata. */
const embedded = (more: string) => `  template:\n    apiVersion: foo/v1\n    kind: Sub\n    metadata:\n${more}      name: subobject\n  foo: foo1\n`;

describe('[sig-api-machinery]', () => {
  it('FieldValidation should detect unknown and duplicate fields of a typed object', async () => {
    const body = deployment('', '"unknownField": "foo", "replicas": 2, "replicas": 3,');
    const { code, text } = await call('POST', `/apis/apps/v1/namespaces/${cluster.namespace}/deployments?${strictly}`, { body });
    expect(code).toBe(400);
    expect(text).toContain(String.raw`strict decoding error: unknown field \"spec.unknownField\", duplicate field \"spec.replicas\"`);
  });

  it('FieldValidation should detect unknown metadata fields of a typed object', async () => {
    const body = deployment('"unknownMeta": "foo",', '');
    const { code, text } = await call('POST', `/apis/apps/v1/namespaces/${cluster.namespace}/deployments?${strictly}`, { body });
    expect(code).toBe(400);
    expect(text).toContain(String.raw`strict decoding error: unknown field \"metadata.unknownMeta\"`);
  });

  it('FieldValidation should create/apply a valid CR for CRD with validation schema', async () => {
    await using defined = await defineWith(schemaOf({}));
    const { code, body } = await apply(defined);
    expect(code).toBe(201);
    expect(body).toMatchObject({ spec: { foo: 'foo1', ports: [{ name: 'x', containerPort: 80, protocol: 'TCP' }] } });
  });

  it('FieldValidation should create/apply a CR with unknown fields for CRD with no validation schema', async () => {
    await using defined = await defineWith();
    const { code, body } = await apply(defined, { spec: '  unknown: uk1\n' });
    expect(code).toBe(201);
    expect(body).toMatchObject({ spec: { unknown: 'uk1' } });
  });

  it('FieldValidation should create/apply an invalid CR with extra properties for CRD with validation schema', async () => {
    await using defined = await defineWith(schemaOf({}));
    const { code, text } = await apply(defined, { top: 'unknownField: unknown\n' });
    expect(code).toBeGreaterThanOrEqual(400);
    expect(text).toContain('.unknownField: field not declared in schema');
  });

  it('FieldValidation should detect unknown metadata fields in both the root and embedded object of a CR', async () => {
    const template = { type: 'object', 'x-kubernetes-embedded-resource': true, properties: { metadata: { type: 'object', properties: { name: { type: 'string' } } }, spec: { type: 'object' } } };
    await using defined = await defineWith(schemaOf({ template }, { 'x-kubernetes-preserve-unknown-fields': true }));
    const root = await apply(defined, { metadata: '  unknownMeta: unknown\n', spec: embedded('') });
    expect(root.code).toBeGreaterThanOrEqual(400);
    expect(root.text).toContain('.metadata.unknownMeta: field not declared in schema');
    const inside = await apply(defined, { spec: embedded('      unknownSubMeta: unknown\n') });
    expect(inside.code).toBeGreaterThanOrEqual(400);
    expect(inside.text).toMatch(/spec\.template\.metadata\.unknownSubMeta/);
    expect((await apply(defined, { spec: embedded('') })).code).toBe(201);
  });

  it('FieldValidation should detect duplicates in a CR when preserving unknown fields', async () => {
    await using defined = await defineWith(schemaOf({}, { 'x-kubernetes-preserve-unknown-fields': true }));
    const { code, text } = await apply(defined, { spec: '  unknown: uk1\n  foo: foo1\n  foo: foo2\n' });
    expect(code).toBeGreaterThanOrEqual(400);
    expect(text).toContain(String.raw`line 9: key \"foo\" already set in map`);
  });
});
