import { readFile } from 'node:fs/promises';
import type { OidcOptions } from '../../api/access/oidc/claims.ts';
import { CommandFailure } from '../failure.ts';

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
    ...(caFile === undefined ? {} : { caPem: await readAuthority(caFile) }),
  };
}

function readAuthority(file: string): Promise<string> {
  return readFile(file, 'utf8').catch((error: unknown) => {
    throw new CommandFailure(`cannot read ${file}`, { cause: error });
  });
}
