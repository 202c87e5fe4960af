/** Who a token of an outside issuer stands for. Pure. Source: "OpenID Connect Tokens", Authenticating. */
import type { User } from '../../request.ts';

export interface OidcOptions {
  /** `https://accounts.example.com`; the `iss` of its tokens, and where its keys are found. */
  readonly issuerUrl: string;
  /** What tokens must be for (`aud`). */
  readonly clientId: string;
  /** Claim that names the user. Default: `sub`. */
  readonly usernameClaim?: string;
  /** Before each user's name; '-': nothing. Default: `<issuer>#`, and nothing when the claim is `email`. */
  readonly usernamePrefix?: string;
  /** Claim that lists groups: a text or a list of texts. */
  readonly groupsClaim?: string;
  readonly groupsPrefix?: string;
  /** Claims that a token must have with these very values. */
  readonly requiredClaims?: Readonly<Record<string, string>>;
  /** Default: RS256. */
  readonly signingAlgorithms?: readonly string[];
  /** Of the issuer's certificate. Default: the machine's authorities. */
  readonly caPem?: string;
}

/** A token with a good signature whose claims don't do; the message says which. */
export class ClaimsRefused extends Error {
  constructor(why: string) {
    super(why);
    this.name = 'ClaimsRefused';
  }
}

/** Throws `ClaimsRefused`. */
export function userOfClaims(options: OidcOptions, claims: Readonly<Record<string, unknown>>): User {
  for (const [name, value] of Object.entries(options.requiredClaims ?? {})) {
    if (claims[name] !== value) throw new ClaimsRefused(`required claim ${name} is not ${JSON.stringify(value)}`);
  }
  return { name: userNameOf(options, claims), groups: [...groupsOf(options, claims), 'system:authenticated'] };
}

function userNameOf({ issuerUrl, usernameClaim = 'sub', usernamePrefix }: OidcOptions, claims: Readonly<Record<string, unknown>>): string {
  const name = claims[usernameClaim];
  if (typeof name !== 'string' || name === '') throw new ClaimsRefused(`claim ${usernameClaim} is no text`);
  // An address that nobody has verified may be anybody's.
  if (usernameClaim === 'email' && claims['email_verified'] !== undefined && claims['email_verified'] !== true) throw new ClaimsRefused('email not verified');
  const prefix = usernamePrefix ?? (usernameClaim === 'email' ? '-' : `${issuerUrl}#`);
  return prefix === '-' ? name : prefix + name;
}

function groupsOf({ groupsClaim, groupsPrefix = '' }: OidcOptions, claims: Readonly<Record<string, unknown>>): readonly string[] {
  if (groupsClaim === undefined) return [];
  const given = claims[groupsClaim];
  if (given === undefined) return [];
  const groups = Array.isArray(given) ? given : [given];
  return groups.map((group: unknown) => {
    if (typeof group !== 'string') throw new ClaimsRefused(`claim ${groupsClaim} is neither a text nor a list of texts`);
    return groupsPrefix + group;
  });
}
