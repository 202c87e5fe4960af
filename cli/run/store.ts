import { join } from 'node:path';
import { openEmbedded } from '../../api/store/embedded.ts';
import { encryptedStore, reseal } from '../../api/store/encryption.ts';
import { readEncryptionConfiguration } from '../../api/store/encryption/configuration.ts';
import { StoreRefusedError, StoreUnavailableError } from '../../api/store/errors.ts';
import type { Store } from '../../api/store/store.ts';
import type { Log } from '../../client/log.ts';
import { replaceFile } from '../../node-agent/replace-file.ts';
import { requireUnchanged, type DataDir, type Identity } from '../data-dir.ts';
import { CommandFailure } from '../failure.ts';
import { readConfiguration, readGiven } from '../given-file.ts';

/** As the user wrote them; see `withStoreOptions`. */
export interface StoreOptions {
  readonly store?: 'embedded' | 'etcd';
  readonly etcdEndpoints?: readonly string[];
  readonly etcdPrefix?: string;
  readonly etcdCafile?: string;
  readonly etcdCertfile?: string;
  readonly etcdKeyfile?: string;
  readonly serverTokenFile?: string;
  readonly encryptionProviderConfig?: string;
}

type Rules = ReturnType<typeof readEncryptionConfiguration>;

/** What a new data directory remembers of the store. */
export function storeIdentity({ store, etcdPrefix = '' }: StoreOptions): Pick<Identity, 'store' | 'etcdPrefix'> {
  return store === 'etcd' ? { store, etcdPrefix } : {};
}

/** The options as they hold for `dataDir`, which remembers some, before anything starts. Throws `CommandFailure` for what must be wrong with them. */
export function checkStoreOptions(options: StoreOptions, dataDir: DataDir): StoreOptions {
  const store = dataDir.identity.store ?? 'embedded';
  requireUnchanged({ ...dataDir, identity: { ...dataDir.identity, store } }, 'store', '--store', options.store);
  if (store === 'etcd' && options.etcdEndpoints === undefined) throw new CommandFailure('--store etcd needs --etcd-endpoints https://host:2379');
  if (store === 'embedded' && (options.etcdEndpoints ?? options.serverTokenFile) !== undefined) throw new CommandFailure('--etcd-endpoints and --server-token-file go with --store etcd');
  if ((options.etcdCertfile === undefined) !== (options.etcdKeyfile === undefined)) throw new CommandFailure('--etcd-certfile and --etcd-keyfile go together');
  const { etcdPrefix } = dataDir.identity;
  if (etcdPrefix === undefined) return options;
  requireUnchanged(dataDir, 'etcdPrefix', '--etcd-prefix', options.etcdPrefix);
  return { ...options, etcdPrefix };
}

/** Opens the store that the options name. `ended` is called if it ends by itself. Throws `CommandFailure` for what a user can mend. */
export async function openStore(options: StoreOptions, dataDir: string, log: Log, ended: (error: Error) => void): Promise<Store> {
  const rules = options.encryptionProviderConfig === undefined ? undefined : await readConfiguration(options.encryptionProviderConfig, readEncryptionConfiguration);
  try {
    const store = options.etcdEndpoints === undefined ? await openInDataDir(dataDir, log, ended) : await openOnEtcd(options, options.etcdEndpoints, log);
    return rules === undefined ? store : sealing(store, rules, log);
  } catch (error) {
    if (error instanceof StoreRefusedError) throw new CommandFailure(error.message, { cause: error });
    throw error;
  }
}

/** The store as the API sees it; what older keys sealed is sealed again while it runs. */
function sealing(store: Store, rules: Rules, log: Log): Store {
  const stopping = new AbortController();
  const resealed = reseal(store, rules, stopping.signal).then(
    (count) => {
      if (count > 0) log.info({ count }, 'values were sealed with the first key of the encryption configuration');
    },
    (error: unknown) => log.error({ err: error }, 'sealing older values again failed; it is tried at the next start'),
  );
  const encrypted = encryptedStore(store, rules);
  return {
    ...encrypted,
    async close() {
      stopping.abort();
      await resealed;
      await encrypted.close();
    },
  };
}

function openInDataDir(dataDir: string, log: Log, ended: (error: Error) => void): Promise<Store> {
  return openEmbedded({
    path: join(dataDir, 'store'),
    onProblem: (what, error) => log.warn({ err: error }, what),
    onEnd: (error) => {
      log.error({ err: error }, 'the store ended');
      ended(new CommandFailure('the store ended, and with it the cluster; start again once its cause is mended', { cause: error }));
    },
  });
}

async function openOnEtcd({ etcdPrefix, etcdCafile, etcdCertfile, etcdKeyfile }: StoreOptions, endpoints: readonly string[], log: Log): Promise<Store> {
  // gRPC takes a tenth of a second to load: only who needs it waits for it.
  const { openEtcd } = await import('../../api/store/etcd.ts');
  const [ca, cert, key] = await Promise.all([etcdCafile, etcdCertfile, etcdKeyfile].map((file) => (file === undefined ? undefined : readGiven(file).then((pem) => Buffer.from(pem)))));
  try {
    return await openEtcd({
      endpoints, root: etcdPrefix ?? '',
      onProblem: (what, error) => log.warn({ err: error }, what),
      ...(ca === undefined ? {} : { credentials: { ca, ...(cert === undefined || key === undefined ? {} : { certificate: { cert, key } }) } }),
    });
  } catch (error) {
    if (error instanceof StoreUnavailableError) throw new CommandFailure(`no etcd answers at ${endpoints.join(', ')}: ${error.message}`, { cause: error });
    throw error;
  }
}

/** A further server takes over the cluster's token: what the keys in the store are sealed with. */
export async function takeServerToken({ serverTokenFile }: StoreOptions, dataDir: string): Promise<void> {
  if (serverTokenFile === undefined) return;
  const token = (await readGiven(serverTokenFile)).trim();
  if (!/^[0-9a-f]{64}$/.test(token)) throw new CommandFailure(`${serverTokenFile} holds no server token: copy <data-dir>/server-token of the cluster's first server`);
  await replaceFile(join(dataDir, 'server-token'), `${token}\n`);
}
