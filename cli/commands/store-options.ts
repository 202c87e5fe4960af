import { InvalidArgumentError, type Command } from 'commander';

/** Adds the options that say where the cluster's state is kept. */
export function withStoreOptions(command: Command): Command {
  return command
    .option('--store <kind>', 'where the state is kept: embedded (in the data directory) or etcd; kept after the first start', storeKind)
    .option('--etcd-endpoints <urls>', 'servers of the etcd cluster, separated by commas: https://10.0.0.1:2379,…', etcdEndpoints)
    .option('--etcd-prefix <path>', "what the cluster's keys begin with in an etcd that others use too: /production", etcdPrefix)
    .option('--etcd-cafile <file>', "authority of etcd's certificates, PEM")
    .option('--etcd-certfile <file>', 'client certificate for etcd, PEM')
    .option('--etcd-keyfile <file>', 'its key, PEM')
    .option('--encryption-provider-config <file>', 'an EncryptionConfiguration: which kinds are sealed where they are kept, and with which keys')
    .option('--server-token-file <file>', "a further server of a cluster on etcd: a copy of the first one's <data-dir>/server-token");
}

function storeKind(text: string): 'embedded' | 'etcd' {
  if (text !== 'embedded' && text !== 'etcd') throw new InvalidArgumentError('It is embedded or etcd.');
  return text;
}

function etcdEndpoints(text: string): readonly string[] {
  const endpoints = text.split(',');
  const schemes = new Set(endpoints.map((endpoint) => {
    const url = URL.parse(endpoint);
    if (url === null || !['http:', 'https:'].includes(url.protocol) || url.pathname !== '/') throw new InvalidArgumentError('They look like https://10.0.0.1:2379, separated by commas.');
    return url.protocol;
  }));
  if (schemes.size > 1) throw new InvalidArgumentError('Either all are https or all are http.');
  return endpoints.map((endpoint) => endpoint.replace(/\/$/, ''));
}

function etcdPrefix(text: string): string {
  if (!/^(\/[A-Za-z0-9._-]+)+$/.test(text)) throw new InvalidArgumentError('It begins with a slash and ends without one: /production.');
  return text;
}
