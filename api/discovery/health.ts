/** One thing that must hold for the server to be healthy. */
export interface HealthCheck {
  readonly name: string;
  /** Undefined: well; else what is wrong. */
  readonly problem: () => string | undefined | Promise<string | undefined>;
  /** Does it count for `/livez`? `/readyz` and `/healthz` count all. */
  readonly live: boolean;
}

export interface HealthAnswer {
  readonly code: 200 | 500 | 404;
  readonly text: string;
}

/**
 * Answers `/livez`, `/readyz`, `/healthz`, and `/<one of them>/<check>`. `exclude` names checks to leave out.
 * Source: "Kubernetes API health endpoints".
 */
export async function health(
  path: string, checks: readonly HealthCheck[], { verbose, exclude }: { readonly verbose: boolean; readonly exclude: readonly string[] },
): Promise<HealthAnswer> {
  const [endpoint = '', only] = path.split('/').filter((part) => part !== '');
  const due = checks.filter(({ name, live }) => (endpoint !== 'livez' || live) && (only === undefined || name === only) && !exclude.includes(name));
  if (only !== undefined && due.length === 0) return { code: 404, text: '404 page not found\n' };
  const lines: string[] = [];
  let failed = false;
  for (const { name, problem } of due) {
    const found = await problem();
    failed ||= found !== undefined;
    lines.push(found === undefined ? `[+]${name} ok` : `[-]${name} failed: reason withheld`);
  }
  if (failed) return { code: 500, text: `${lines.join('\n')}\n${endpoint} check failed\n` };
  return { code: 200, text: verbose ? `${lines.join('\n')}\n${endpoint} check passed\n` : 'ok' };
}
