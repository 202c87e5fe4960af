import { InvalidArgumentError, type Command } from 'commander';

/** Adds the options that say who is let in besides the cluster's own users. Names and meanings are kube-apiserver's. */
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
    .option('--oidc-ca-file <file>', "authority of the issuer's certificate, PEM (default: the machine's)");
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

function list(text: string): readonly string[] {
  return text.split(',');
}
