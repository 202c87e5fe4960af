import { performance } from 'node:perf_hooks';
import type { Connection } from './api-client.ts';

/** How long a CustomResourceDefinition takes until its kind can be used, and until clients can find it. */
export interface DefinitionTimes {
  /** Milliseconds from the request that creates the definition to the answer that accepts the first object. */
  readonly accepted: readonly number[];
  /** … to discovery that has its group and version. */
  readonly discovered: readonly number[];
  /** … to an OpenAPI 3 document that has it. */
  readonly documented: readonly number[];
}

export async function timeDefinitions(connection: Connection, rounds: number): Promise<DefinitionTimes> {
  const times = { accepted: [] as number[], discovered: [] as number[], documented: [] as number[] };
  for (let round = 0; round < rounds; round++) {
    for (const [what, isThere] of Object.entries(questions)) {
      const group = `${what}${round}.bench.example`;
      const start = performance.now();
      await expectCode(connection, 'POST', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', definition(group), 201);
      while (!(await isThere(connection, group)));
      times[what as keyof typeof times].push(performance.now() - start);
    }
  }
  return times;
}

const questions: Readonly<Record<keyof DefinitionTimes, (connection: Connection, group: string) => Promise<boolean>>> = {
  accepted: async (connection, group) => {
    const { code } = await connection.ask('POST', `/apis/${group}/v1/namespaces/default/things`, JSON.stringify({ apiVersion: `${group}/v1`, kind: 'Thing', metadata: { name: 'first' }, spec: { size: 1 } }));
    return code === 201;
  },
  discovered: async (connection, group) => (await connection.ask('GET', `/apis/${group}/v1`)).code === 200,
  documented: async (connection, group) => (await connection.ask('GET', `/openapi/v3/apis/${group}/v1`)).code === 200,
};

async function expectCode(connection: Connection, method: string, path: string, body: string, expected: number): Promise<void> {
  const { code, body: answer } = await connection.ask(method, path, body, true);
  if (code !== expected) throw new Error(`the server answered ${code}: ${answer.toString()}`);
}

function definition(group: string): string {
  const properties = Object.fromEntries(Array.from({ length: 40 }, (_, index) => [`field${index}`, { type: 'string', description: 'A field like others.', maxLength: 100 }]));
  return JSON.stringify({
    apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition', metadata: { name: `things.${group}` },
    spec: {
      group, scope: 'Namespaced', names: { plural: 'things', kind: 'Thing' },
      versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object', properties: { spec: { type: 'object', properties: { size: { type: 'integer' }, ...properties } } } } } }],
    },
  });
}
