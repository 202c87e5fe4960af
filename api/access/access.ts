/** Who is calling, and may they? What the request path asks of `access/`; both answers come from the watch cache, at once. */
import type { RequestInfo, User } from '../request.ts';

/** What a connection and a request show of their caller. */
export interface Credentials {
  /** The verified client certificate, when the connection has one. */
  readonly certificate?: {
    readonly commonName: string;
    readonly organizations: readonly string[];
    /** Signed by the front proxy's authority: its holder tells in headers who asks, and is nobody itself. */
    readonly isFrontProxy?: true;
  };
  /** The `Authorization` header's bearer token. */
  readonly bearerToken?: string;
  /** Impersonation and front proxies' headers, lower-case names. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
}

export interface Authenticator {
  /** Throws `ApiError` 401 when credentials were shown and are wrong. Without any: `system:anonymous`. */
  authenticate(credentials: Credentials): Promise<User>;
}

export type Decision =
  | { readonly allowed: true; readonly reason: string }
  | { readonly allowed: false; readonly reason: string };

export interface Authorizer {
  authorize(user: User, info: RequestInfo): Decision;
}
