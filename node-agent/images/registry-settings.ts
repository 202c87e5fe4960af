import type { ImageReference } from './reference.ts';

/** How the registries of the world are reached from here. */
export interface RegistrySettings {
  /** Registries (`host[:port]`) spoken to over plain HTTP, besides those on loopback. */
  readonly insecure: readonly string[];
  /** By registry, as image names have it: where its images are asked for first, in order. */
  readonly mirrors: ReadonlyMap<string, readonly URL[]>;
}

export const noRegistrySettings: RegistrySettings = { insecure: [], mirrors: new Map() };

/** One place that has the images of a repository. */
export interface Endpoint {
  /** Of the distribution protocol, with a slash at the end: `https://host/v2/library/web/`. */
  readonly base: string;
  /** The repository's name there. */
  readonly repository: string;
}

export interface Endpoints {
  /** Asked first, in order. The registry's credentials are not for them. */
  readonly mirrors: readonly Endpoint[];
  /** The registry itself. */
  readonly own: Endpoint;
}

/** No mirror is pushed to. Pure. */
export function endpointsOf(reference: ImageReference, action: 'pull' | 'push', settings: RegistrySettings): Endpoints {
  const { registry, repository } = reference;
  const host = registry === 'docker.io' ? 'registry-1.docker.io' : registry;
  const scheme = isLoopback(host) || settings.insecure.includes(registry) ? 'http' : 'https';
  const own: Endpoint = { base: `${scheme}://${host}/v2/${repository}/`, repository };
  const mirrors = (action === 'pull' ? settings.mirrors.get(registry) ?? [] : []).map((url): Endpoint => {
    const there = `${url.pathname.replaceAll(/^\/|\/$/g, '')}/${repository}`.replace(/^\//, '');
    return { base: `${url.origin}/v2/${there}/`, repository: there };
  });
  return { mirrors, own };
}

function isLoopback(host: string): boolean {
  const name = host.replace(/:\d+$/, '');
  return name === 'localhost' || name === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(name);
}

/** `docker.io=https://mirror.example/hub`, as a user writes it. Throws an Error that says how. */
export function parseMirror(text: string): { readonly registry: string; readonly url: URL } {
  const [, registry = '', address = ''] = /^([^=]+)=(https?:\/\/.+)$/.exec(text) ?? [];
  const url = URL.canParse(address) ? new URL(address) : undefined;
  if (url === undefined || url.search !== '' || url.hash !== '' || url.username !== '' || !/^[a-z0-9.[\]:-]+$/.test(registry)) {
    throw new Error('it is a registry and the address of its mirror: docker.io=https://mirror.example');
  }
  return { registry, url };
}

/** A registry as image names have it: `host[:port]`. Throws an Error that says how. */
export function parseRegistry(text: string): string {
  if (!/^[a-z0-9.[\]-]+(:\d{1,5})?$/.test(text)) throw new Error('it is the name of a registry as images have it: registry.example:5000');
  return text;
}
