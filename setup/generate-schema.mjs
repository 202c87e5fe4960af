/**
 * Writes `generated/schema.js` and `generated/descriptions.js`: the typed schema of every built-in kind. Types, `required` and
 * descriptions are read from @kubernetes/client-node's generated models; what these leave out is in `tables/`. Plain Node 20.
 *
 * Each definition is JSON text in a module's string, so that a server parses only those that it meets.
 */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { packages } from './tables/definitions.mjs';
import { coreTraits } from './tables/core-traits.mjs';
import { groupTraits } from './tables/group-traits.mjs';

const modelsDirectory = 'node_modules/@kubernetes/client-node/dist/gen/models';

/** Definition name → name of its model's class: `V1Pod`, or `CoreV1Event` where two groups have a kind of that name. */
function modelNames(directory) {
  const names = new Map();
  for (const { name: home, definitions } of packages) {
    const [group, version] = home.split('.').slice(-2);
    for (const definition of words(definitions)) {
      const short = home.endsWith('.pkg.version') ? `Version${definition}` : `${capital(version)}${definition}`;
      const candidates = [`${capital(group)}${short}`, short];
      const model = candidates.find((name) => existsSync(join(directory, `${name}.js`)));
      if (model === undefined) throw new Error(`the client library has no model of ${home}.${definition}`);
      names.set(`${home}.${definition}`, model);
    }
  }
  return names;
}

const words = (text = '') => text.split(' ').filter((word) => word !== '');
const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);

/** A model's fields, and what its declaration says of them. */
function readModel(directory, name) {
  const code = readFileSync(join(directory, `${name}.js`), 'utf8');
  const map = /\.attributeTypeMap = (\[[\s\S]*?\n?\]);/.exec(code);
  if (map === null) throw new Error(`the model ${name} has no attributeTypeMap`);
  const declaration = readFileSync(join(directory, `${name}.d.ts`), 'utf8');
  const members = new Map();
  for (const [, comment, member, optional] of declaration.matchAll(/(?:\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\s*)?'([^']+)'(\??): /g)) {
    members.set(member, { description: commentText(comment), required: optional === '' });
  }
  const fields = JSON.parse(map[1]).map(({ name: member, baseName, type, format }) => ({ name: baseName, type, format, ...members.get(member) }));
  const own = /\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\s*export declare class/.exec(declaration);
  return { fields, description: commentText(own?.[1]) };
}

/** The text of a documentation comment, without its stars and escapes. */
function commentText(comment) {
  return (comment ?? '').split('\n').map((line) => line.replace(/^\s*\* ?/, '').trimEnd()).join('\n').trim()
    .replaceAll(/\\(['"\\])/g, '$1').replaceAll('*_/', '*/');
}

/** `PodSpec: 'containers=map(name)+merge(name) …'` → field → its traits. */
function parseTraits(text) {
  return new Map(words(text).map((part) => {
    const [field, traits] = part.split('=');
    return [field, traits.split('+').map((trait) => /^([\w-]+)(?:\((.*)\))?$/.exec(trait).slice(1))];
  }));
}

const scalars = {
  'string/': 'string', 'string/byte': 'bytes', 'boolean/': 'boolean', 'number/int32': 'int32', 'number/int64': 'int64', 'number/double': 'double',
  'Date/date-time': 'time', 'IntOrString/int-or-string': 'int-or-string', 'any/': 'any',
};

/** The type as `schema.ts` writes it: a scalar, a definition's name, `[T]`, `{T}`. `leaf` replaces the innermost one. */
function typeOf(type, format, leaf, definitionOf) {
  const list = /^Array<(.*)>$/.exec(type);
  if (list !== null) return `[${typeOf(list[1], format, leaf, definitionOf)}]`;
  const map = /^\{ \[key: string\]: (.*); \}$/.exec(type);
  if (map !== null) return `{${typeOf(map[1], format, leaf, definitionOf)}}`;
  if (leaf !== undefined) return leaf;
  if (type === 'V1MicroTime') return 'micro-time';
  const known = scalars[`${type}/${format}`] ?? definitionOf.get(type);
  if (known === undefined) throw new Error(`the type ${type} (${format}) is unknown`);
  return known;
}

const listTypes = ['atomic', 'granular', 'set', 'map'];
const strategies = ['merge', 'replace', 'retainKeys'];

/** One field as it is written out. */
function fieldOf(field, traits, definitionOf, fullName) {
  const given = new Map(traits);
  const leaf = given.has('quantity') ? 'quantity' : given.has('any') ? `any:${fullName(given.get('any'))}` : undefined;
  const type = typeOf(field.type, field.format, leaf, definitionOf);
  const written = { name: field.name, type };
  if (field.required) written.required = true;
  const shape = listTypes.find((name) => given.has(name));
  if (shape !== undefined) written[type.startsWith('[') || type === 'bytes' ? 'listType' : 'mapType'] = shape;
  if (shape === 'map') written.mapKeys = given.get('map').split(',');
  const patch = strategies.filter((name) => given.has(name));
  if (patch.length > 0) written.patchStrategy = patch;
  if (given.get('merge') !== undefined) written.patchMergeKey = given.get('merge');
  if (given.has('enum')) written.enum = given.get('enum').split('|');
  if (given.has('default')) written.default = given.get('default');
  const presence = ['always', 'nonzero', 'given'].find((name) => given.has(name));
  if (presence !== undefined) written.presence = presence;
  return written;
}

/** All definitions: what is written out of each, and its descriptions. */
function buildSchema(root) {
  const directory = join(root, modelsDirectory);
  const models = modelNames(directory);
  const definitionOf = new Map([...models].map(([definition, model]) => [model, definition]));
  const traitsOf = { ...coreTraits, ...groupTraits };
  const opaque = packages.flatMap(({ name, opaque: names }) => words(names).map((short) => [short, `${name}.${short}`]));
  const fullNames = new Map(opaque);
  const built = [];
  for (const { name: home, group, version, kinds, definitions } of packages) {
    for (const short of words(definitions)) {
      const model = readModel(directory, models.get(`${home}.${short}`));
      const traits = parseTraits(traitsOf[home]?.[short]);
      const fields = model.fields.map((field) => fieldOf(field, traits.get(field.name) ?? [], definitionOf, (opaqueName) => fullNames.get(opaqueName)));
      for (const name of traits.keys()) {
        if (name !== '*' && !fields.some((field) => field.name === name)) throw new Error(`tables: ${home}.${short} has no field ${name}`);
      }
      const names = new Set(fields.map((field) => field.name));
      const isKind = (names.has('apiVersion') && names.has('kind') && names.has('metadata')) || words(kinds).includes(short);
      const definition = {
        ...(isKind ? { kind: { group, version, kind: short } } : {}),
        ...(traits.has('*') ? { mapType: 'atomic' } : {}),
        fields,
      };
      const described = model.fields.filter((field) => field.description !== '').map((field) => [field.name, field.description]);
      built.push({ name: `${home}.${short}`, definition, descriptions: Object.fromEntries([['', model.description], ...described]) });
    }
  }
  return built;
}

function moduleOf(name, rows) {
  return `export const ${name} = {\n${rows.map(([key, value]) => `${JSON.stringify(key)}: ${JSON.stringify(JSON.stringify(value))},\n`).join('')}};\n`;
}

const declared = (name) => `export declare const ${name}: Readonly<Record<string, string>>;\n`;

function write(path, text) {
  writeFileSync(`${path}.part`, text);
  renameSync(`${path}.part`, path);
}

/** Writes the modules and their declarations below `root`/generated. */
export function generateSchema(root) {
  const built = buildSchema(root);
  const generated = join(root, 'generated');
  mkdirSync(generated, { recursive: true });
  const kinds = built.filter(({ definition }) => definition.kind !== undefined).map(({ name, definition: { kind } }) => [`${kind.group}/${kind.version}/${kind.kind}`, name]);
  const names = `/** \`group/version/Kind\` → definition. */\nexport const kinds = ${JSON.stringify(Object.fromEntries(kinds), undefined, 1)};\n`;
  write(join(generated, 'schema.js'), moduleOf('definitions', built.map(({ name, definition }) => [name, definition])) + names);
  write(join(generated, 'descriptions.js'), moduleOf('descriptions', built.map(({ name, descriptions }) => [name, descriptions])));
  write(join(generated, 'schema.d.ts'), declared('definitions') + declared('kinds'));
  write(join(generated, 'descriptions.d.ts'), declared('descriptions'));
}
