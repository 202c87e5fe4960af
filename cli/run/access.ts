import { join } from 'node:path';
import type { OidcOptions } from '../../api/access/oidc/claims.ts';
import type { AuditorOptions } from '../../api/audit/auditor.ts';
import { openAuditLog } from '../../api/audit/log-file.ts';
import { readAuditPolicy } from '../../api/audit/policy.ts';
import type { Log } from '../../client/log.ts';
import { CommandFailure } from '../failure.ts';
import { readConfiguration, readGiven } from '../given-file.ts';

/** As the user wrote them; see `withAccessOptions`. */
export interface AccessOptions {
  readonly oidcIssuerUrl?: string;
  readonly oidcClientId?: string;
  readonly oidcUsernameClaim: string;
  readonly oidcUsernamePrefix?: string;
  readonly oidcGroupsClaim?: string;
  readonly oidcGroupsPrefix: string;
  readonly oidcRequiredClaim?: Readonly<Record<string, string>>;
  readonly oidcSigningAlgs: readonly string[];
  readonly oidcCaFile?: string;
  readonly auditPolicyFile?: string;
  readonly auditLogPath?: string;
  readonly auditLogMaxsize: number;
  readonly auditLogMaxbackup: number;
  readonly auditLogMaxage: number;
}

/** The issuer that the options name; undefined: none. Throws `CommandFailure`. */
export async function oidcOptions(options: AccessOptions): Promise<OidcOptions | undefined> {
  const { oidcIssuerUrl: issuerUrl, oidcClientId: clientId, oidcCaFile: caFile } = options;
  if (issuerUrl === undefined && clientId === undefined) return undefined;
  if (issuerUrl === undefined || clientId === undefined) throw new CommandFailure('--oidc-issuer-url and --oidc-client-id go together');
  return {
    issuerUrl, clientId, usernameClaim: options.oidcUsernameClaim, groupsPrefix: options.oidcGroupsPrefix, signingAlgorithms: options.oidcSigningAlgs,
    ...(options.oidcUsernamePrefix === undefined ? {} : { usernamePrefix: options.oidcUsernamePrefix }),
    ...(options.oidcGroupsClaim === undefined ? {} : { groupsClaim: options.oidcGroupsClaim }),
    ...(options.oidcRequiredClaim === undefined ? {} : { requiredClaims: options.oidcRequiredClaim }),
    ...(caFile === undefined ? {} : { caPem: await readGiven(caFile) }),
  };
}

export interface Audit extends Pick<AuditorOptions, 'policy' | 'sink'> {
  close(): Promise<void>;
}

/** The audit log that the options ask for; undefined: none. Throws `CommandFailure`. */
export async function openAudit(options: AccessOptions, dataDir: string, log: Log): Promise<Audit | undefined> {
  const { auditPolicyFile: file, auditLogPath: path = join(dataDir, 'audit.log') } = options;
  if (file === undefined) {
    if (options.auditLogPath !== undefined) throw new CommandFailure('--audit-log-path needs --audit-policy-file: which requests are recorded');
    return undefined;
  }
  const policy = await readConfiguration(file, readAuditPolicy);
  const auditLog = await openAuditLog({
    path, maxSizeMb: options.auditLogMaxsize, maxBackups: options.auditLogMaxbackup, maxAgeDays: options.auditLogMaxage, now: Date.now,
    onError: (error) => log.error({ err: error }, 'the audit log could not be written'),
  }).catch((error: unknown) => {
    throw new CommandFailure(`cannot write the audit log ${path}: choose another --audit-log-path`, { cause: error });
  });
  return { policy, sink: (event) => { auditLog.write(event); }, close: () => auditLog.close() };
}
