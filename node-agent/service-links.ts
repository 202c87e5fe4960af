import type { Service } from '../machinery/kinds/core.ts';

/**
 * `WEB_SERVICE_HOST` and its kin for the Services that a pod may know: its namespace's own, and always the API's.
 * Source: "Environment variables", Services.
 */
export function serviceLinks(services: readonly Service[], namespace: string, enabled: boolean): ReadonlyMap<string, string> {
  const variables = new Map<string, string>();
  for (const service of services) {
    const { name = '', namespace: at } = service.metadata ?? {};
    const isApi = name === 'kubernetes' && at === 'default';
    if (!isApi && !(enabled && at === namespace)) continue;
    const host = service.spec?.clusterIP;
    const ports = service.spec?.ports ?? [];
    const first = ports[0];
    if (host === undefined || host === '' || host === 'None' || first === undefined) continue;
    const prefix = envName(name);
    variables.set(`${prefix}_SERVICE_HOST`, host);
    variables.set(`${prefix}_SERVICE_PORT`, String(first.port));
    for (const port of ports) if (port.name !== undefined && port.name !== '') variables.set(`${prefix}_SERVICE_PORT_${envName(port.name)}`, String(port.port));
    for (const [position, port] of ports.entries()) dockerLink(variables, prefix, host, port.port, port.protocol ?? 'TCP', position === 0);
  }
  return variables;
}

function dockerLink(variables: Map<string, string>, prefix: string, host: string, port: number, protocol: string, isFirst: boolean): void {
  const lower = protocol.toLowerCase();
  const url = `${lower}://${host.includes(':') ? `[${host}]` : host}:${port}`;
  if (isFirst) variables.set(`${prefix}_PORT`, url);
  const base = `${prefix}_PORT_${port}_${protocol.toUpperCase()}`;
  variables.set(base, url);
  variables.set(`${base}_PROTO`, lower);
  variables.set(`${base}_PORT`, String(port));
  variables.set(`${base}_ADDR`, host);
}

function envName(name: string): string {
  return name.replaceAll('-', '_').toUpperCase();
}
