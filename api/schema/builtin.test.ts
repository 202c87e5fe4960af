import { describe, expect, it } from 'vitest';
import { kinds } from '../../generated/schema.js';
import type { ObjectSchema, Schema } from '../../machinery/schema.ts';
import { resources } from '../resources/all.ts';
import { definitionOf, isBuiltin, schemaOf } from './builtin.ts';

describe('the generated schema', () => {
  it('has every kind that the server serves, and its list', () => {
    for (const resource of resources) {
      expect(isBuiltin(resource), resource.kind).toBe(true);
      if (resource.stored) expect(isBuiltin({ ...resource, kind: resource.listKind }), resource.listKind).toBe(true);
    }
  });

  it('is complete: every kind and all that it is made of can be walked', () => {
    const seen = new Set<ObjectSchema>();
    const visit = (schema: Schema): void => {
      if (schema.type === 'list') visit(schema.items);
      else if (schema.type === 'map') visit(schema.values);
      else if (schema.type === 'object' && !seen.has(schema)) {
        seen.add(schema);
        for (const field of Object.values(schema.fields)) visit(field.schema);
      }
    };
    for (const name of Object.values(kinds)) visit(definitionOf(name) ?? { type: 'any' });
    expect(seen.size).toBeGreaterThan(500);
  });

  it('knows what the client library leaves out', () => {
    const fields = definitionOf('io.k8s.api.core.v1.PodSpec')?.fields ?? {};
    expect(fields['containers']).toMatchObject({ required: true, patchStrategy: ['merge'], patchMergeKey: 'name', schema: { type: 'list', listType: 'map', mapKeys: ['name'] } });
    expect(fields['volumes']?.patchStrategy).toEqual(['merge', 'retainKeys']);
    expect(fields['restartPolicy']?.enum).toEqual(['Always', 'Never', 'OnFailure']);
    expect(definitionOf('io.k8s.api.core.v1.ResourceRequirements')?.fields['limits']?.schema).toEqual({ type: 'map', values: { type: 'quantity' } });
    expect(definitionOf('io.k8s.api.core.v1.ContainerPort')?.fields['containerPort']?.schema).toEqual({ type: 'int32' });
    expect(definitionOf('io.k8s.api.core.v1.Secret')?.fields['data']?.schema).toEqual({ type: 'map', values: { type: 'bytes' } });
  });

  it('gives one schema for one definition', () => {
    expect(schemaOf({ group: 'apps', version: 'v1', kind: 'Deployment' })).toBe(definitionOf('io.k8s.api.apps.v1.Deployment'));
  });

  it('says which kind is missing, and where to add it', () => {
    expect(() => schemaOf({ group: 'example.com', version: 'v1', kind: 'Boat' })).toThrow('example.com/v1/Boat: add it to setup/tables/definitions.mjs');
    expect(definitionOf('__proto__')).toBeUndefined();
  });
});
