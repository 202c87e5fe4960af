import { join } from 'node:path';
import { parse } from 'yaml';
import { patience } from '../patience.ts';
import { inTerminal, outcome, run, start, type Outcome, type StartOptions, type Started } from './command.ts';

const program = join(import.meta.dirname, '../../generated/bin/kubectl');

/** What a template holds: its text is split at spaces, its values are kept whole. */
type Words<R> = (text: TemplateStringsArray, ...values: readonly string[]) => R;

/** Real kubectl against one cluster: kubectl`get pods -l app=${app}` */
export interface Kubectl extends Words<Promise<string>> {
  /** Whatever its exit code. */
  readonly outcome: Words<Promise<Outcome>>;
  /** Its standard error when it fails; rejects when it succeeds. */
  readonly refused: Words<Promise<string>>;
  /** Goes on running; for watches, `logs -f`, `exec -i`. */
  readonly start: Words<Started>;
  /** The same in a real terminal. */
  readonly terminal: Words<Started>;
  /** Its standard output, parsed: for `-o json` and `-o yaml`. */
  readonly object: <T>(text: TemplateStringsArray, ...values: readonly string[]) => Promise<T>;
  /** `kubectl apply -f -` */
  readonly apply: (...objects: readonly object[]) => Promise<string>;
  /** The same kubectl with a namespace, input or environment. */
  readonly with: (more: KubectlOptions) => Kubectl;
}

export interface KubectlOptions extends Pick<StartOptions, 'env' | 'input'> {
  readonly namespace?: string;
  readonly deadlineMs?: number;
}

export interface KubectlAccess {
  /** Say which cluster and who asks: `--kubeconfig=…`. */
  readonly flags: readonly string[];
  /** Where it keeps what it has discovered. */
  readonly cacheDir: string;
  /** What starts it, when not this process: `nsenter --net=…`. */
  readonly through?: readonly string[];
}

export function createKubectl(access: KubectlAccess, options: KubectlOptions = {}): Kubectl {
  const { flags, cacheDir, through = [] } = access;
  const { namespace, ...started } = options;
  const settings = { ...started, env: { KUBECACHEDIR: cacheDir, ...options.env } };
  const commandLine = (text: TemplateStringsArray, values: readonly string[]): readonly [string, readonly string[]] => {
    const [first = program, ...rest] = [...through, program, ...flags, ...(namespace === undefined ? [] : ['-n', namespace]), ...split(text, values)];
    return [first, rest];
  };
  const self: Words<Promise<string>> = (text, ...values) => run(...commandLine(text, values), settings);
  const other = (more: KubectlOptions): Kubectl => createKubectl(access, { ...options, ...more });
  return Object.assign(self, {
    outcome: ((text, ...values) => outcome(...commandLine(text, values), settings)) satisfies Kubectl['outcome'],
    refused: (async (text, ...values) => {
      const { code, stdout, stderr } = await outcome(...commandLine(text, values), settings);
      if (code === 0) throw new Error(`kubectl ${split(text, values).join(' ')} should have failed, but printed:\n${stdout}${stderr}`);
      return stderr;
    }) satisfies Kubectl['refused'],
    start: ((text, ...values) => start(...commandLine(text, values), { interactive: options.input === undefined, ...settings })) satisfies Kubectl['start'],
    terminal: ((text, ...values) => start(...inTerminal(...commandLine(text, values)), { interactive: true, ...settings })) satisfies Kubectl['terminal'],
    object: async <T>(text: TemplateStringsArray, ...values: readonly string[]) => parse(await self(text, ...values)) as T,
    apply: (...objects: readonly object[]) => other({ input: list(objects) })`apply -f -`,
    with: other,
  });
}

/** Several objects as one input. */
export function list(objects: readonly object[]): string {
  return JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects });
}

/** Splits a template at the spaces of its text; stretches `--timeout=30s`. */
function split(text: TemplateStringsArray, values: readonly string[]): string[] {
  const words = [''];
  for (const [index, part] of text.entries()) {
    const [first = '', ...rest] = part.split(/\s+/);
    words.push(`${words.pop() ?? ''}${first}`, ...rest);
    words.push(`${words.pop() ?? ''}${values[index] ?? ''}`);
  }
  return words.filter((word) => word !== '').map((word) => word.replace(/^--timeout=(\d+)s$/, (_all, seconds: string) => `--timeout=${Number(seconds) * patience}s`));
}
