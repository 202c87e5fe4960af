import { InvalidArgumentError, type Command } from 'commander';

/** Adds the options that say who is let in besides the cluster's own users, and what is recorded of what they do. Names and meanings are kube-apiserver's. */
export function withAccessOptions(command: Command): Command {
  return command
    .option('--oidc-issuer-url <url>', 'OpenID Connect issuer whose tokens are let in: https://accounts.example.com', issuerUrl)
    .option('--oidc-client-id <id>', 'what its tokens must be for')
    .option('--oidc-username-claim <claim>', 'claim that names the user', 'sub')
    .option('--oidc-username-prefix <prefix>', "before each user's name; -: nothing (default: <issuer>#, nothing for email)")
    .option('--oidc-groups-claim <claim>', "claim that lists the user's groups")
    .option('--oidc-groups-prefix <prefix>', "before each group's name", '')
    .option('--oidc-required-claim <claim=value>', 'claim that a token must have; may be given more than once', requiredClaim)
    .option('--oidc-signing-algs <names>', 'algorithms that its tokens may be signed with, separated by commas', list, ['RS256'])
    .option('--oidc-ca-file <file>', "authority of the issuer's certificate, PEM (default: the machine's)")
    .option('--audit-policy-file <file>', 'Policy of audit.k8s.io/v1: which requests are recorded, and how much of them')
    .option('--audit-log-path <file>', 'where they are recorded; -: standard output (default: <data-dir>/audit.log)')
    .option('--audit-log-maxsize <megabytes>', 'size at which the audit log is renamed; 0: never', wholeNumber, 100)
    .option('--audit-log-maxbackup <count>', 'renamed audit logs that are kept; 0: all', wholeNumber, 10)
    .option('--audit-log-maxage <days>', 'days after which renamed audit logs are removed; 0: never', wholeNumber, 0);
}

function issuerUrl(text: string): string {
  if (URL.parse(text)?.protocol !== 'https:') throw new InvalidArgumentError('It looks like https://accounts.example.com.');
  return text;
}

function requiredClaim(text: string, before: Readonly<Record<string, string>> = {}): Readonly<Record<string, string>> {
  const [name, value] = text.split(/=(.*)/s, 2);
  if (name === undefined || name === '' || value === undefined) throw new InvalidArgumentError('It looks like claim=value.');
  return { ...before, [name]: value };
}

function wholeNumber(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('It is a whole number.');
  return Number(text);
}

function list(text: string): readonly string[] {
  return text.split(',');
}
