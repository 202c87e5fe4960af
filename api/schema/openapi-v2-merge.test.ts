import { describe, expect, it } from 'vitest';
import { createPause } from './openapi-pieces.ts';
import { merged, partOf, type Maps } from './openapi-v2-merge.ts';

const to = (name: string) => ({ $ref: `#/definitions/${name}` });
const maps = ({ paths = {}, definitions = {}, parameters = {} }: Partial<Record<keyof Maps, object>>): Maps => (
  { paths: new Map(Object.entries(paths)), definitions: new Map(Object.entries(definitions)), parameters: new Map(Object.entries(parameters)) }
);
const kind = (name: string) => ({ 'x-kubernetes-group-version-kind': [{ group: 'g', version: 'v1', kind: name }] });

describe('a part of another server\'s document', () => {
  it('is about the paths of one version, with all that they refer to', () => {
    const document = {
      paths: { '/apis/g/v1/things': { get: { schema: to('Thing'), parameters: [{ $ref: '#/parameters/pretty' }] } }, '/apis/g/v10/things': { get: { schema: to('Other') } }, '/apis/g/': {} },
      definitions: { Thing: { properties: { list: { items: to('Inner') }, again: to('Thing') } }, Inner: { type: 'object' }, Other: {} },
      parameters: { pretty: { name: 'pretty' }, other: {} },
    };
    const { paths, definitions, parameters } = document;
    expect(partOf(maps(document), '/apis/g/v1/')).toEqual(maps({
      paths: { '/apis/g/v1/things': paths['/apis/g/v1/things'] }, definitions: { Thing: definitions.Thing, Inner: definitions.Inner }, parameters: { pretty: parameters.pretty },
    }));
  });

  it('may refer to what is not there', () => {
    expect(partOf(maps({ paths: { '/apis/g/v1/a': to('None') } }), '/apis/g/v1/').definitions.size).toBe(0);
  });
});

describe('documents in one', () => {
  it('share what is the same, and are told apart where it is not', async () => {
    const own = maps({ paths: { '/a': 1 }, definitions: { Same: { type: 'object' }, Differs: { type: 'object' }, Differs_v2: { type: 'number' } }, parameters: { p: { name: 'p' } } });
    const part = maps({
      paths: { '/a': 2, '/b': { get: to('Differs'), parameters: [{ $ref: '#/parameters/p' }] } },
      definitions: { Same: { type: 'object' }, Differs: { type: 'string' }, New: { items: to('Differs') } }, parameters: { p: { name: 'q' } },
    });
    expect(await merged(own, [part], createPause())).toEqual(maps({
      paths: { '/a': 1, '/b': { get: to('Differs_v3'), parameters: [{ $ref: '#/parameters/p_v2' }] } },
      definitions: { Same: { type: 'object' }, Differs: { type: 'object' }, Differs_v2: { type: 'number' }, Differs_v3: { type: 'string' }, New: { items: to('Differs_v3') } },
      parameters: { p: { name: 'p' }, p_v2: { name: 'q' } },
    }));
    expect(own.definitions.size).toBe(3);
  });

  it('say of a shared definition all the kinds that it is served as', async () => {
    const definition = (...kinds: readonly string[]) => ({ definitions: { Options: { type: 'object', 'x-kubernetes-group-version-kind': kinds.flatMap((name) => kind(name)['x-kubernetes-group-version-kind']) } } });
    expect(await merged(maps(definition('A', 'B')), [maps(definition('B', 'C'))], createPause())).toEqual(maps(definition('A', 'B', 'C')));
  });

  it('give no definition the name of another of the same document', async () => {
    const part = maps({ paths: { '/b': [to('A'), to('A_v2')] }, definitions: { A: { type: 'string' }, A_v2: { type: 'number' } } });
    expect(await merged(maps({ definitions: { A: { type: 'object' } } }), [part], createPause())).toEqual(maps({
      paths: { '/b': [to('A_v3'), to('A_v2')] }, definitions: { A: { type: 'object' }, A_v3: { type: 'string' }, A_v2: { type: 'number' } },
    }));
  });

  it('are looked at once for each definition, however many names are taken, and give others their turn', async () => {
    let reads = 0;
    const large = {
      get type() {
        reads += 1;
        return 'object';
      },
    };
    const taken = Object.fromEntries(Array.from({ length: 500 }, (_, index) => [index === 0 ? 'A' : `A_v${index + 1}`, { type: `t${index}` }]));
    let pauses = 0;
    const { definitions } = await merged(maps({ definitions: taken }), [maps({ definitions: { A: large } })], async () => { pauses += 1; });
    expect([definitions.has('A_v501'), reads < 5, pauses > 500]).toEqual([true, true, true]);
  });
});
