import { join, resolve } from 'node:path';
import { httpsTransport, type HttpsTransport } from '../../client/https.ts';
import { readKubeconfig } from '../../client/kubeconfig.ts';
import { createClient } from '../../client/client.ts';
import { Node } from '../../machinery/kinds/core.ts';
import { messageOf } from '../../machinery/thrown.ts';
import { matchesQuery, parseQuery, type PackageQuery } from '../../node-agent/images/packages/query.ts';
import type { ContainerPackages, PackageAnswer } from '../../node-agent/streaming/packages.ts';
import { CommandFailure } from '../failure.ts';
import type { Invocation } from '../terminal.ts';
import { aligned, wholeId, withImages, type ImageCommandOptions } from './image.ts';

export async function listPackages({ terminal }: Invocation, reference: string, options: ImageCommandOptions): Promise<void> {
  await withImages(options, async (images) => {
    const image = await images.resolve(wholeId((await images.list()).map(({ id }) => id), reference));
    if (image === undefined) throw new CommandFailure(`image "${reference}" is not here`);
    const rows = (await images.packages(image.id)).map(({ ecosystem, name, version, source = '' }) => [name, version, ecosystem, source]);
    for (const line of aligned([['NAME', 'VERSION', 'KIND', 'SOURCE'], ...rows.toSorted(byName)])) terminal.line(line);
  });
}

function byName([a = '']: readonly string[], [b = '']: readonly string[]): number {
  return a < b ? -1 : Number(a > b);
}

/** Ready nodes answer at once, or look into an image for the first time. */
const nodeMs = 60_000;

export async function findPackage({ terminal, environment }: Invocation, text: string, options: ImageCommandOptions): Promise<void> {
  const query = parseQuery(text);
  if (query === undefined) throw new CommandFailure(`"${text}" is no package: it looks like openssl, 'openssl<3.0.12' or '@babel/core>=7.1' (with quotes, lest the shell reads < and >)`);
  const kubeconfig = environment['KUBECONFIG'] || join(resolve(options.dataDir), 'admin.kubeconfig');
  const access = await readKubeconfig(kubeconfig).catch((error: unknown) => {
    throw new CommandFailure(`the cluster is not known by ${kubeconfig}: name its data directory with --data-dir, or a kubeconfig in KUBECONFIG`, { cause: error });
  });
  const transport = httpsTransport({ ...access, userAgent: 'coracle', requestTimeoutMs: nodeMs });
  try {
    const nodes = (await createClient(transport).list(Node)).items.map(({ metadata }) => metadata?.name ?? '');
    const answers = await Promise.all(nodes.map((node) => ask(transport, node, query)));
    const rows = answers.flatMap(({ rows: each }) => each);
    if (rows.length > 0) for (const line of aligned([['NAMESPACE', 'POD', 'CONTAINER', 'IMAGE', 'PACKAGE', 'VERSION', 'NODE'], ...rows])) terminal.line(line);
    const problems = answers.flatMap(({ problems: each }) => each);
    // What is not known must not look like an answer.
    if (problems.length > 0) throw new CommandFailure(`not all could be looked into: ${problems.join('; ')}`);
    if (rows.length === 0) terminal.line(`no running container's image has ${text}`);
  } finally {
    transport.close();
  }
}

interface NodeAnswer {
  readonly rows: readonly (readonly string[])[];
  readonly problems: readonly string[];
}

async function ask(transport: HttpsTransport, node: string, query: PackageQuery): Promise<NodeAnswer> {
  try {
    const answer = await transport.getPath(`/api/v1/nodes/${encodeURIComponent(node)}/proxy/packages?${new URLSearchParams({ name: query.name }).toString()}`) as PackageAnswer;
    return {
      rows: answer.containers.flatMap((container) => rowsOf(container, node, query)),
      problems: answer.containers.filter(({ problem }) => problem !== undefined).map(({ image, problem = '' }) => `${image} on node ${node}: ${problem}`),
    };
  } catch (error) {
    return { rows: [], problems: [`node ${node}: ${messageOf(error)}`] };
  }
}

function rowsOf({ namespace, pod, container, image, packages }: ContainerPackages, node: string, query: PackageQuery): readonly (readonly string[])[] {
  return packages.filter((each) => matchesQuery(each, query)).map(({ name, version }) => [namespace, pod, container, image, name, version, node]);
}
