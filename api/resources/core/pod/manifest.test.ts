import { describe, expect, it } from 'vitest';
import { completePod, decodePod } from './manifest.ts';

let warnings: string[] = [];
const read = (text: string): unknown => decodePod(Buffer.from(text), (warning) => void warnings.push(warning));

describe('a pod in a file', () => {
  it.each([
    ['in YAML', 'apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec:\n  containers: [{name: c, image: x:1}]\n'],
    ['in JSON', '{"apiVersion":"v1","kind":"Pod","metadata":{"name":"web"},"spec":{"containers":[{"name":"c","image":"x:1"}]}}'],
  ])('is read as a server reads it: %s', (_name, text) => {
    expect(read(text)).toMatchObject({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'web' }, spec: { containers: [{ name: 'c', image: 'x:1' }] } });
  });

  it('may say what no pod has, which is told', () => {
    warnings = [];
    expect(read('{"kind":"Pod","spec":{"containers":[],"contaners":[]}}')).toMatchObject({ spec: { containers: [] } });
    expect(warnings).toEqual(['unknown field "spec.contaners"']);
  });

  it.each([
    ['apiVersion: v1\nkind: Pod\nspec: {containers: [{name: c}]}\n---\nkind: Pod\n', ['more than one document: the first one counts, each pod is in a file of its own']],
    ['---\nkind: Pod\nspec: {containers: []}\n---\n# the end\n', []],
    ['# a pod\nkind: Pod\nspec: {containers: []}\n...\n', []],
  ])('is the first of its documents: %j', (text, told) => {
    warnings = [];
    expect(read(text)).toMatchObject({ kind: 'Pod' });
    expect(warnings).toEqual(told);
  });

  it.each(['kind: Pod', 'kind: Pod\nspec: {container: []}', 'kind: Pod\nspec: {containers: null}'])('has a list of containers: %j', (text) => {
    expect(read(text)).toMatchObject({ spec: { containers: [] } });
  });

  it.each([
    ['no YAML', 'kind: [Pod', /error converting YAML to JSON/],
    ['another kind', 'apiVersion: apps/v1\nkind: Deployment', /Deployment/],
    ['a list', 'apiVersion: v1\nkind: List\nitems: []', /List/],
    ['a number for a name', 'kind: Pod\nmetadata: {name: 1}', /cannot unmarshal number/],
  ])('is not read of %s', (_name, text, message) => {
    expect(() => read(text)).toThrow(message);
  });

  it('is completed with the defaults of what it leaves out', () => {
    const pod = completePod({ metadata: { name: 'web', namespace: 'default' }, spec: { nodeName: 'n', containers: [{ name: 'c', image: 'x:1' }] } });
    expect(pod).toMatchObject({ spec: { restartPolicy: 'Always', dnsPolicy: 'ClusterFirst', terminationGracePeriodSeconds: 30, containers: [{ imagePullPolicy: 'IfNotPresent' }] }, status: { phase: 'Pending', qosClass: 'BestEffort' } });
  });

  it('is refused as a server would refuse it', () => {
    expect(() => completePod({ metadata: { name: 'Web', namespace: 'default' }, spec: { containers: [] } })).toThrow(/Pod "Web" is invalid: .*metadata.name: Invalid value: "Web".*spec.containers: Required value/);
  });

  it.each(['../../etc', 'A', 'a.b'])('is in no namespace %j', (namespace) => {
    expect(() => completePod({ metadata: { name: 'web', namespace }, spec: { containers: [{ name: 'c', image: 'x:1' }] } })).toThrow(`metadata.namespace: Invalid value: "${namespace}"`);
  });
});
